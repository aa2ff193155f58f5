package githubissues_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/githubissues"
)

func TestACutLeavesNoCodeOpen(t *testing.T) {
	tests := []struct {
		name, text string
		limit      int
		want       string
	}{
		{"what fits stays", "owned by `@org/team`", 20, "owned by `@org/team`"},
		{"words are cut", "owned by the platform team", 12, "owned by t…"},
		{"code is closed", "owned by `@org/team`", 16, "owned by `@org`…"},
		{"the line before does not count", "a `b\nc d e f g", 10, "a `b\nc d…"},
		{"no room leaves the mark", "abc", 1, "…"},
	}
	for _, test := range tests {
		if got := githubissues.Cut(test.text, test.limit); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestALinkToWorkIsKnown(t *testing.T) {
	for link, want := range map[string]bool{
		"https://github.com/acme/infra/issues/1": true, "https://ghe.example.com/a/b/pull/2": true, "https://github.com/a/b/commit/5d41402": true,
		"https://inventory.example.com/credentials/42": false, "https://github.com/acme/infra": false, "https://[": true,
	} {
		if got := githubissues.PointsAtWork(link); got != want {
			t.Errorf("%s: %t, want %t", link, got, want)
		}
	}
}

func FuzzACutOfQuotedTextIsQuoted(f *testing.F) {
	f.Add("@org/team", 8)
	f.Add("a `b` c", 3)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		if limit < 2 || limit > 300 {
			return
		}
		quoted := "by " + githubissues.Quote(clean.Text(text, 200))
		cut := githubissues.Cut(quoted, limit)
		if utf8.RuneCountInString(cut) > limit || strings.Count(cut, "`")%2 != 0 {
			t.Errorf("%q of %q", cut, quoted)
		}
	})
}
