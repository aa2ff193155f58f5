package googlechat

import (
	"html"
	"strings"
	"testing"
	"unicode/utf8"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/weblink"
)

func TestProseMeansNothingButItself(t *testing.T) {
	for text, want := range map[string]string{
		"<users/all>":              "&lt;users/all&gt;",
		"<https://evil.example|x>": "&lt;https://evil.example|x&gt;",
		"&lt;b&gt; &#60;":          "&amp;lt;b&amp;gt; &amp;#60;",
		"*.example.com _a_ ~b~":    "*.example.com _a_ ~b~",
		"`x`":                      "'x'",
	} {
		if got := prose(text); got != want {
			t.Errorf("prose(%q) is %q, want %q", text, got, want)
		}
	}
}

func TestNothingInCodeSteersATextMessage(t *testing.T) {
	for text, want := range map[string]string{
		"<users/all>":              "‹users/all›",
		"<https://evil.example|x>": "‹https:∕∕evil.example|x›",
		"```x```":                  "'''x'''",
		"ntp://[2001:db8::1]:123":  "ntp:∕∕[2001:db8::1]:123",
		"# a |  : *b* _c_ +1.5 s":  "# a |  : *b* _c_ +1.5 s",
	} {
		if got := inCode(text); got != want {
			t.Errorf("inCode(%q) is %q, want %q", text, got, want)
		}
	}
}

func FuzzMarkup(f *testing.F) {
	for _, seed := range []string{"", "<users/all>", "&lt;", "`a``b`", "https://example.com/?a=1&b=\"'<>", "\xff_<"} {
		f.Add(seed, 40)
	}
	f.Fuzz(func(t *testing.T, text string, most int) {
		if address := weblink.HTTPS(text); address != "" {
			if marked := link(address); strings.Count(marked, `"`) != 2 || strings.Count(marked, "<") != 2 || !strings.HasPrefix(marked, `<a href="https://`) {
				t.Errorf("link %s", marked)
			}
		}
		text, most = clean.Text(text, 1000), min(max(most, 0), 3000)
		marked := prose(text)
		if strings.ContainsAny(marked, "<>`") || html.UnescapeString(marked) != strings.ReplaceAll(text, "`", "'") {
			t.Errorf("%q is marked up as %q", text, marked)
		}
		if got := inCode(text); strings.ContainsAny(got, "<>`") || strings.Contains(got, "://") || utf8.RuneCountInString(got) != utf8.RuneCountInString(text) {
			t.Errorf("inCode(%q) is %q", text, got)
		}
		if got := markup.Fit(text, most, strong); len(got) > most && len(got) > len("<b></b>") {
			t.Errorf("%d bytes of %q, want at most %d", len(got), got, most)
		}
	})
}
