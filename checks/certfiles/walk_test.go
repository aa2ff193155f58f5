package certfiles

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lapsewatch/watch"
)

// estate writes certificates under names and gives the folder.
func estate(t testing.TB, names ...string) string {
	t.Helper()
	folder, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		write(t, filepath.Join(folder, name), certPEM(issue(t, filepath.Base(name), june).Cert.Raw))
	}
	return folder
}

func symlink(t testing.TB, target, path string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.Symlink(target, path)); err != nil {
		t.Fatal(err)
	}
}

func TestPathsGlobsAndExcludes(t *testing.T) {
	files := []string{"a/one.pem", "a/two.crt", "a/deep/er/three.pem", "b/one.pem", "b/old/one.pem", "c/tls/one.pem"}
	tests := []struct {
		name           string
		paths, exclude []string
		want           []string
	}{
		{"a folder is read with everything below", []string{"a"}, nil, []string{"a/one.pem", "a/two.crt", "a/deep/er/three.pem"}},
		{"a file alone", []string{"a/two.crt"}, nil, []string{"a/two.crt"}},
		{"a star stays within a folder", []string{"a/*.pem"}, nil, []string{"a/one.pem"}},
		{"two stars cross folders", []string{"a/**/*.pem"}, nil, []string{"a/one.pem", "a/deep/er/three.pem"}},
		{"alternatives", []string{"{a,b}/one.pem"}, nil, []string{"a/one.pem", "b/one.pem"}},
		{"alternatives of several folders", []string{"{a/deep,b}/**/*.pem"}, nil, []string{"a/deep/er/three.pem", "b/one.pem", "b/old/one.pem"}},
		{"alternatives of different depth", []string{"a/{two.crt,deep/er/three.pem}"}, nil, []string{"a/two.crt", "a/deep/er/three.pem"}},
		{"alternatives in each other", []string{"{a/{deep/er,none},c/tls}/*.{pem,crt}"}, nil, []string{"a/deep/er/three.pem", "c/tls/one.pem"}},
		{"more alternatives than are told apart", []string{strings.Repeat("{a/,,}", 6) + "*/er/*.pem"}, nil, []string{"a/deep/er/three.pem"}},
		{"a glob that matches a folder reads it", []string{"*/tls"}, nil, []string{"c/tls/one.pem"}},
		{"a star for a folder looks no deeper", []string{"*/one.pem"}, nil, []string{"a/one.pem", "b/one.pem"}},
		{"overlapping paths give each file once", []string{"a", "a/deep", "a/**/*.pem", "a/one.pem"}, nil, []string{"a/one.pem", "a/two.crt", "a/deep/er/three.pem"}},
		{"an excluded folder is not entered", []string{"b"}, []string{"**/old"}, []string{"b/one.pem"}},
		{"an excluded file is left out", []string{"a"}, []string{"**/*.crt", "**/deep/**"}, []string{"a/one.pem"}},
		{"a path is cleaned", []string{"./a//deep/../two.crt"}, nil, []string{"a/two.crt"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			folder := estate(t, files...)
			under := func(paths []string, suffix string) []string {
				var full []string
				for _, path := range paths {
					full = append(full, folder+"/"+path+suffix)
				}
				return full
			}
			got := collect(t, newCheck(t, func(o *Options) { o.Exclude = test.exclude }, under(test.paths, "")...))
			got.want(t, under(test.want, "#1")...)
		})
	}
}

func TestFoldersThatCannotLeadToAMatchAreNotWalked(t *testing.T) {
	tests := []struct {
		pattern, path string
		want          bool
	}{
		{"/x/{a,b/c}/*.pem", "/x/a", true},
		{"/x/{a,b/c}/*.pem", "/x/b", true},
		{"/x/{a,b/c}/*.pem", "/x/c", false},
		{"/x/{a,b/c}/*.pem", "/x/b/a", false},
		{"/x/{a,b}/{c/d,e}/*", "/x/b/c", true},
		{"/x/{a,b}/{c/d,e}/*", "/x/c", false},
		{`/x/\{a/b,c}/*`, "/x/{a", true},
		{`/x/\{a/b,c}/*`, "/x/c}", false},
		{"/x/**/y", "/x/a/b/c", true},
		{"/x/{a/b,{c/d,e}}/*", "/x/c/d", true},
	}
	for _, test := range tests {
		glob := &root{pattern: test.pattern, ways: ways(test.pattern)}
		if got := glob.mayMatchBelow(test.path); got != test.want {
			t.Errorf("below %s something may match %s: %t", test.path, test.pattern, got)
		}
	}
}

