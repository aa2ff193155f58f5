package incidents

import (
	"embed"
	"errors"
	"fmt"
	"path"
	"reflect"
	"strings"
	"text/template"
	"text/template/parse"
	"unicode"
	"unicode/utf8"
)

const (
	// maxTemplate is in bytes, and far more than people write.
	maxTemplate = 16 << 10
	// maxText bounds a text, in bytes.
	maxText = 64 << 10
	// maxSteps is some tens of milliseconds. A loop over the longest timeline, with a long
	// line for each entry, takes a twentieth of them.
	maxSteps = 200_000
	// maxTitle is more than any status system takes.
	maxTitle = 500
)

//go:embed texts
var builtInTexts embed.FS

// source is a template as it is written, with its key.
type source struct{ key, text string }

// text is a template that was checked.
type text struct{ parsed *template.Template }

// fragments are the built-in sentences that texts are made of, and what they speak of.
func fragments() map[string]reflect.Type {
	return map[string]reflect.Type{
		fragmentProblem: viewType, fragmentPast: viewType, fragmentRecovery: viewType,
		fragmentEntry: reflect.TypeFor[entryView](), fragmentUpstream: reflect.TypeFor[upstreamView](),
	}
}

const (
	fragmentProblem  = "problem"
	fragmentPast     = "past"
	fragmentRecovery = "recovery"
	fragmentEntry    = "entry"
	fragmentUpstream = "upstream"
)

func (w *Words) readBuiltIn() error {
	wanted := fragments()
	for _, named := range (Texts{}).keyed() {
		wanted[named.key] = viewType
	}
	for key, about := range wanted {
		written, err := builtInTexts.ReadFile(path.Join("texts", w.language.code, key+".tmpl"))
		if err != nil {
			return fmt.Errorf("read the built-in text %s: %w", key, err)
		}
		if w.builtIn[key], err = parseText(source{key, string(written)}, about); err != nil {
			return fmt.Errorf("built-in text %s in %s: %w", key, w.language.code, err)
		}
	}
	return nil
}

// parseText reads a template, refuses whatever could go wrong when it is used, and puts a
// meter into its loops.
func parseText(written source, about reflect.Type) (text, error) {
	if len(written.text) > maxTemplate {
		return text{}, fmt.Errorf("the template has %d bytes; at most %d are allowed: shorten it", len(written.text), maxTemplate)
	}
	if !utf8.ValidString(written.text) {
		return text{}, errors.New("the template is not valid UTF-8: save the file as UTF-8")
	}
	known := functions(language{}, &meter{})
	parsed, err := template.New(written.key).Option("missingkey=zero").Funcs(known).Parse(written.text)
	if err != nil {
		return text{}, explain(written.key, err)
	}
	if parsed.Tree == nil || parsed.Root == nil {
		return text{}, errors.New("the template says nothing: write a text, or leave the key out for the built-in one")
	}
	if err := check(written, parsed, about, known); err != nil {
		return text{}, err
	}
	if _, err := meterLoops(parsed.Root); err != nil {
		return text{}, err
	}
	return text{parsed: parsed}, nil
}

// meterLoops makes every round of every loop pay for the weight of its body, and gives the
// weight of the list itself, which holds what is done once and no bodies of loops.
func meterLoops(list *parse.ListNode) (weight int, err error) {
	if list == nil {
		return 0, nil
	}
	for _, node := range list.Nodes {
		var added int
		switch node := node.(type) {
		case *parse.IfNode:
			added, err = meterBranch(node.Pipe, node.List, node.ElseList)
		case *parse.WithNode:
			added, err = meterBranch(node.Pipe, node.List, node.ElseList)
		case *parse.RangeNode:
			added, err = meterRange(node)
		default:
			added = weigh(node)
		}
		if err != nil {
			return 0, err
		}
		weight += added
	}
	return weight, nil
}

// weigh is about how many small steps a node takes.
func weigh(node parse.Node) int { return 1 + len(node.String())/4 }

func meterBranch(pipe *parse.PipeNode, body, other *parse.ListNode) (int, error) {
	one, err := meterLoops(body)
	if err != nil {
		return 0, err
	}
	two, err := meterLoops(other)
	return weigh(pipe) + one + two, err
}

