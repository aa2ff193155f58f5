package incidents_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"lapsewatch/incidents"
	"lapsewatch/watch"
)

// large is a story with far more of everything than anybody reads.
func large() incidents.Story {
	story := incidents.Samples()[5]
	long := strings.Repeat("é", 5000)
	owners := make([]string, 500)
	for i := range owners {
		owners[i] = long
	}
	story.Causes, story.Components, story.Affected, story.Timeline, story.Upstreams = nil, nil, nil, nil, nil
	for i := range 1000 {
		name := fmt.Sprintf("%d %s", i, long)
		story.Causes = append(story.Causes, incidents.Cause{FindingID: name, Name: name, Message: long, Remedy: long, Owners: owners, Reason: watch.Expired})
		story.Components = append(story.Components, watch.Component{ID: name, Name: name, Status: watch.Degraded})
		story.Affected = append(story.Affected, name)
		story.Upstreams = append(story.Upstreams, incidents.Upstream{Name: name, Message: long})
		story.Timeline = append(story.Timeline, incidents.Entry{At: story.StartedAt.Add(time.Duration(i) * time.Minute), Kind: incidents.EntryFound, What: name, Text: long})
	}
	return story
}

func TestTextsOfALargeStoryAreCutAtTheEndOfALine(t *testing.T) {
	for _, language := range []string{"en", "fr"} {
		for key, text := range everyText(t, newWords(t, language, incidents.Texts{}, code), large()) {
			if len(text) > 64<<10 {
				t.Errorf("%s has %d bytes", key, len(text))
			}
			if strings.Count(text, "`")%2 != 0 {
				t.Errorf("%s leaves a quotation open", key)
			}
			if (key == "internal" || key == "postmortem") && !strings.HasSuffix(text, "\n…") {
				t.Errorf("%s ends with %q", key, text[len(text)-40:])
			}
		}
	}
}

func TestWhatATemplateSeesOfALargeStoryIsBounded(t *testing.T) {
	words := newWords(t, "en", incidents.Texts{Internal: "{{len .Causes}}+{{.CausesMore}} {{len .Components}} {{len .Affected}}+{{.AffectedMore}} {{len .Upstreams}} {{len .Timeline}}+{{.TimelineMore}}" +
		"{{range $i, $c := .Causes}}{{if not $i}} {{len $c.Owners}}{{end}}{{end}}{{range $i, $e := .Timeline}}{{if eq $i 99 100}} {{$e.At}}{{end}}{{end}}"}, nil)
	want := "50+950 100 200+804 20 200+800 21 2026-11-26 13:09 UTC 2026-11-27 02:30 UTC"
	if got := everyText(t, words, large())["internal"]; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestATemplateThatRunsAwayGivesTheBuiltInTextBesideAnError(t *testing.T) {
	const away = "x{{range .Timeline}}{{range $.Timeline}}{{range $.Timeline}}{{if .Who}}{{end}}{{end}}{{end}}{{end}}"
	own, plain := newWords(t, "en", incidents.Texts{Resolved: away}, nil), newWords(t, "en", incidents.Texts{}, nil)
	got, err := own.Text(large())
	want := "own text resolved, in whose place the built-in one is used: the template goes round its loops too often; loop over one list at a time"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if built := everyText(t, plain, large())["text"]; got != built {
		t.Errorf("got %q, want %q", got, built)
	}
}

func TestAVariableCannotGrowWithoutEnd(t *testing.T) {
	words := newWords(t, "en", incidents.Texts{Internal: `{{$x := "ab"}}{{range .Timeline}}{{$x = join $.Affected $x}}{{end}}{{len $x}}`}, nil)
	text, err := words.Internal(large())
	if err != nil && !strings.Contains(err.Error(), "too often") || len(text) > 64<<10 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

func TestALineThatIsTooLongLeavesTheBuiltInText(t *testing.T) {
	words := newWords(t, "en", incidents.Texts{Internal: `x{{range .Causes}}{{.Message}}{{.Remedy}}{{end}}`}, nil)
	text, err := words.Internal(large())
	if err == nil || !strings.HasSuffix(err.Error(), "its first line is longer than 65536 bytes: break it") || !strings.HasPrefix(text, "Next step: complete the post-mortem.") {
		t.Errorf("%.80q, %v", text, err)
	}
}

func TestCut(t *testing.T) {
	tests := []struct {
		name, text string
		limit      int
		want       string
	}{
		{"what fits stays as it is", "é\né", 3, "é\né"},
		{"the last lines are left out", "one\ntwo\nthree", 10, "one\ntwo\n…"},
		{"the limit counts characters", "éé\néé\néé", 7, "éé\néé\n…"},
		{"a line is never broken", "`one two`\nthree", 9, "…"},
		{"no room leaves nothing", "one", 0, ""},
		{"less than none leaves nothing", "one", -1, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := incidents.Cut(test.text, test.limit); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestTitlesAreOneLine(t *testing.T) {
	words := newWords(t, "en", incidents.Texts{Title: "  {{.Services}}:\n\n\t{{.Nature}}  "}, nil)
	if got, want := everyText(t, words, incidents.Samples()[0])["title"], "Customer portal: expiring"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for key, text := range everyText(t, words, large()) {
		if key == "title" && len([]rune(text)) > 500 {
			t.Errorf("a title of %d characters", len([]rune(text)))
		}
	}
}

func TestWordsServeSeveralAtOnce(t *testing.T) {
	words := newWords(t, "fr", incidents.Texts{Note: "{{range .Causes}}{{.Name}} {{end}}"}, nil)
	want := everyText(t, words, incidents.Samples()[3])
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for _, kind := range sayings(words) {
				if got, err := kind.say(incidents.Samples()[3]); err != nil || got != want[kind.key] {
					t.Errorf("%s: %q, %v", kind.key, got, err)
				}
			}
		})
	}
	all.Wait()
}
