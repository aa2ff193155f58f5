package gitfile

import (
	"path/filepath"
	"strings"
	"testing"

	"lapsewatch/watch"
)

func TestAPathThatLeadsOutOfTheCloneIsRefused(t *testing.T) {
	for _, bad := range []string{"../x", "a/../../x", "/etc/passwd", ".git/hooks/post-checkout", "a/.GIT/config", ".git. /config", "GIT~1/config", "", "a//b", "./a"} {
		if harmless(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	for _, good := range []string{"content/issues/a.md", ".github/workflows/build.yml", ".gitignore", "a.git/b"} {
		if err := harmless(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
}

func FuzzAPathThatIsTakenStaysInTheClone(f *testing.F) {
	f.Add("content/issues/a.md")
	f.Add("../.git/config")
	f.Fuzz(func(t *testing.T, name string) {
		if harmless(name) != nil {
			return
		}
		if !filepath.IsLocal(name) {
			t.Errorf("%q leads out of the clone", name)
		}
		for part := range strings.SplitSeq(name, "/") {
			if strings.EqualFold(part, ".git") {
				t.Errorf("%q is Git's own", name)
			}
		}
	})
}

func TestWrongOptionsAreNamedWithTheirPlaces(t *testing.T) {
	tests := []struct {
		name string
		edit func(*Options)
		want string
	}{
		{"push alone", func(o *Options) { o.Commit = false }, "push: there is nothing to push without commit: true"},
		{"no address of an author", func(o *Options) { o.AuthorEmail = "" }, "author_email: want one line of 1 to 200 visible characters"},
		{"a name that ends early", func(o *Options) { o.AuthorName = "A <b" }, "author_name: want neither < nor >"},
		{"a branch that is none", func(o *Options) { o.Branch = "a..b" }, `branch: it holds "..", which no name in Git may`},
		{"a remote that is an option", func(o *Options) { o.Remote = "--upload-pack=x" }, "remote: it begins or ends as no name in Git may"},
		{"no time", func(o *Options) { o.Timeout = 0 }, "timeout: want more than 0 and at most 5m"},
		{"a token in two places", func(o *Options) { o.Token = watch.SecretRef{Env: "A", File: "B"} }, "token: "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			options := Defaults()
			options.Commit, options.Push, options.AuthorEmail = true, true, "a@example.com"
			test.edit(&options)
			if err := options.Validate(); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}
