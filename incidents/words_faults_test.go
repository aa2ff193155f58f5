package incidents_test

import (
	"errors"
	"strings"
	"testing"

	"lapsewatch/incidents"
	"lapsewatch/watch"
)

const functions = "and, date, days, daysBetween, eq, ge, gt, join, le, len, lt, ne, not, or, phase, plural, quantity, span, status, time, upperFirst"

func TestAWrongTemplateIsRefusedWithItsLineAndTheRemedy(t *testing.T) {
	tests := []struct{ name, template, want string }{
		{"an unknown field", "x\n{{.Nmae}}", `line 2: .Nmae is no field here: want one of .Key, .Instance, .Phase,`},
		{"an unknown field where no sample leads", "x{{if eq .Instance \"never\"}}\n{{.Nmae}}{{end}}", `line 2: .Nmae is no field here`},
		{"a field of the story within a loop", "x{{range .Causes}}{{.Services}}{{end}}", "line 1: .Services is no field of what stands here: write $.Services"},
		{"an unknown field of a list's element", "x{{range .Causes}}{{.Nmae}}{{end}}", "line 1: .Nmae is no field here: want one of .FindingID, .Name, .Check,"},
		{"a field of a list", "x{{.Causes.Name}}", "line 1: .Causes.Name: a list has no field .Name: go over it with {{range}}"},
		{"a field of a text", "x{{.Phase.Name}}", "line 1: .Phase.Name: a text has no field .Name"},
		{"an unknown part of the window", "x{{.Window.Til}}", "line 1: .Til is no field here: want one of .From, .Until"},
		{"a list as a text", "x{{.Causes}}", "line 1: {{.Causes}} is a list: go over it with {{range}}, or use {{join}} if it is of texts"},
		{"a window as a text", "x{{.Window}}", "line 1: {{.Window}} has fields and is no text itself: write one of .From, .Until"},
		{"the story as a condition", "x{{if .}}y{{end}}", "line 1: . always holds something: ask for one of its fields"},
		{"an unclosed action", "x\n{{.Phase", "line 2: unclosed action: close it with }}"},
		{"a missing end", "x{{if .Hidden}}\ny", "line 2: unexpected EOF: each {{if}}, {{with}} and {{range}} needs an {{end}}"},
		{"an end too many", "x{{end}}", "line 1: unexpected {{end}}: there is no {{if}}, {{with}} or {{range}} that it could end"},
		{"an unknown function", "x{{shout .Phase}}", `line 1: function "shout" not defined: it is no function here; those are ` + functions},
		{"a function of text/template that could go wrong", "x{{printf \"%999999d\" 1}}", `line 1: function "printf" is not allowed: the functions are ` + functions},
		{"an index", "x{{(index .Causes 0).Name}}", `line 1: function "index" is not allowed`},
		{"a call", "x{{call .Phase}}", `line 1: function "call" is not allowed`},
		{"the meter", "x{{lapsewatchRound -1}}", `line 1: function "lapsewatchRound" is not allowed`},
		{"too few values", "x{{date}}", "line 1: date takes 1 values, and is given 0: see docs/incidents-texts.md"},
		{"too many values", "x{{.At | date .At}}", "line 1: date takes 1 values, and is given 2"},
		{"a value of the wrong kind", "x{{date .DaysLeft}}{{date .Causes}}{{days .At}}", "line 1: date takes a text as value 1, and is given a list\nline 1: days takes a number as value 1, and is given a text"},
		{"a comparison of different kinds", "x{{if eq .Phase 1}}y{{end}}", "line 1: eq compares a text with a number: both must be of one kind"},
		{"a comparison of lists", "x{{if eq .Causes .Causes}}y{{end}}", "line 1: eq cannot compare a list"},
		{"one of several things as a text", "x{{or .Phase .Hidden}}", "line 1: {{or .Phase .Hidden}} is one of several things: use it in {{if}}, or give and and or values of one kind"},
		{"a loop over a number", "x{{range .AffectedMore}}y{{end}}", "line 1: .AffectedMore is no list: range goes over lists, one of .Causes, .Components, .Affected, .Upstreams, .Timeline, .Changes, .Told"},
		{"a loop over a constant", "x{{range 1000000000}}y{{end}}", "line 1: 1000000000 is no list"},
		{"a loop over a text", "x{{range .Phase}}y{{end}}", "line 1: .Phase is no list"},
		{"a fraction", "x{{days 1.5}}", "line 1: 1.5: only whole numbers are allowed"},
		{"nothing", "x{{eq nil nil}}", "line 1: nil is not allowed"},
		{"another template", "x{{template \"internal\"}}", "line 1: {{template}} is not allowed: write the text where it stands"},
		{"a template of its own that calls itself", "{{define \"a\"}}{{template \"a\"}}{{end}}x{{template \"a\"}}", "{{define}} and {{block}} are not allowed"},
		{"a variable that is not set", "x{{$y}}", `line 1: undefined variable "$y": set it first, as in {{$name := .Services}}`},
		{"a variable that changes its kind", "x{{$y := 1}}{{$y = .Phase}}", "line 1: $y holds a number and cannot hold a text: use another variable"},
		{"a loop's variable behind its else", "x{{range $c := .Causes}}{{else}}{{$c.Name}}{{end}}", "line 1: $c is not set here: what range sets stands before {{else}} only"},
		{"a field that is given values", "x{{.Phase 1}}", "line 1: .Phase is no function and takes nothing"},
		{"an unterminated text", "x{{date \"a}}", "line 1: unterminated quoted string: close it on the same line"},
		{"a condition of nothing", "x{{if}}y{{end}}", "line 1: missing value for if: say of what, as in {{if .Reopened}}"},
		{"text that never stands", "{{if eq .Instance \"never\"}}x{{end}}", "tried on a story in phase investigating: it says nothing there: give the text words that always stand, outside of {{if}}, {{with}} and {{range}}"},
		{"only space", " \n", "it says nothing there"},
		{"only a comment", "{{/* later */}}", "says nothing"},
		{"a template without end", strings.Repeat("x", 16<<10+1), "the template has 16385 bytes; at most 16384 are allowed: shorten it"},
		{"invalid UTF-8", "x\xff", "the template is not valid UTF-8: save the file as UTF-8"},
		{"six faults", "x{{.A}}{{.B}}{{.C}}{{.D}}{{.E}}{{.F}}", "and 1 more faults"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := incidents.NewWords("en", incidents.Texts{Identified: test.template}, nil)
			var field *watch.FieldError
			if !errors.As(err, &field) || field.Path != "identified" {
				t.Fatalf("got %v", err)
			}
			if !strings.Contains(field.Err.Error(), test.want) {
				t.Errorf("got %q, want %q", field.Err, test.want)
			}
		})
	}
}

