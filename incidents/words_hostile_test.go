package incidents_test

import (
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"lapsewatch/incidents"
	"lapsewatch/watch"
)

// code quotes as systems of Markdown do.
func code(text string) string { return "`" + strings.ReplaceAll(text, "`", "'") + "`" }

var codeSpan = regexp.MustCompile("`[^`\n]*`")

// fill puts a text into every text of a story, wherever it is.
func fill(value reflect.Value, with string) {
	switch value.Kind() {
	case reflect.String:
		if value.Type() == reflect.TypeFor[string]() {
			value.SetString(with)
		}
	case reflect.Pointer:
		if !value.IsNil() {
			fill(value.Elem(), with)
		}
	case reflect.Slice:
		for i := range value.Len() {
			fill(value.Index(i), with)
		}
	case reflect.Struct:
		for i := range value.NumField() {
			if value.Type().Field(i).IsExported() {
				fill(value.Field(i), with)
			}
		}
	default: // numbers and truths hold no text
	}
}

func filled(with string) []incidents.Story {
	stories := incidents.Samples()
	for i := range stories {
		fill(reflect.ValueOf(&stories[i]).Elem(), with)
	}
	return stories
}

// hostile are the attacks of names and messages that come from outside.
var hostile = []struct{ name, text, never string }{
	{"A2 a script", `<script>alert(1)</script>`, "<script"},
	{"A2 an image that runs", `"><img src=x onerror=alert(1)>`, "<img"},
	{"A2 a template", `{{template "title"}}{{.Key}}`, "{{"},
	{"A10 a template that calls", `{{printf "%d" 1}}${HOME}`, "{{"},
	{"A4 a broadcast of Slack", `<!channel> <@U1>`, "<!channel>"},
	{"A4 a link that lies", `<https://evil.example|portal.example.com>`, "<https://evil"},
	{"A4 the end of a quotation", "``` out ```", "```"},
	{"A5 a mention of everybody", `@everyone @org/team`, "@everyone"},
	{"A5 a reference that closes", `fixes #1`, "fixes #1"},
	{"A5 a link of Markdown", `[portal](https://evil.example)`, "](https"},
	{"A5 a macro of Jira", `{code}[~admin]`, "{code}"},
	{"A8 a line of its own", "a\n## Resolution\nAll is well", "\n## Resolution\nAll"},
	{"A3 a header", "a\r\nBcc: x@example.com", "\nBcc"},
	{"A7 a terminal colour", "\x1b[31mred", "\x1b"},
	{"A7 a right-to-left override", "gpj.\u202Eexe", "\u202E"},
	{"A7 a zero-width character", "pay\u200Bpal", "\u200B"},
	{"A9 invalid UTF-8", "a\xff\xfe", "\xff"},
}

func TestHostileTextsStandQuotedInEveryText(t *testing.T) {
	for _, language := range []string{"en", "fr"} {
		words := newWords(t, language, incidents.Texts{}, code)
		for _, attack := range hostile {
			t.Run(language+" "+attack.name, func(t *testing.T) {
				for _, story := range filled(attack.text) {
					for key, text := range everyText(t, words, story) {
						bare := codeSpan.ReplaceAllString(text, "")
						if strings.Contains(bare, attack.never) || strings.Contains(bare, "`") {
							t.Errorf("%s has %q outside of quotations:\n%s", key, attack.never, text)
						}
						for _, char := range text {
							if char != '\n' && !unicode.IsPrint(char) {
								t.Errorf("%s has %U", key, char)
							}
						}
					}
				}
			})
		}
	}
}

func TestA10_ATemplateInANameIsNeverRun(t *testing.T) {
	words := newWords(t, "en", incidents.Texts{Title: "{{.Services}}", Internal: "{{range .Causes}}{{.Name}}{{end}}"}, nil)
	story := incidents.Samples()[3]
	story.Components = []watch.Component{{Name: `{{.Key}}`}}
	story.Causes = []incidents.Cause{{Name: `{{range .Causes}}{{end}}`}}
	texts := everyText(t, words, story)
	if texts["title"] != `{{.Key}}` || texts["internal"] != `{{range .Causes}}{{end}}` {
		t.Errorf("got %q and %q", texts["title"], texts["internal"])
	}
}

func TestOwnTemplatesGetQuotedTextsAndAreNotQuotedThemselves(t *testing.T) {
	words := newWords(t, "en", incidents.Texts{Title: "*{{.Services}}*: {{phase .Phase}} @ops"}, code)
	story := incidents.Samples()[0]
	if got, want := everyText(t, words, story)["title"], "*`Customer portal`*: investigating @ops"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPublicTextsNameNoPartOfTheEstateAndNobody(t *testing.T) {
	const inside = "inside.example.com"
	for _, language := range []string{"en", "fr"} {
		words := newWords(t, language, incidents.Texts{}, nil)
		for i, story := range incidents.Samples() {
			components, upstreams := story.Components, story.Upstreams
			story.Components, story.Upstreams = nil, nil
			fill(reflect.ValueOf(&story).Elem(), inside)
			story.Components, story.Upstreams = components, upstreams
			texts := everyText(t, words, story)
			if strings.Contains(texts["title"]+texts["text"], inside) {
				t.Errorf("%s, %s: %s\n%s", language, sampleNames[i], texts["title"], texts["text"])
			}
			if !strings.Contains(texts["internal"], inside) {
				t.Errorf("%s, %s: the internal text says nothing of the cause", language, sampleNames[i])
			}
		}
	}
}

func TestLinksOfProvidersThatAreNotHTTPSAreNotShown(t *testing.T) {
	words := newWords(t, "en", incidents.Texts{}, nil)
	story := incidents.Story{Phase: watch.Identified, Upstreams: []incidents.Upstream{
		{Name: "One", Link: "javascript:alert(1)"}, {Name: "Two", Link: "https://user:pass@evil.example/"}, {Name: "Three", Link: "https://status.example.net/"},
	}}
	want := "A provider that a service depends on reports a problem.\n\nOur provider One reports a problem.\nOur provider Two reports a problem.\nOur provider Three reports a problem (https://status.example.net/)."
	if got := everyText(t, words, story)["text"]; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
