package stubtext_test

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"

	"lapsewatch/internal/stubtext"
	"lapsewatch/watch"
)

func key(source string) string {
	return watch.NewIncidentKey(source, "orders", time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)).String()
}

func TestTheKeyIsFoundInTheLastLineOnly(t *testing.T) {
	ours := key("example")
	tests := []struct {
		name, text, key string
		phase           watch.Phase
	}{
		{"as it is written", stubtext.WithRef("Sign-in may fail.", ours, "", 1000), ours, ""},
		{"with a phase", stubtext.WithRef("Sign-in may fail.", ours, watch.Identified, 1000), ours, watch.Identified},
		{"alone", stubtext.WithRef("", ours, "", 1000), ours, ""},
		{"with other line ends and spaces", "Sign-in may fail.\r\n\r\n  Ref: " + ours + " \r\n", ours, ""},
		{"of another installation", stubtext.WithRef("Sign-in may fail.", key("other"), "", 1000), "", ""},
		{"within a line", "See Ref: " + ours, "", ""},
		{"above the last line", "Ref: " + ours + "\nmore", "", ""},
		{"with more behind it", "Ref: " + ours + "-1", "", ""},
		{"where there is none", "Sign-in may fail.", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if key, phase := stubtext.Ref(test.text, "example"); key != test.key || phase != test.phase {
				t.Errorf("%q holds key %q, phase %q; want %q, %q", test.text, key, phase, test.key, test.phase)
			}
		})
	}
}

func TestA9_ATextThatIsTooLongLosesItsEndAndKeepsItsKey(t *testing.T) {
	ours := key("example")
	text := stubtext.WithRef(strings.Repeat("süß ", 1000), ours, watch.Monitoring, 200)
	if count := utf8.RuneCountInString(text); count > 200 || count < 190 {
		t.Errorf("%d characters", count)
	}
	if found, _ := stubtext.Ref(text, "example"); found != ours || !strings.Contains(text, "…\n\nRef: ") {
		t.Errorf("key %q in %q", found, text)
	}
	for text, want := range map[string]string{"": "", "abc": "abc", "abcd": "ab…", "äöüß": "äö…", "a   bc": "a…"} {
		if got := stubtext.Cut(text, 3); got != want {
			t.Errorf("Cut(%q, 3) = %q, want %q", text, got, want)
		}
	}
}

func TestAnInstantIsReadInUTCAndAnythingElseIsNoInstant(t *testing.T) {
	at := time.Date(2026, 11, 22, 6, 0, 0, 500_000_000, time.UTC)
	for text, want := range map[string]time.Time{
		`"2026-11-22T06:00:00.500Z"`: at, `"2026-11-22T07:00:00.5+01:00"`: at, `"2026-11-22 06:00"`: {}, `7`: {}, `null`: {}, `{}`: {}, `""`: {}, `false`: {},
	} {
		read := stubtext.Moment{Time: at}
		if err := read.UnmarshalJSON([]byte(text)); err != nil || !read.Equal(want) || !read.IsZero() && read.Location() != time.UTC {
			t.Errorf("%s is read as %s, error %v; want %s", text, read, err, want)
		}
	}
	if got := stubtext.Written(at.In(time.FixedZone("", 3600))); got != "2026-11-22T06:00:00.500Z" {
		t.Errorf("written as %s", got)
	}
}

func TestADigestIsThatOfTheTextAsServicesGiveItBack(t *testing.T) {
	if got := stubtext.Digest("one \r\ntwo\n"); got != stubtext.Digest("one\ntwo") || got == stubtext.Digest("one two") || len(got) != 16 {
		t.Errorf("digest %q", got)
	}
}

func TestATextIsComparedWithoutWhatServicesChange(t *testing.T) {
	if got := stubtext.Tidy(" \r\none \r\n\r\n two\t\n"); got != "one\n\n two" {
		t.Errorf("Tidy gives %q", got)
	}
}

// rendered is the text as a page of GitHub Flavored Markdown.
func rendered(t testing.TB, text string) string {
	t.Helper()
	var page bytes.Buffer
	if err := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe())).Convert([]byte("Seen: "+text), &page); err != nil {
		t.Fatal(err)
	}
	return page.String()
}

var dangers = []string{"href=\"http", "href=\"ftp", "href=\"javascript", "<img", "<script", "<iframe", "<code", "<pre", "<table", "<h1", "<svg"}

var hostile = []string{
	"[renew](https://evil.example.org)", "<img src=x onerror=alert(1)>", "![x](//evil.example.org/x.png)", "https://evil.example.org", "www.evil.example.org",
	"`code`", "\\[a](b)", "&lt;script&gt;", "&#91;a&#93;(javascript:alert(1))", "<javascript:alert(1)>", "# heading", "| a | b |", "*a* _b_ ~~c~~", "ftp://evil.example.org", "wWw.evil.example.org",
}

func TestA5_NoTextFromOutsideBecomesMarkup(t *testing.T) {
	for _, text := range hostile {
		page := rendered(t, stubtext.Quote(text))
		for _, danger := range dangers {
			if strings.Contains(page, danger) {
				t.Errorf("%q becomes %s", text, page)
			}
		}
	}
	if got := stubtext.Quote("shop.example.com:443 expires 2026-11-26 10:00 UTC, in 4 days"); got != "shop.example.com:443 expires 2026-11-26 10:00 UTC, in 4 days" {
		t.Errorf("an ordinary text becomes %q", got)
	}
}

func FuzzQuote(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		// Texts from outside are one line each when they come here.
		page := rendered(t, stubtext.Quote(strings.Join(strings.Fields(text), " ")))
		for _, danger := range dangers {
			if strings.Contains(page, danger) {
				t.Errorf("%q becomes %s", text, page)
			}
		}
	})
}

func FuzzRef(f *testing.F) {
	f.Add(stubtext.WithRef("text", key("example"), watch.Over, 100))
	f.Fuzz(func(t *testing.T, text string) {
		if found, _ := stubtext.Ref(text, "example"); found != "" && !strings.Contains(text, "Ref: "+found) {
			t.Errorf("%q is found in %q", found, text)
		}
	})
}