func TestAllFaultsOfAllTextsAreSaidAtOnce(t *testing.T) {
	_, err := incidents.NewWords("fr", incidents.Texts{Title: "{{.A}}", Note: "{{.B}}", Postmortem: "fine"}, nil)
	if err == nil || !strings.Contains(err.Error(), "title: line 1: .A is no field here") || !strings.Contains(err.Error(), "note: line 1: .B is no field here") {
		t.Errorf("got %v", err)
	}
}

func TestALanguageThatIsNotBuiltInIsRefused(t *testing.T) {
	for _, code := range []string{"de", "EN", "../en", "en/../fr"} {
		_, err := incidents.NewWords(code, incidents.Texts{}, nil)
		var field *watch.FieldError
		if !errors.As(err, &field) || field.Path != "language" || !strings.Contains(err.Error(), "has no built-in texts: want en or fr") {
			t.Errorf("%s: got %v", code, err)
		}
	}
}

func FuzzOwnTemplates(f *testing.F) {
	for _, seed := range []string{
		"{{.Services}} {{phase .Phase}}", "x{{range $i, $c := .Causes}}{{$c.Name}}{{if $i}}{{break}}{{end}}{{end}}", "{{with .Window}}{{.From | date}}{{end}}x",
		"x{{$x := .Problem}}{{range .Timeline}}{{range $.Timeline}}{{$x = join $.Affected $x}}{{end}}{{end}}", "{{or .Acknowledged.By (index .Causes 0)}}",
		"{{define \"a\"}}{{end}}", "{{quantity (len .Causes) \"a\" \"b\"}}", "{{(.Window).From}}{{$.At | time | upperFirst}}", "{{range 9}}{{end}}", "{{- /* x */ -}} x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, template string) {
		words, err := incidents.NewWords("en", incidents.Texts{Internal: template, Title: template}, nil)
		if err != nil {
			if len(err.Error()) > 64<<10 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			return
		}
		story := incidents.Samples()[5]
		for len(story.Timeline) < 200 {
			story.Timeline = append(story.Timeline, story.Timeline[0])
		}
		for _, kind := range sayings(words) {
			text, err := kind.say(story)
			if err != nil && !strings.Contains(err.Error(), "goes round its loops too often") && !strings.Contains(err.Error(), "first line is longer") {
				t.Errorf("%s passed its check and fails: %v", kind.key, err)
			}
			if len(text) > 64<<10 || text == "" && kind.key == "title" {
				t.Errorf("%s has %d bytes", kind.key, len(text))
			}
		}
	})
}
