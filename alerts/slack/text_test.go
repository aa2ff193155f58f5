package slack

import (
	"html"
	"regexp"
	"strings"
	"testing"

	"lapsewatch/internal/chat"
	"lapsewatch/internal/clean"
)

func TestProseMeansNothingButItself(t *testing.T) {
	for text, want := range map[string]string{
		"<!channel>":                 "&lt;!channel&gt;",
		"<@U1> & <https://a|b>":      "&lt;@U1&gt; &amp; &lt;https://a|b&gt;",
		"&lt;!here&gt;":              "&amp;lt;!here&amp;gt;",
		">>> quoted > not":           "››› quoted &gt; not",
		"*bold* ~gone~ `code`":       "∗bold∗ ∼gone∼ 'code'",
		"_italic_ __x__ _":           "＿italic＿ ＿＿x＿＿ ＿",
		"client_secret of _dmarc.a_": "client_secret of ＿dmarc.a＿",
	} {
		if got := prose(text); got != want {
			t.Errorf("prose(%q) is %q, want %q", text, got, want)
		}
	}
}

// steering is what mrkdwn would read as markup.
var steering = regexp.MustCompile("[<>*~`]|&(?:[^alg]|$)")

func FuzzMarkup(f *testing.F) {
	for _, seed := range []string{"", "<!channel>", "&lt;", "`a``b`", "__", "_a_b_", "*.example.com", "é_é", "\xff_<"} {
		f.Add(seed, 40)
	}
	f.Fuzz(func(t *testing.T, text string, most int) {
		text, most = clean.Text(text, 1000), min(max(most, 0), 3000)
		marked := prose(text)
		if found := steering.FindString(marked); found != "" {
			t.Errorf("%q in %q", found, marked)
		}
		if emphasis.MatchString(marked) {
			t.Errorf("emphasis in %q", marked)
		}
		if got := inCode(text); strings.ContainsAny(got, "<>`") || html.UnescapeString(got) != strings.ReplaceAll(text, "`", "'") && !strings.Contains(text, "&") {
			t.Errorf("inCode(%q) is %q", text, got)
		}
		if got := markup.Fit(text, most, prose); chat.UTF16(got) > most {
			t.Errorf("%d units of %q, want at most %d", chat.UTF16(got), got, most)
		}
	})
}
