package teams

import (
	"strings"
	"testing"
)

func TestNothingInATextIsActedOn(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"an ordinary name", "Platform team <platform@example.com>", "Platform team <platform@example.com>"},
		{"a mention", "<at>everyone</at>", "< at>everyone< /at>"},
		{"a mention with an id", `<AT id="0">all</At>`, `< AT id="0">all< /At>`},
		{"a word that begins like a mention", "<atlas>", "<atlas>"},
		{"a date function", "{{DATE(2017-02-14T06:00:00Z, SHORT)}}", "{ {DATE(2017-02-14T06:00:00Z, SHORT)}}"},
		{"braces without end", "{{{{{TIME(x)", "{ { { { {TIME(x)"},
		{"a Markdown link, which text runs show as it is", "[renew](https://evil.example.org)", "[renew](https://evil.example.org)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := inert(test.text); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func FuzzInert(f *testing.F) {
	for _, seed := range []string{"<at>x</at>", "{{DATE(", "<<at", "{{{", "<At\t", "</AT>{{{{"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := inert(text)
		if strings.Contains(got, "{{") || mentionTag.MatchString(got) {
			t.Errorf("%q still acts in %q", text, got)
		}
		if strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(text, " ", "") {
			t.Errorf("%q has become %q: more than spaces differ", text, got)
		}
	})
}
