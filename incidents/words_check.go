package incidents

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"

	"lapsewatch/internal/clean"
)

// manual is where operators find what templates may say.
const manual = "see docs/incidents-texts.md"

// maxFaults bounds what is said of one template.
const maxFaults = 5

// checker follows the types through a template, so that no branch of it can fail when an
// outage leads there first. A nil type is one that is not known, because of a fault that
// was told already, and fits everything.
type checker struct {
	source source
	root   reflect.Type
	known  template.FuncMap
	maps   map[reflect.Type][]string
	// vars are the variables in scope, the innermost last.
	vars   []variable
	faults []error
}

type variable struct {
	name string
	of   reflect.Type
}

var (
	typeText   = reflect.TypeFor[string]()
	typeNumber = reflect.TypeFor[int]()
	typeTruth  = reflect.TypeFor[bool]()
	typeTexts  = reflect.TypeFor[[]string]()
	// typeMixed is what and and or give of several types: it fits conditions alone.
	typeMixed = reflect.TypeFor[any]()
)

// check finds what the parser lets pass and the template could fail by.
func check(written source, parsed *template.Template, about reflect.Type, known template.FuncMap) error {
	c := &checker{source: written, root: about, known: known, maps: entries(), vars: []variable{{"$", about}}}
	if len(parsed.Templates()) > 1 {
		return errors.New("{{define}} and {{block}} are not allowed: write the text where it stands")
	}
	c.list(parsed.Root, about)
	if more := len(c.faults) - maxFaults; more > 0 {
		c.faults = append(c.faults[:maxFaults], fmt.Errorf("and %d more faults", more))
	}
	return errors.Join(c.faults...)
}

func (c *checker) fault(at parse.Node, format string, values ...any) reflect.Type {
	place := min(int(at.Position()), len(c.source.text))
	line := 1 + strings.Count(c.source.text[:place], "\n")
	c.faults = append(c.faults, fmt.Errorf("line %d: %s", line, clean.Text(fmt.Sprintf(format, values...), maxExplained)))
	return nil
}

func (c *checker) list(list *parse.ListNode, dot reflect.Type) {
	if list == nil {
		return
	}
	for _, node := range list.Nodes {
		c.node(node, dot)
	}
}

func (c *checker) node(node parse.Node, dot reflect.Type) {
	scope := len(c.vars)
	switch node := node.(type) {
	case *parse.ActionNode:
		of := c.pipe(node.Pipe, dot)
		c.declare(node.Pipe, of)
		if len(node.Pipe.Decl) == 0 {
			c.printable(node, of)
		}
		return // what it declares stays in scope
	case *parse.IfNode:
		c.declare(node.Pipe, c.condition(node.Pipe, dot))
		c.list(node.List, dot)
		c.list(node.ElseList, dot)
	case *parse.WithNode:
		of := c.condition(node.Pipe, dot)
		c.declare(node.Pipe, of)
		c.list(node.List, of)
		c.list(node.ElseList, dot)
	case *parse.RangeNode:
		c.loop(node, dot)
	case *parse.TemplateNode:
		c.fault(node, "{{template}} is not allowed: write the text where it stands")
	}
	c.vars = c.vars[:scope]
}

func (c *checker) condition(pipe *parse.PipeNode, dot reflect.Type) reflect.Type {
	of := c.pipe(pipe, dot)
	if of != nil && of.Kind() == reflect.Struct {
		return c.fault(pipe, "%s always holds something: ask for one of its fields", pipe)
	}
	return of
}

func (c *checker) loop(node *parse.RangeNode, dot reflect.Type) {
	of := c.pipe(node.Pipe, dot)
	var element reflect.Type
	switch {
	case of == nil:
	case of.Kind() == reflect.Slice:
		element = of.Elem()
	default:
		c.fault(node.Pipe, "%s is no list: range goes over lists, %s", node.Pipe, c.offer(dot, reflect.Slice))
	}
	scope := len(c.vars)
	switch decl := node.Pipe.Decl; {
	case node.Pipe.IsAssign:
		c.fault(node.Pipe, "range cannot set a variable that is there already: write := in place of =")
	case len(decl) == 1:
		c.vars = append(c.vars, variable{decl[0].Ident[0], element})
	case len(decl) == 2:
		c.vars = append(c.vars, variable{decl[0].Ident[0], typeNumber}, variable{decl[1].Ident[0], element})
	}
	c.list(node.List, element)
	c.vars = c.vars[:scope]
	c.list(node.ElseList, dot)
}

