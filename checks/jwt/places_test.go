package jwt_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/jwt"
	"lapsewatch/internal/jose/josetest"
	"lapsewatch/watch"
)

func sample(subject string) string {
	return josetest.Raw(header, claims(`{"iss":"https://kubernetes.default.svc","aud":"api","sub":%q,"exp":%d}`, subject, in(90*day)), "s"+subject)
}

func ids(facts []watch.Fact) []string {
	var list []string
	for _, fact := range facts {
		list = append(list, fact.About().ID)
	}
	return list
}

func TestAMountedFolderIsReadAsKubernetesWritesIt(t *testing.T) {
	mount := filepath.Join(t.TempDir(), "tokens")
	write(t, filepath.Join(mount, "..2026_11_22", "token"), sample("a"))
	write(t, filepath.Join(mount, "..2026_11_22", "ca.crt"), "-----BEGIN CERTIFICATE-----\n")
	write(t, filepath.Join(mount, "..2026_11_22", "namespace"), "default")
	for link, to := range map[string]string{"..data": "..2026_11_22", "token": "..data/token", "ca.crt": "..data/ca.crt", "namespace": "..data/namespace", "same": "..data/token", "loop": "."} {
		if err := os.Symlink(to, filepath.Join(mount, link)); err != nil {
			t.Fatal(err)
		}
	}
	facts := newDesk().collect(t, jwt.Options{Paths: []string{mount, filepath.Join(mount, "token")}})
	if want := []string{"file:" + filepath.Join(mount, "same")}; !slices.Equal(ids(facts), want) {
		t.Fatalf("%q, want %q", ids(facts), want)
	}
	token := facts[0].(watch.Credential)
	if !strings.HasPrefix(token.Subject.Name, filepath.Join(mount, "same")+" (https://kubernetes.default.svc → api, ") || token.Details["place"] != filepath.Join(mount, "same") {
		t.Errorf("%+v", token)
	}
}

func TestWhatCannotBeReadIsAProblemOfItsOwn(t *testing.T) {
	folder := t.TempDir()
	empty := filepath.Join(folder, "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	opaque := write(t, filepath.Join(folder, "opaque"), "s3cr3t-opaque")
	encrypted := write(t, filepath.Join(folder, "encrypted"), josetest.Raw(`{"alg":"RSA-OAEP","enc":"A256GCM"}`, "s3cr3t", "s3cr3t")+".YQ.YQ")
	large := write(t, filepath.Join(folder, "large"), strings.Repeat("s3cr3t", 20000))
	gone := filepath.Join(folder, "gone")
	tests := map[string]struct {
		options jwt.Options
		reason  watch.Reason
		want    string
		hides   string
	}{
		"no token":             {jwt.Options{Paths: []string{opaque}}, watch.Unparsable, "read the token in " + opaque + ": it is no JSON Web Token: that has three parts with dots between them", "file:" + opaque + "/"},
		"an encrypted one":     {jwt.Options{Paths: []string{encrypted}}, watch.Unparsable, "read the token in " + encrypted + ": it is an encrypted token (JWE, RFC 7516): only its recipient can read its dates", "file:" + encrypted + "/"},
		"a large file":         {jwt.Options{Paths: []string{large}}, watch.TooLarge, "read the token in " + large + ": it is larger than the 64 KiB that a token may have", "file:" + large + "/"},
		"nothing there":        {jwt.Options{Paths: []string{gone}}, watch.NotFound, "read the token in " + gone + ": no such file or directory", "file:" + gone + "/"},
		"an empty folder":      {jwt.Options{Paths: []string{empty}}, watch.NotFound, "look for tokens in " + empty + ": no file in it holds a JSON Web Token", "file:" + empty + "/"},
		"a special file":       {jwt.Options{Paths: []string{"/dev/null"}}, watch.Unreadable, "read the token in /dev/null: it is not a regular file", "file:/dev/null/"},
		"a listed one is none": {jwt.Options{Tokens: []jwt.Token{listed("opaque", watch.SecretRef{File: opaque})}}, watch.Unparsable, "read the token in file " + opaque + ": it is no JSON Web Token: that has three parts with dots between them", ""},
		"a listed one is gone": {jwt.Options{Tokens: []jwt.Token{listed("gone", watch.SecretRef{File: gone})}}, watch.NotFound, "read the secret in file " + gone + ": no such file or directory", ""},
		"a variable not set":   {jwt.Options{Tokens: []jwt.Token{listed("unset", watch.SecretRef{Env: "LAPSEWATCH_NO_SUCH"})}}, watch.Unreadable, "read the secret in environment variable LAPSEWATCH_NO_SUCH: it is empty or not set", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			facts := newDesk().collect(t, test.options)
			if len(facts) != 1 {
				t.Fatalf("%+v", facts)
			}
			problem, ok := facts[0].(watch.Problem)
			if !ok || problem.Reason != test.reason || problem.Err.Error() != test.want || !problem.Confined || problem.HidesPrefix != test.hides {
				t.Errorf("%+v\nwant %s", facts[0], test.want)
			}
		})
	}
}

