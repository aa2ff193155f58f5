package incidents_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lapsewatch/incidents"
)

var update = flag.Bool("update", false, "write the golden files")

// sampleNames names the samples, in their order.
var sampleNames = []string{
	"draft", "scheduled", "mail", "identified", "monitoring", "resolved", "reopened", "provider", "numbering", "clock", "maintenance-over", "bare",
}

func newWords(t testing.TB, language string, own incidents.Texts, quote func(string) string) *incidents.Words {
	t.Helper()
	words, err := incidents.NewWords(language, own, quote)
	if err != nil {
		t.Fatal(err)
	}
	return words
}

type saying struct {
	key string
	say func(incidents.Story) (string, error)
}

func sayings(words *incidents.Words) []saying {
	return []saying{{"title", words.Title}, {"text", words.Text}, {"internal", words.Internal}, {"postmortem", words.Postmortem}, {"note", words.Note}}
}

func everyText(t testing.TB, words *incidents.Words, story incidents.Story) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, kind := range sayings(words) {
		text, err := kind.say(story)
		if err != nil {
			t.Fatalf("%s of %s: %v", kind.key, story.Key, err)
		}
		texts[kind.key] = text
	}
	return texts
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "words", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: run `go test ./incidents -update` and look at the difference", err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s differs (-want +got); run with -update if that is meant:\n%s", path, diff)
	}
}

func TestBuiltInTextsKeepTheirWords(t *testing.T) {
	samples := incidents.Samples()
	if len(samples) != len(sampleNames) {
		t.Fatalf("%d samples have %d names", len(samples), len(sampleNames))
	}
	for _, language := range []string{"en", "fr"} {
		words := newWords(t, language, incidents.Texts{}, nil)
		for i, story := range samples {
			t.Run(language+" "+sampleNames[i], func(t *testing.T) {
				texts := everyText(t, words, story)
				var out strings.Builder
				for _, key := range []string{"title", "text", "internal", "postmortem", "note"} {
					fmt.Fprintf(&out, "==== %s\n%s\n\n", key, texts[key])
				}
				golden(t, language+"-"+sampleNames[i]+".txt", out.String())
			})
		}
	}
}