// meterRange puts a call of the meter before the body of a loop.
func meterRange(node *parse.RangeNode) (int, error) {
	body, err := meterLoops(node.List)
	if err != nil {
		return 0, err
	}
	call := fmt.Sprintf("{{%s %d}}", functionRound, body+1)
	round, err := template.New(functionRound).Funcs(functions(language{}, &meter{})).Parse(call)
	if err != nil {
		return 0, fmt.Errorf("bound a loop: %w", err)
	}
	node.List.Nodes = append(round.Root.Nodes[:1:1], node.List.Nodes...)
	return meterBranch(node.Pipe, nil, node.ElseList)
}

var errTooManySteps = errors.New("the template goes round its loops too often; loop over one list at a time")

// meter counts what one use of a template costs.
type meter struct{ steps int }

func (m *meter) pay(steps int) error {
	if m.steps += steps; m.steps > maxSteps {
		return errTooManySteps
	}
	return nil
}

// page takes a text up to its limit.
type page struct{ strings.Builder }

var errFull = errors.New("the text is full")

func (p *page) Write(written []byte) (int, error) {
	p.Builder.Write(written)
	if p.Len() > maxText {
		return 0, errFull
	}
	return len(written), nil
}

// run gives what a template says of something.
func (w *Words) run(used text, about any) (string, error) {
	parsed, err := used.parsed.Clone()
	if err != nil {
		return "", fmt.Errorf("use the template: %w", err)
	}
	var out page
	err = parsed.Funcs(functions(w.language, &meter{})).Execute(&out, about)
	switch {
	case errors.Is(err, errTooManySteps):
		return "", errTooManySteps
	case err != nil && !errors.Is(err, errFull):
		return "", explain(parsed.Name(), err)
	}
	return cutLines(tidy(out.String()), maxText, byteCount), nil
}

var (
	errSaysNothing  = errors.New("it says nothing there: give the text words that always stand, outside of {{if}}, {{with}} and {{range}}")
	errTooLongALine = fmt.Errorf("its first line is longer than %d bytes: break it", maxText)
)

// render gives a whole text of a story.
func (w *Words) render(used text, key string, story Story) (string, error) {
	seen, err := w.view(story)
	if err != nil {
		return "", err
	}
	said, err := w.run(used, seen)
	if err != nil {
		return "", err
	}
	if key == keyTitle {
		said = cutLine(strings.Join(strings.Fields(said), " "), maxTitle)
	}
	staff := key == keyInternal || key == keyPostmortem || key == keyNote
	switch {
	case said == mark:
		return "", errTooLongALine
	case said == "" && !staff:
		return "", errSaysNothing
	}
	return said, nil
}

// mark stands where something was cut off.
const mark = "…"

// Cut gives a text of at most limit characters. It is cut at the end of a line, so that no
// quotation of text from outside loses its end, and "…" stands in place of the rest. Where
// not even the first line fits, nothing but that is left, and nothing at all of a limit
// below one.
func Cut(text string, limit int) string { return cutLines(text, limit, utf8.RuneCountInString) }

func cutLines(text string, limit int, measure func(string) int) string {
	if measure(text) <= limit {
		return text
	}
	if limit < measure(mark) {
		return ""
	}
	var kept strings.Builder
	room := limit - measure(mark)
	for line := range strings.SplitAfterSeq(text, "\n") {
		if room -= measure(line); room < 0 {
			break
		}
		kept.WriteString(line)
	}
	return kept.String() + mark
}

func byteCount(text string) int { return len(text) }

func cutLine(line string, limit int) string {
	runes := []rune(line)
	if len(runes) <= limit {
		return line
	}
	return string(runes[:limit-1]) + mark
}

// tidy makes the layout of a template harmless: no control characters, no spaces at the
// ends of lines, and no more than one empty line in a row. A status system gives such a
// text back as it is.
func tidy(text string) string {
	var lines []string
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		line = strings.TrimRightFunc(strings.Map(visible, line), unicode.IsSpace)
		if line == "" && (len(lines) == 0 || lines[len(lines)-1] == "") {
			continue
		}
		lines = append(lines, line)
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

func visible(char rune) rune {
	if unicode.IsControl(char) {
		return ' '
	}
	return char
}