func TestOtherFilesInAFolderArePassedOver(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "readme"), "words")
	write(t, filepath.Join(folder, "large"), strings.Repeat("a", 100_000))
	write(t, filepath.Join(folder, "encrypted"), josetest.Raw(`{"alg":"RSA-OAEP","enc":"A256GCM"}`, "x", "y")+".YQ.YQ")
	write(t, filepath.Join(folder, "deeper", ".hidden"), sample("a"))
	if err := os.Symlink("nowhere", filepath.Join(folder, "broken")); err != nil {
		t.Fatal(err)
	}
	facts := newDesk().collect(t, jwt.Options{Paths: []string{folder}})
	if want := []string{"", "file:" + filepath.Join(folder, "deeper", ".hidden")}; !slices.Equal(ids(facts), want) {
		t.Fatalf("%q, want %q", ids(facts), want)
	}
	want := filepath.Join(folder, "encrypted") + " holds an encrypted token (JWE), whose dates only its recipient can read"
	if remark := facts[0].(watch.Remark); remark.Text != want {
		t.Errorf("remark %q, want %q", remark.Text, want)
	}
}

func TestAFolderThatIsTooLargeIsToldOnceAndHidesWhatIsBelow(t *testing.T) {
	folder := t.TempDir()
	for i := range 1001 {
		if err := os.Mkdir(filepath.Join(folder, strings.Repeat("d", i%200+1)+string(rune('a'+i/200))), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	facts := newDesk().collect(t, jwt.Options{Paths: []string{folder}})
	if len(facts) != 1 {
		t.Fatalf("%d facts", len(facts))
	}
	problem := facts[0].(watch.Problem)
	want := "look for tokens in " + folder + ": it holds more than 10000 files or 1000 folders; name the folder of the tokens itself"
	if problem.Reason != watch.TooLarge || problem.Err.Error() != want || problem.HidesPrefix != "file:"+folder+"/" {
		t.Errorf("%+v", problem)
	}
}

func TestAListedTokenIsNotFoundAgainInAFolder(t *testing.T) {
	folder := t.TempDir()
	token := write(t, filepath.Join(folder, "token"), sample("a"))
	t.Setenv("LAPSEWATCH_TEST_JWT", "Bearer "+sample("b"))
	facts := newDesk().collect(t, jwt.Options{Paths: []string{token}, Tokens: []jwt.Token{listed("from a file", watch.SecretRef{File: token}), listed("from the environment", watch.SecretRef{Env: "LAPSEWATCH_TEST_JWT"})}})
	if want := []string{"token:from a file", "token:from the environment"}; !slices.Equal(ids(facts), want) {
		t.Errorf("%q, want %q", ids(facts), want)
	}
}

func TestARenewedTokenIsTheSameSubjectWithAnotherIdentity(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "token"), sample("a"))
	before := newDesk().collect(t, jwt.Options{Paths: []string{path}})[0].(watch.Credential)
	write(t, path, josetest.Raw(header, claims(`{"iss":"https://kubernetes.default.svc","aud":"api","sub":"a","exp":%d}`, in(100*day)), "new"))
	after := newDesk().collect(t, jwt.Options{Paths: []string{path}})[0].(watch.Credential)
	if before.Subject.ID != after.Subject.ID || before.Subject.Name != after.Subject.Name || before.Identity == after.Identity {
		t.Errorf("%+v\n%+v", before, after)
	}
}

func TestThisMachineIsSearchedInUsualPlacesAndMissesNothing(t *testing.T) {
	t.Setenv("AZURE_FEDERATED_TOKEN_FILE", write(t, filepath.Join(t.TempDir(), "azure-identity-token"), sample("workload")))
	t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", filepath.Join(t.TempDir(), "gone"))
	check, err := jwt.Kind.BuildForThisMachine(newDesk().env)
	if err != nil {
		t.Fatal(err)
	}
	facts := checktest.Pass(t, check)
	if !slices.Contains(ids(facts), "file:"+os.Getenv("AZURE_FEDERATED_TOKEN_FILE")) || slices.Contains(ids(facts), "file:"+os.Getenv("AWS_WEB_IDENTITY_TOKEN_FILE")) {
		t.Errorf("%q", ids(facts))
	}
}

