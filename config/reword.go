package config

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"
)

var (
	unknownField = regexp.MustCompile(`(?s)^field .* not found in type `)
	wrongType    = regexp.MustCompile("(?s)^cannot construct (!\\S*)(?: `.*`)? into .+?( \\(TextUnmarshaler\\))?$")
	// libraryWords begin the messages of the YAML library itself, some of which repeat
	// the value; all others come from the types that read it, which know their secrets.
	libraryWords = regexp.MustCompile(`^(cannot |field |!!|invalid array|mapping key|map merge|merge-key|anchor )`)
)

// reword turns the YAML library's error into Problems that speak of keys in place of Go
// types and that do not repeat values, any of which might be a secret. What was decoded
// stands at the key top and was to be read as root.
func (d *document) reword(err error, top string, root reflect.Type) error {
	var all []*yaml.LoadError
	if many, ok := errors.AsType[*yaml.LoadErrors](err); ok {
		all = many.Errors
	} else if one, ok := errors.AsType[*yaml.LoadError](err); ok {
		all = []*yaml.LoadError{one}
	} else {
		return fmt.Errorf("decode configuration: %w", err)
	}
	// An alias takes what stands elsewhere: its type is not looked for.
	wanted := func(key string) reflect.Type {
		if rest, inside := strings.CutPrefix(key, top); inside {
			return typeAt(root, rest)
		}
		return nil
	}
	var problems Problems
	for _, each := range all {
		problems = append(problems, d.rewordOne(each, wanted))
	}
	return problems
}

func (d *document) rewordOne(err *yaml.LoadError, wanted func(key string) reflect.Type) *Problem {
	place := position{err.Mark.Line, err.Mark.Column}
	if unknownField.MatchString(err.Message) {
		key := d.keys[place]
		holder := above(key)
		word := strings.TrimPrefix(key[len(holder):], ".")
		return d.problem(place, key, errors.New("unknown key"+newVocabulary(keysOf(wanted(holder))).remedy(word)))
	}
	key := d.values[place]
	if match := wrongType.FindStringSubmatch(err.Message); match != nil {
		want := "a single value"
		if match[2] == "" {
			want = written(wanted(key))
		}
		return d.problem(place, key, fmt.Errorf("want %s, have %s", want, found(match[1])))
	}
	if libraryWords.MatchString(err.Message) {
		return d.problem(place, key, errors.New("cannot be read as what this key wants"))
	}
	return d.problem(place, key, errors.New(err.Message))
}

// found names what was written by its YAML tag.
func found(tag string) string {
	switch tag {
	case "!!str":
		return "text"
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "true or false"
	case "!!seq":
		return "a list"
	case "!!map":
		return "a mapping"
	case "!!timestamp":
		return "a date"
	default:
		return "something else"
	}
}

// written names what a Go type reads.
func written(t reflect.Type) string {
	if t == nil {
		return "something else"
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "a mapping (key: value)"
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "text"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Int8, reflect.Int16, reflect.Int32:
		return fmt.Sprintf("a whole number from %d to %d", -1<<(t.Bits()-1), 1<<(t.Bits()-1)-1)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return fmt.Sprintf("a whole number from 0 to %d", uint64(math.MaxUint64)>>(64-t.Bits()))
	case reflect.Uint, reflect.Uint64:
		return "a whole number from 0 on"
	default:
		return "a whole number"
	}
}

// tabbed finds lines that a tab indents.
var tabbed = regexp.MustCompile(`(?m)^ *\t`)

// syntaxProblem explains why a file is no YAML. Where the library names an anchor or a
// tag it may be the beginning of a secret, so only what is known to be safe is repeated.
func syntaxProblem(file string, text []byte, err error) *Problem {
	failure, ok := errors.AsType[*yaml.LoadError](err)
	if !ok {
		return &Problem{Source: file, Err: errors.New("is no YAML that can be read")}
	}
	problem := &Problem{Source: file, Line: failure.Mark.Line, Column: failure.Mark.Column}
	has := func(words string) bool { return strings.Contains(failure.Message, words) }
	switch {
	case has("no documents"):
		problem.Line, problem.Column, problem.Err = 0, 0, errEmptyFile
	case has("multiple"):
		problem.Line, problem.Column = 0, 0
		problem.Err = errors.New("the file holds more than one YAML document: remove the `---` between them")
	case tabbed.Match(text):
		start := tabbed.FindIndex(text)[0]
		problem.Line, problem.Column = 1+strings.Count(string(text[:start]), "\n"), 0
		problem.Err = errors.New("a tab indents the line: YAML wants spaces")
	case has("mapping values are not allowed"):
		problem.Err = errors.New("a colon where none may be: a text with \": \" in it wants quotes, and keys of one mapping the same indentation")
	case has("anchor") || has("alias") || has("tag") || has("directive"):
		problem.Err = errors.New("a value that begins with * & ! or % wants quotes")
	case has("cannot start any token"):
		problem.Err = errors.New("a value that begins with @ or ` or a stray character wants quotes")
	case has("did not find expected"):
		problem.Err = errors.New("the indentation or a bracket does not fit: " + failure.Message)
	case has("unexpected end of stream"):
		problem.Err = errors.New("a quote is not closed")
	default:
		problem.Err = errors.New("is no YAML that can be read here")
	}
	return problem
}