func TestRelativePathsStayRelative(t *testing.T) {
	t.Chdir(estate(t, "a/one.pem", "two.pem"))
	scan(t, ".").want(t, "a/one.pem#1", "two.pem#1")
	scan(t, "*.pem", "a").want(t, "a/one.pem#1", "two.pem#1")
}

func TestTheHomeFolderIsExpanded(t *testing.T) {
	home := estate(t, "certs/one.pem")
	t.Setenv("HOME", home)
	scan(t, "~/certs").want(t, home+"/certs/one.pem#1")
	scan(t, "~/c*/*.pem").want(t, home+"/certs/one.pem#1")
}

func TestAFileWithGlobCharactersInItsNameIsFound(t *testing.T) {
	folder := estate(t, "[ca].pem")
	scan(t, folder+"/[ca].pem").want(t, folder+"/[ca].pem#1")
}

func TestWhatDoesNotExist(t *testing.T) {
	folder := estate(t, "one.pem")
	got := scan(t, folder+"/gone.pem", folder+"/gone", folder+"/*.gone", folder+"/gone/*.pem", folder+"/one.pem")
	got.want(t, folder+"/gone.pem#1", folder+"/gone", folder+"/*.gone", folder+"/gone/*.pem", folder+"/one.pem#1")
	got.wantProblem(t, folder+"/gone.pem#1", watch.NotFound, true, "read certificate file "+folder+"/gone.pem: no such file or directory")
	got.wantProblem(t, folder+"/gone", watch.NotFound, false, "look for certificate files in "+folder+"/gone: no such file or directory")
	got.wantProblem(t, folder+"/*.gone", watch.NotFound, true, "look for certificate files in "+folder+"/*.gone: no file matches")
	got.wantProblem(t, folder+"/gone/*.pem", watch.NotFound, false, "look for certificate files in "+folder+"/gone/*.pem: no such file or directory")
}

func TestACertbotCertificateIsKnownByItsLink(t *testing.T) {
	folder := estate(t, "archive/x/fullchain1.pem", "archive/x/fullchain2.pem")
	live := folder + "/live/x/fullchain.pem"
	symlink(t, "../../archive/x/fullchain2.pem", live)
	t.Run("where the archive is walked too, once", func(t *testing.T) {
		got := scan(t, folder)
		got.want(t, live+"#1", folder+"/archive/x/fullchain1.pem#1")
		if also := got.credential(t, live+"#1").Details["also_at"]; fmt.Sprint(also) != "["+folder+"/archive/x/fullchain2.pem]" {
			t.Errorf("it is also at %s", also)
		}
	})
	t.Run("and a renewal changes its identity alone", func(t *testing.T) {
		check := newCheck(t, nil, folder+"/live")
		before := collect(t, check).credential(t, live+"#1")
		write(t, folder+"/archive/x/fullchain3.pem", certPEM(issue(t, "x", june.AddDate(0, 3, 0)).Cert.Raw))
		if err := os.Remove(live); err != nil {
			t.Fatal(err)
		}
		symlink(t, "../../archive/x/fullchain3.pem", live)
		got := collect(t, check)
		got.want(t, live+"#1")
		got.wantDate(t, live+"#1", june.AddDate(0, 3, 0))
		if got.credential(t, live+"#1").Identity == before.Identity {
			t.Error("the identity stayed")
		}
	})
}

func TestAKubernetesVolumeIsKnownByTheLinkThatLasts(t *testing.T) {
	folder := estate(t, "..2026_11_22/tls.crt")
	symlink(t, "..2026_11_22", folder+"/..data")
	symlink(t, "..data/tls.crt", folder+"/tls.crt")
	scan(t, folder).want(t, folder+"/tls.crt#1")
}

func TestLinksBySubjectHashNameNoFile(t *testing.T) {
	folder := estate(t, "own-ca.pem")
	symlink(t, "own-ca.pem", folder+"/0a1b2c3d.0")
	scan(t, folder).want(t, folder+"/own-ca.pem#1")
	symlink(t, folder+"/own-ca.pem", folder+"/sub/ca.pem")
	got := scan(t, folder)
	got.want(t, folder+"/sub/ca.pem#1")
	if also := fmt.Sprint(got.credential(t, folder+"/sub/ca.pem#1").Details["also_at"]); !strings.Contains(also, "own-ca.pem") || !strings.Contains(also, "0a1b2c3d.0") {
		t.Errorf("it is also at %s", also)
	}
}