func TestTargetsOfAScanBeginWithJWT(t *testing.T) {
	for target, want := range map[string]bool{"jwt:token": true, "JWT:/var/run/token": true, "jwt:": false, "jwt": false, "jwt://host": false, "/var/run/token": false, "jwt.example:443": false} {
		if got := jwt.Kind.Takes(target); got != want {
			t.Errorf("%q: %v", target, got)
		}
	}
	path := write(t, filepath.Join(t.TempDir(), "token"), sample("a"))
	check, err := jwt.Kind.BuildForTargets([]string{"jwt:" + path, "jwt:" + path, "jwt:" + filepath.Dir(path) + "//" + filepath.Base(path)}, newDesk().env)
	if err != nil {
		t.Fatal(err)
	}
	if facts := checktest.Pass(t, check); len(facts) != 1 {
		t.Errorf("%d facts", len(facts))
	}
}

func TestWhatHeldATokenAndHoldsNoneIsNotPassedOver(t *testing.T) {
	for name, test := range map[string]struct {
		content string
		reason  watch.Reason
		want    string
	}{
		"empty":     {"", watch.Unparsable, "it is no JSON Web Token: that has three parts with dots between them; it held a token before"},
		"torn":      {sample("a")[:30], watch.Unparsable, "it is no JSON Web Token: that has three parts with dots between them; it held a token before"},
		"oversized": {strings.Repeat("a", 100_000), watch.TooLarge, "it is larger than the 64 KiB that a token may have; it held a token before"},
		"encrypted": {josetest.Raw(`{"alg":"RSA-OAEP","enc":"A256GCM"}`, "x", "y") + ".YQ.YQ", watch.Unparsable, "it is an encrypted token (JWE, RFC 7516): only its recipient can read its dates"},
	} {
		t.Run(name, func(t *testing.T) {
			folder, d := t.TempDir(), newDesk()
			write(t, filepath.Join(folder, "stays"), sample("b"))
			write(t, filepath.Join(folder, "never"), test.content)
			path := write(t, filepath.Join(folder, "token"), sample("a"))
			options := jwt.Options{Paths: []string{folder}}
			d.collect(t, options)
			write(t, path, test.content)
			for range 2 {
				facts, _ := checktest.ByID(t, d.collect(t, options))
				problem := checktest.WantProblem(t, facts["file:"+path], test.reason, "read the token in "+path+": "+test.want)
				if problem.HidesPrefix != "" || len(facts) != 2 {
					t.Errorf("%+v", facts)
				}
			}
			write(t, path, sample("a"))
			facts, _ := checktest.ByID(t, d.collect(t, options))
			checktest.Of[watch.Credential](t, facts, "file:"+path)
			remove(t, path)
			if facts, _ := checktest.ByID(t, d.collect(t, options)); len(facts) != 1 {
				t.Errorf("what was removed is missed: %+v", facts)
			}
			write(t, path, test.content)
			if facts, _ := checktest.ByID(t, d.collect(t, options)); len(facts) != 1 {
				t.Errorf("what came anew is taken for what held a token: %+v", facts)
			}
		})
	}
}

func TestWhatATokensFolderHoldsIsKnownAfterTheFolderWasAway(t *testing.T) {
	folder, d := filepath.Join(t.TempDir(), "tokens"), newDesk()
	path := write(t, filepath.Join(folder, "token"), sample("a"))
	options := jwt.Options{Paths: []string{folder}}
	d.collect(t, options)
	remove(t, folder)
	d.collect(t, options)
	write(t, path, "")
	facts, _ := checktest.ByID(t, d.collect(t, options))
	checktest.WantProblem(t, facts["file:"+path], watch.Unparsable, "it held a token before")
}

func TestManyFilesThatHeldTokensAreRememberedUpToABound(t *testing.T) {
	folder, memory := t.TempDir(), &checktest.Memory{}
	d := newDesk()
	d.env.Memory = memory
	for i := range 1100 {
		write(t, filepath.Join(folder, strconv.Itoa(i)), sample("a"))
	}
	d.collect(t, jwt.Options{Paths: []string{folder}})
	if kept := memory.Kept(); kept != 3+1000 {
		t.Errorf("%d keys are kept, want 3 of files and 1000 of lives", kept)
	}
	path := write(t, filepath.Join(folder, "1099"), "")
	facts, _ := checktest.ByID(t, d.collect(t, jwt.Options{Paths: []string{folder}}))
	checktest.WantProblem(t, facts["file:"+path], watch.Unparsable, "it held a token before")
}

