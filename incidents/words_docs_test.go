package incidents_test

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"lapsewatch/incidents"
)

func manual(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../docs/incidents-texts.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestATemplateSeesEveryFieldOfAStory(t *testing.T) {
	lists := map[string]reflect.Type{
		"Causes": reflect.TypeFor[incidents.Cause](), "Upstreams": reflect.TypeFor[incidents.Upstream](), "Timeline": reflect.TypeFor[incidents.Entry](),
	}
	template := "x"
	for _, field := range reflect.VisibleFields(reflect.TypeFor[incidents.Story]()) {
		template += "{{if ." + field.Name + "}}{{end}}"
	}
	for list, element := range lists {
		for _, field := range reflect.VisibleFields(element) {
			template += "{{range ." + list + "}}{{if ." + field.Name + "}}{{end}}{{end}}"
		}
	}
	newWords(t, "en", incidents.Texts{Note: template}, nil)
}

func TestTheManualNamesWhatThereIs(t *testing.T) {
	text := manual(t)
	for _, function := range strings.Split(functions, ", ") {
		if !regexp.MustCompile("`" + function + "[ `]").MatchString(text) {
			t.Errorf("the manual lacks the function %s", function)
		}
	}
	_, err := incidents.NewWords("en", incidents.Texts{Note: "{{.Nothing}}"}, nil)
	_, listed, _ := strings.Cut(err.Error(), "want one of ")
	for field := range strings.SplitSeq(listed, ", ") {
		if !strings.Contains(text, "`"+field+"`") {
			t.Errorf("the manual lacks the field %s", field)
		}
	}
	for _, row := range natured {
		if !strings.Contains(text, "| `"+row.nature+"` |") {
			t.Errorf("the manual lacks the nature %s", row.nature)
		}
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[incidents.Texts]()) {
		if key, _, _ := strings.Cut(field.Tag.Get("yaml"), ","); !strings.Contains(text, "| `"+key+"` |") {
			t.Errorf("the manual lacks the key %s", key)
		}
	}
}

func TestTheExampleOfTheManualWorks(t *testing.T) {
	_, rest, _ := strings.Cut(manual(t), "```yaml\n")
	example, _, _ := strings.Cut(rest, "```")
	decoder := yaml.NewDecoder(strings.NewReader(example))
	decoder.KnownFields(true)
	var own incidents.Texts
	if err := decoder.Decode(&own); err != nil {
		t.Fatal(err)
	}
	words := newWords(t, "en", own, nil)
	texts := everyText(t, words, incidents.Samples()[slices.Index(sampleNames, "reopened")])
	if got, want := texts["title"], "Customer portal and Order confirmations: technical access has expired"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	want := "A credential that Customer portal and Order confirmations depend on has expired. Our engineers were called.\n\nSince 2026-11-26, 11:30 UTC."
	if got := texts["text"]; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