func TestATargetIsKnownByThePathThatWasGiven(t *testing.T) {
	folder := estate(t, "real/with/a/long/path.pem")
	symlink(t, "real/with/a/long/path.pem", folder+"/l.pem")
	scan(t, folder+"/real/with/a/long/path.pem", folder).want(t, folder+"/real/with/a/long/path.pem#1")
}

func TestLinksToWhatIsExcludedAreExcluded(t *testing.T) {
	folder := estate(t, "usr/share/root.crt", "etc/own.pem")
	symlink(t, "../usr/share/root.crt", folder+"/etc/root.pem")
	got := collect(t, newCheck(t, func(o *Options) { o.Exclude = []string{"**/share/**"} }, folder+"/etc"))
	got.want(t, folder+"/etc/own.pem#1")
}

func TestLinksAreNotFollowedWhenToldSo(t *testing.T) {
	folder := estate(t, "real/one.pem", "walked/two.pem")
	symlink(t, "../real/one.pem", folder+"/walked/file.pem")
	symlink(t, "../real", folder+"/walked/folder")
	check := newCheck(t, func(o *Options) { o.FollowSymlinks = false }, folder+"/walked")
	collect(t, check).want(t, folder+"/walked/two.pem#1")
}

func TestLoopsOfLinksEnd(t *testing.T) {
	folder := estate(t, "a/one.pem")
	symlink(t, "..", folder+"/a/up")
	symlink(t, "../a", folder+"/a/self")
	symlink(t, "b", folder+"/c")
	symlink(t, "c", folder+"/b")
	symlink(t, "loop.pem", folder+"/loop.pem")
	symlink(t, "nowhere.pem", folder+"/dangling.pem")
	symlink(t, "nowhere.txt", folder+"/dangling.txt")
	got := scan(t, folder)
	got.want(t, folder+"/a/one.pem#1", folder+"/loop.pem#1", folder+"/dangling.pem#1")
	got.wantProblem(t, folder+"/loop.pem#1", watch.Unreadable, true, "read certificate file "+folder+"/loop.pem: follow the link: too many levels of symbolic links")
	got.wantProblem(t, folder+"/dangling.pem#1", watch.NotFound, true, "read certificate file "+folder+"/dangling.pem: follow the link: no such file or directory")
}

func TestAFolderThatLinksReachIsReadOnceByItsRealPath(t *testing.T) {
	folder := estate(t, "z/one.pem", "outside/two.pem")
	symlink(t, "z", folder+"/a-link-before-it")
	scan(t, folder).want(t, folder+"/z/one.pem#1", folder+"/outside/two.pem#1")
	symlink(t, "../outside", folder+"/z/in")
	scan(t, folder+"/z").want(t, folder+"/z/one.pem#1", folder+"/z/in/two.pem#1")
}

func TestTooManyFilesAreOneProblem(t *testing.T) {
	folder := estate(t, "1.pem", "2.pem", "3.pem", "sub/4.pem")
	got := collect(t, newCheck(t, func(o *Options) { o.MaxFiles = 2 }, folder))
	if len(got) != 3 {
		t.Fatalf("the subjects are %q", got.ids())
	}
	got.wantProblem(t, folder, watch.TooLarge, false, "look for certificate files in "+folder+": there are more than max_files (2)")
}

func TestALargeFileIsReportedWhenItsNamePromisesACertificate(t *testing.T) {
	folder := estate(t)
	big := strings.Repeat("x", 5000)
	write(t, folder+"/big.pem", big)
	write(t, folder+"/big.log", big)
	got := collect(t, newCheck(t, func(o *Options) { o.MaxFileSize = 4096 }, folder))
	got.want(t, folder+"/big.pem#1")
	got.wantProblem(t, folder+"/big.pem#1", watch.TooLarge, true, "read certificate file "+folder+"/big.pem: is larger than max_file_size (4096 bytes)")
}

// What looks empty is most likely a volume that is not mounted; nothing has gone.
func TestAnEmptyFolderIsAProblemThatHidesWhatWasThere(t *testing.T) {
	folder := estate(t)
	got := collect(t, newCheck(t, nil, folder))
	got.wantProblem(t, folder, watch.NoCertificate, false, "look for certificate files in "+folder+": there is nothing in it to watch (is a volume not mounted?)")
	if err := os.Mkdir(folder+"/below", 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, folder+"/below/readme.txt", "nothing here")
	collect(t, newCheck(t, nil, folder)).want(t)
	collect(t, newCheck(t, nil, folder, folder+"/below")).want(t)
}