func TestWhatIsLeftOfATokenIsNotPassedOver(t *testing.T) {
	folder := t.TempDir()
	damaged := write(t, filepath.Join(folder, "damaged"), josetest.Raw(header, `{"exp":`, "s"))
	several := write(t, filepath.Join(folder, "several"), sample("a")+"\n"+sample("b")+"\n")
	d, options := newDesk(), jwt.Options{Paths: []string{folder}}
	damage := func() { write(t, damaged, josetest.Raw(header, `{"exp":`, "s")) }
	facts, remarks := checktest.ByID(t, d.collect(t, options))
	if want := damaged + " was passed over: it is no JSON Web Token, though it begins like one: its payload is no JSON object"; len(facts) != 1 || len(remarks) != 1 || remarks[0] != want {
		t.Errorf("remarks %q, want %q", remarks, want)
	}
	checktest.WantProblem(t, facts["file:"+several], watch.Unparsable, "read the token in "+several+": it holds more than one token; name files that hold one each")
	write(t, damaged, sample("a"))
	d.collect(t, options)
	damage()
	for range 2 {
		facts, remarks = checktest.ByID(t, d.collect(t, options))
		checktest.WantProblem(t, facts["file:"+damaged], watch.Unparsable, "it is no JSON Web Token, though it begins like one: its payload is no JSON object")
		if len(remarks) != 0 {
			t.Errorf("remarks %q", remarks)
		}
	}
}

func TestAFolderWhoseTokensWereMetBeforeHoldsThem(t *testing.T) {
	folder := t.TempDir()
	token := write(t, filepath.Join(folder, "below", "token"), sample("a"))
	for name, options := range map[string]jwt.Options{
		"by another path": {Paths: []string{folder, filepath.Join(folder, "below")}},
		"by the list":     {Paths: []string{folder}, Tokens: []jwt.Token{listed("listed", watch.SecretRef{File: token})}},
	} {
		if facts := newDesk().collect(t, options); len(facts) != 1 {
			t.Errorf("%s: %+v", name, facts)
		}
	}
}

func TestFoldersOfAVolumeAreFollowedAndNoneOutsideOfIt(t *testing.T) {
	mount, elsewhere := t.TempDir(), t.TempDir()
	write(t, filepath.Join(elsewhere, "token"), sample("elsewhere"))
	write(t, filepath.Join(mount, "..2026_11_22", "tokens", "api"), sample("a"))
	for link, to := range map[string]string{"..data": "..2026_11_22", "tokens": "..data/tokens", "again": "..data/tokens", "up": ".", "out": elsewhere} {
		if err := os.Symlink(to, filepath.Join(mount, link)); err != nil {
			t.Fatal(err)
		}
	}
	facts, remarks := checktest.ByID(t, newDesk().collect(t, jwt.Options{Paths: []string{mount}}))
	if _, there := facts["file:"+filepath.Join(mount, "again", "api")]; !there || len(facts) != 1 {
		t.Errorf("%+v", facts)
	}
	if want := "links that lead out of " + mount + " to other folders were not followed: " + filepath.Join(mount, "out"); len(remarks) != 1 || remarks[0] != want {
		t.Errorf("remarks %q, want %q", remarks, want)
	}
}

func TestLimitsAreThoseOfEachPath(t *testing.T) {
	small, large, deep := t.TempDir(), t.TempDir(), t.TempDir()
	for i := range 1001 {
		if err := os.Mkdir(filepath.Join(large, strconv.Itoa(i)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(small, "token"), sample("a"))
	shallow := write(t, filepath.Join(deep, "1/2/3/4/5/6/7/8/token"), sample("b"))
	write(t, filepath.Join(deep, "1/2/3/4/5/6/7/8/9/token"), sample("c"))
	facts, _ := checktest.ByID(t, newDesk().collect(t, jwt.Options{Paths: []string{large, small, deep}}))
	checktest.WantProblem(t, facts["file:"+large], watch.TooLarge, "it holds more than 10000 files or 1000 folders")
	checktest.WantProblem(t, facts["file:"+deep], watch.TooLarge, "it holds folders that are nested deeper than 8 levels, which were not looked into")
	checktest.Of[watch.Credential](t, facts, "file:"+filepath.Join(small, "token"))
	checktest.Of[watch.Credential](t, facts, "file:"+shallow)
	if len(facts) != 4 {
		t.Errorf("%+v", facts)
	}
}