func (c *checker) declare(pipe *parse.PipeNode, of reflect.Type) {
	for _, named := range pipe.Decl {
		name := named.Ident[0]
		if !pipe.IsAssign {
			c.vars = append(c.vars, variable{name, of})
			continue
		}
		if was := c.variable(named, name); was != nil && of != nil && was != of {
			c.fault(named, "%s holds %s and cannot hold %s: use another variable", name, describe(was), describe(of))
		}
	}
}

func (c *checker) variable(at parse.Node, name string) reflect.Type {
	for _, known := range slices.Backward(c.vars) {
		if known.name == name {
			return known.of
		}
	}
	return c.fault(at, "%s is not set here: what range sets stands before {{else}} only", name)
}

func (c *checker) printable(at parse.Node, of reflect.Type) {
	if of == nil {
		return
	}
	switch of.Kind() {
	case reflect.String, reflect.Int, reflect.Bool:
	case reflect.Slice:
		c.fault(at, "%s is a list: go over it with {{range}}, or use {{join}} if it is of texts", at)
	case reflect.Interface:
		c.fault(at, "%s is one of several things: use it in {{if}}, or give and and or values of one kind", at)
	default:
		c.fault(at, "%s has fields and is no text itself: write %s", at, c.offer(of, reflect.Invalid))
	}
}

// offer lists the fields that a type has, of one kind if that is given.
func (c *checker) offer(of reflect.Type, kind reflect.Kind) string {
	if of == nil {
		return manual
	}
	names := slices.Clone(c.maps[of])
	if of.Kind() == reflect.Struct {
		for i := range of.NumField() {
			if kind == reflect.Invalid || of.Field(i).Type.Kind() == kind {
				names = append(names, of.Field(i).Name)
			}
		}
	}
	if len(names) == 0 {
		return manual
	}
	return "one of ." + strings.Join(names, ", .")
}

// describe says what a value of a type is.
func describe(of reflect.Type) string {
	switch of {
	case nil:
		return "something"
	case typeText:
		return "a text"
	case typeNumber:
		return "a number"
	case typeTruth:
		return "true or false"
	case typeTexts:
		return "a list of texts"
	case typeMixed:
		return "one of several things"
	}
	if of.Kind() == reflect.Slice {
		return "a list"
	}
	return "something with fields"
}

// The parser's own words, and what to do about them.
var (
	parserPlace = regexp.MustCompile(`^template: ?[a-z]*:(\d+)(?::\d+)?: `)
	remedies    = []struct{ said, remedy string }{
		{"not defined", ": it is no function here; those are %s"},
		{"unclosed action", ": close it with }}"},
		{"unexpected EOF", ": each {{if}}, {{with}} and {{range}} needs an {{end}}"},
		{"unexpected {{end}}", ": there is no {{if}}, {{with}} or {{range}} that it could end"},
		{"unexpected {{else}}", ": there is no {{if}}, {{with}} or {{range}} that it could belong to"},
		{"undefined variable", ": set it first, as in {{$name := .Services}}"},
		{"unterminated", ": close it on the same line"},
		{"missing value", ": say of what, as in {{if .Reopened}}"},
	}
)

// maxExplained bounds a fault, in characters.
const maxExplained = 1000

// explain puts an error of text/template into our form, with the line and what to do.
func explain(key string, err error) error {
	said := clean.Text(err.Error(), maxExplained)
	line := ""
	if found := parserPlace.FindStringSubmatch(said); found != nil {
		said, line = strings.TrimPrefix(said, found[0]), "line "+found[1]+": "
	}
	said = strings.ReplaceAll(said, " "+key+":", " line ")
	for _, row := range remedies {
		if strings.Contains(said, row.said) {
			if strings.Contains(row.remedy, "%s") {
				return errors.New(line + said + fmt.Sprintf(row.remedy, allowedFunctions()))
			}
			return errors.New(line + said + row.remedy)
		}
	}
	return errors.New(line + said + ": " + manual)
}

func allowedFunctions() string {
	names := slices.Collect(maps.Keys(functions(language{}, &meter{})))
	names = slices.DeleteFunc(append(names, harmless()...), func(name string) bool { return name == functionRound })
	return strings.Join(slices.Sorted(slices.Values(names)), ", ")
}

// number reports whether a constant is a whole number that an int holds.
func number(node *parse.NumberNode) bool {
	_, err := strconv.Atoi(node.Text)
	return err == nil
}