func TestTheProgressBarHearsOfEveryFile(t *testing.T) {
	folder := estate(t, "1.pem", "2.pem", "sub/3.pem")
	env := testEnv()
	expected := 0
	env.Expect = func(n int) { expected += n }
	options := defaults()
	options.Paths = []string{folder}
	check, err := New(options, env)
	if err != nil {
		t.Fatal(err)
	}
	if collect(t, check); expected != 3 {
		t.Errorf("%d were announced, want 3", expected)
	}
}

func TestAnUnchangedFileIsNotReadAgain(t *testing.T) {
	bundle := certPEM(issue(t, "one.example.com", june).Cert.Raw) + certPEM(authority(t).Cert.Raw) + blockPEM("X509 CRL", crl(t, june))
	folder := estate(t)
	path := write(t, folder+"/one.pem", bundle)
	check := newCheck(t, nil, folder)
	first := collect(t, check)
	collect(t, check)
	// Spoilt behind the cache's back: its length and inode stay, and the times that are
	// remembered are made to fit, so whatever is told now was not read.
	state, err := statFile(path)
	if err != nil {
		t.Fatal(err)
	}
	kept := check.(*Check).cache.folders[folder]
	write(t, path, strings.Repeat("x", len(bundle)))
	disguised, err := statFile(path)
	if err != nil || kept.files[0].id != state.id {
		t.Fatal(err, kept.files[0])
	}
	kept.files[0].modified, kept.files[0].changed = disguised.modified, disguised.changed
	again := collect(t, check)
	again.want(t, path+"#1", path+"#2", path+"#3")
	for id, fact := range first {
		if fmt.Sprint(fact) != fmt.Sprint(again[id]) {
			t.Errorf("first\n  %v\nthen\n  %v", fact, again[id])
		}
	}
}

func TestAChangedFileIsReadAgain(t *testing.T) {
	old := certPEM(issue(t, "same.example.com", june).Cert.Raw)
	renewed := certPEM(issue(t, "same.example.com", june.AddDate(1, 0, 0)).Cert.Raw)
	tests := []struct {
		name   string
		change func(t *testing.T, path string) error
	}{
		{"written over", func(_ *testing.T, path string) error { return os.WriteFile(path, []byte(renewed), 0o644) }},
		{"written over with its old time", func(_ *testing.T, path string) error {
			info, err := os.Stat(path)
			return errors.Join(err, os.WriteFile(path, []byte(renewed), 0o644), os.Chtimes(path, info.ModTime(), info.ModTime()))
		}},
		{"replaced by renaming", func(t *testing.T, path string) error {
			next := write(t, path+".new", renewed)
			return os.Rename(next, path)
		}},
		{"replaced by an older file", func(t *testing.T, path string) error {
			next := write(t, path+".new", renewed)
			past := time.Now().AddDate(-1, 0, 0)
			return errors.Join(os.Chtimes(next, past, past), os.Rename(next, path))
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			folder := estate(t)
			path := write(t, folder+"/x.pem", old)
			check := newCheck(t, nil, folder)
			for range 3 {
				collect(t, check).wantDate(t, path+"#1", june)
			}
			if err := test.change(t, path); err != nil {
				t.Fatal(err)
			}
			collect(t, check).wantDate(t, path+"#1", june.AddDate(1, 0, 0))
		})
	}
}

func TestAFileThatChangedJustNowIsNotRemembered(t *testing.T) {
	folder := estate(t, "x.pem")
	env := testEnv()
	env.Now = time.Now
	options := defaults()
	options.Paths = []string{folder}
	check, err := New(options, env)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		collect(t, check).wantDate(t, folder+"/x.pem#1", june)
	}
	if files := check.(*Check).cache.folders[folder].files; files[0].contents != "" {
		t.Error("it is remembered although it could change within the same tick of the clock")
	}
}

func TestFilesComeAndGoBetweenPasses(t *testing.T) {
	folder := estate(t, "b.pem", "d.pem", "sub/e.pem")
	check := newCheck(t, nil, folder)
	for range 3 {
		collect(t, check).want(t, folder+"/b.pem#1", folder+"/d.pem#1", folder+"/sub/e.pem#1")
	}
	write(t, folder+"/a.pem", certPEM(issue(t, "a", june.AddDate(0, 1, 0)).Cert.Raw))
	if err := errors.Join(os.Remove(folder+"/b.pem"), os.RemoveAll(folder+"/sub")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		got := collect(t, check)
		got.want(t, folder+"/a.pem#1", folder+"/d.pem#1")
		got.wantDate(t, folder+"/a.pem#1", june.AddDate(0, 1, 0))
		got.wantDate(t, folder+"/d.pem#1", june)
	}
	if known := len(check.(*Check).cache.folders); known != 1 {
		t.Errorf("%d folders are remembered, want 1", known)
	}
}
