package discord

import (
	"regexp"
	"strings"
	"testing"

	"lapsewatch/internal/chat"
	"lapsewatch/internal/clean"
)

func TestProseMeansNothingButItself(t *testing.T) {
	for text, want := range map[string]string{
		"@everyone and x@here.example": "＠everyone and x＠here.example",
		"platform@example.com":         "platform@example.com",
		"<@1> <#2> <t:3>":              `\<@1\> \<\#2\> \<t:3\>`,
		"[a](https://evil.example)":    `\[a\]\(https\://evil.example\)`,
		`\* **b** __u__ ~~s~~ ||x||`:   `\\\* \*\*b\*\* \_\_u\_\_ \~\~s\~\~ \|\|x\|\|`,
		"`code`":                       "'code'",
		"# heading":                    `\# heading`,
		"-# small":                     `\-\# small`,
		" - list":                      ` \- list`,
		"12. list":                     `12\. list`,
		"10.0.0.1:443":                 `10\.0.0.1:443`,
		"a - b + c 1. d":               "a - b + c 1. d",
	} {
		if got := prose(text); got != want {
			t.Errorf("prose(%q) is %q, want %q", text, got, want)
		}
	}
}

var (
	escape = regexp.MustCompile(`\\[^0-9A-Za-z\s]`)
	// steering is what Discord's Markdown would read as markup once escapes are gone.
	steering = regexp.MustCompile("[*_~`|<>#\\\\\\[\\]()]|^ *([-+]|[0-9]+\\.) |(?i:@everyone|@here)")
	backward = regexp.MustCompile(`\\([^0-9A-Za-z\s])`)
)

func FuzzMarkup(f *testing.F) {
	for _, seed := range []string{"", "@everyone", "\\`a``b`", "__", "1.- x", "https://x", ":\\//", "@@everyone", "@every\\one", "\xff_<"} {
		f.Add(seed, 40)
	}
	f.Fuzz(func(t *testing.T, text string, most int) {
		text, most = clean.Text(text, 1000), min(max(most, 0), 3000)
		marked := prose(text)
		if found := steering.FindString(escape.ReplaceAllString(marked, "x")); found != "" {
			t.Errorf("%q in %q", found, marked)
		}
		if strings.Contains(marked, "://") && !strings.Contains(marked, `\://`) || everybody.MatchString(marked) {
			t.Errorf("a link or mention in %q", marked)
		}
		if got := backward.ReplaceAllString(marked, "$1"); got != withoutEverybody(strings.ReplaceAll(text, "`", "'")) {
			t.Errorf("%q reads as %q", text, got)
		}
		if got := inCode(text); strings.Contains(got, "`") || everybody.MatchString(got) {
			t.Errorf("inCode(%q) is %q", text, got)
		}
		if got := markup.Fit(text, most, prose); chat.UTF16(got) > most {
			t.Errorf("%d units of %q, want at most %d", chat.UTF16(got), got, most)
		}
	})
}
