package chat_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"lapsewatch/internal/chat"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/digest"
	"lapsewatch/watch"
)

// markup is of no real service: stars are escaped, and everything else shows where it
// came from.
var markup = chat.Markup{
	Prose:   func(text string) string { return strings.ReplaceAll(text, "*", `\*`) },
	Name:    func(text string) string { return "*" + strings.ReplaceAll(text, "*", `\*`) + "*" },
	Command: func(text string) string { return "\n$ " + text + "\n" },
	Link:    func(address string) string { return "<" + address + ">" },
	Size:    utf8.RuneCountInString, ToDo: "To do:", Bullet: "- ",
}

var roomy = chat.Bounds{Entry: 1000, Name: 100, Message: 100, Also: 100, People: 100, Remedy: 100, Link: 100}

func entry() digest.Entry {
	return digest.Entry{
		Name: "*.example.com", Change: "new", Message: "expires soon", Also: []string{"one *", "two"}, Owners: "Ops", Check: "sites (tls)",
		Remedy: "Renew it: `renew *`. Then look.", Link: "https://example.com/a",
	}
}

func TestAnEntryShowsFirstWhatIsNeededToAct(t *testing.T) {
	want := strings.Join([]string{
		`# *\*.example.com* (new)`, "expires soon", "To do: Renew it:", "$ renew *", "Then look.",
		"<https://example.com/a>", "Owners: Ops. Check: sites (tls)", `- Also: one \*`, "- Also: two",
	}, "\n")
	if got := markup.Entry("# ", entry(), watch.Warning, roomy); got != want {
		t.Errorf("entry:\n%s\nwant:\n%s", got, want)
	}
}

func TestAResolvedEntryHasNothingToDo(t *testing.T) {
	told := entry()
	told.Owners = ""
	want := strings.Join([]string{`*\*.example.com* (new)`, "expires soon", "<https://example.com/a>", "Check: sites (tls)"}, "\n")
	if got := markup.Entry("", told, digest.Resolved, roomy); got != want {
		t.Errorf("entry:\n%s\nwant:\n%s", got, want)
	}
}

func TestWhatDoesNotFitIntoAnEntryIsMarkedAndShorterLinesStay(t *testing.T) {
	told := entry()
	told.Message, told.Also = strings.Repeat("m", 60), []string{strings.Repeat("a", 90), "b"}
	bounds := roomy
	bounds.Entry = 195
	got := markup.Entry("", told, watch.Warning, bounds)
	if !strings.HasSuffix(got, "\n- Also: b\n…") || strings.Contains(got, "aaa") || utf8.RuneCountInString(got) > bounds.Entry {
		t.Errorf("entry of %d runes:\n%s", utf8.RuneCountInString(got), got)
	}
	bounds.Link = len(told.Link) - 1
	if got := markup.Entry("", told, watch.Warning, bounds); strings.Contains(got, "<https") {
		t.Errorf("a link beyond its bound is shown:\n%s", got)
	}
}

func TestACommandIsShownWholeOrNotAtAll(t *testing.T) {
	const words = "Do `rm -rf /srv/old` and `sync`."
	for most, want := range map[int]string{
		100: "To do: Do\n$ rm -rf /srv/old\nand\n$ sync",
		33:  "To do: Do\n$ rm -rf /srv/old\nand\n$ sync",
		32:  "To do: Do\n$ rm -rf /srv/old\nand …",
		21:  "To do: Do …",
		3:   "To do: Do …",
	} {
		if got := markup.Remedy(words, most); got != want {
			t.Errorf("of at most %d: %q, want %q", most, got, want)
		}
	}
	if got := markup.Remedy("", 100); got != "" {
		t.Errorf("of no words: %q", got)
	}
}

func TestFitCutsByTheSizeOfWhatIsMarkedUp(t *testing.T) {
	for _, test := range []struct {
		text string
		most int
		want string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"a*c", 3, "a…"}, {"a*c", 4, `a\*c`}, {"***", 4, `\*…`}, {"abc", 0, ""}, {"abc", -1, ""}, {"", 5, ""},
	} {
		if got := markup.Fit(test.text, test.most, markup.Prose); got != test.want {
			t.Errorf("%q in %d: %q, want %q", test.text, test.most, got, test.want)
		}
	}
}

func FuzzFit(f *testing.F) {
	f.Add("a*b", 2)
	f.Add("\u202e\x00*", 40)
	f.Add(strings.Repeat("*é", 100), 99)
	f.Fuzz(func(t *testing.T, text string, most int) {
		most = min(max(most, 0), 3000)
		got := markup.Fit(text, most, markup.Prose)
		if utf8.RuneCountInString(got) > most || !utf8.ValidString(got) {
			t.Errorf("%q in %d: %q", text, most, got)
		}
		if whole := markup.Prose(clean.Text(text, 3000)); utf8.RuneCountInString(whole) <= most && got != whole {
			t.Errorf("%q fits into %d and is cut to %q", text, most, got)
		}
	})
}

func TestTheReportIsALinkBesideWhatIsLeftOut(t *testing.T) {
	const report = "https://example.com/report"
	for _, test := range []struct {
		name string
		told digest.Digest
		want string
	}{
		{"nothing to say", digest.Digest{}, ""},
		{"only the report", digest.Digest{ReportURL: report}, "The whole report: <" + report + ">"},
		{"more in the report", digest.Digest{ReportURL: report, LeftOut: 2}, "2 more, the least urgent, are not listed here: see <" + report + ">"},
		{"more and no report", digest.Digest{LeftOut: 1}, "1 more, the least urgent, is not listed here: see the run's own report (lapsewatch run --output html --out FILE)."},
	} {
		if got := markup.Report(test.told); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
	if got, want := markup.Linked("* see https://a * b", "https://a"), `\* see <https://a> \* b`; got != want {
		t.Errorf("linked %q, want %q", got, want)
	}
}

func TestATestAndANoteStandFirst(t *testing.T) {
	got := markup.Opening(digest.Digest{Test: true, Note: "the channel * failed"}, 60)
	if want := "This is a test of the channel. Nothing has happened.|the channel \\* failed"; strings.Join(got, "|") != want {
		t.Errorf("opening %q, want %q", got, want)
	}
	if got := markup.Opening(digest.Digest{}, 60); got != nil {
		t.Errorf("opening %q", got)
	}
}

func TestEachSeverityHasASignOfItsOwn(t *testing.T) {
	seen := map[string]watch.Severity{}
	for _, severity := range append(watch.Severities(), digest.Resolved) {
		sign := chat.Sign(severity)
		if other, twice := seen[sign]; twice || sign == "" {
			t.Errorf("%s and %s share the sign %q", severity, other, sign)
		}
		seen[sign] = severity
	}
}

func TestUTF16CountsPairsTwice(t *testing.T) {
	for text, want := range map[string]int{"": 0, "abc": 3, "證é": 2, "🔥": 2, "\xff": 1} {
		if got := chat.UTF16(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestEncodeLeavesMarkupAsItIs(t *testing.T) {
	got, err := chat.Encode(map[string]string{"a": `<&> "`})
	if want := `{"a":"<&> \""}` + "\n"; err != nil || string(got) != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	if _, err := chat.Encode(func() {}); err == nil {
		t.Error("a function was encoded")
	}
}
