package config

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"
)

const (
	// maxDepth is far beyond what the settings need; paths grow with it.
	maxDepth = 64
	// maxAliased bounds what aliases repeat, all together, so that a small file cannot
	// grow into an enormous one.
	maxAliased = 10_000
)

// document is a YAML file with the place of everything in it. Its zero value is an empty
// one.
type document struct {
	file string
	root *yaml.Node
	// places leads from a key to where it stands: "checks[0].name" → line and column.
	places map[string]position
	// keys and values lead back, from where a key or a value stands to its key.
	keys, values map[position]string
	// scalars are the single values by their key, as they are written.
	scalars map[string]string
	// flaws are keys without a value and keys that are given twice.
	flaws Problems
}

type position struct{ line, column int }

// parse reads the one YAML document of a file, whose top must be a mapping.
func parse(file string, text []byte) (*document, Problems) {
	text, problem := plainText(file, text)
	if problem != nil {
		return nil, Problems{problem}
	}
	var whole yaml.Node
	if err := yaml.Load(text, &whole); err != nil {
		return nil, Problems{syntaxProblem(file, text, err)}
	}
	d := &document{
		file:    file,
		places:  map[string]position{},
		keys:    map[position]string{},
		values:  map[position]string{},
		scalars: map[string]string{},
	}
	d.root = whole.Content[0]
	if d.root.Kind != yaml.MappingNode {
		if isNull(d.root) {
			return nil, Problems{{Source: file, Err: errEmptyFile}}
		}
		return nil, Problems{d.problem(positionOf(d.root), "", errors.New("want settings, each written as `key: value`"))}
	}
	walk := &walk{document: d, inside: map[*yaml.Node]bool{}}
	walk.node(d.root, "", 0)
	if walk.fatal != nil {
		return nil, Problems{walk.fatal}
	}
	return d, nil
}

var errEmptyFile = errors.New("the file is empty: `lapsewatch config init` writes one to start from")

// decode fills a value strictly from the node; its error is Problems.
func (d *document) decode(node *yaml.Node, into any) error {
	// The walk has found keys that are given twice, without comparing each to each.
	err := node.Load(into, yaml.WithKnownFields(), yaml.WithUniqueKeys(false))
	if err == nil {
		return nil
	}
	return d.reword(err, d.values[positionOf(node)], reflect.TypeOf(into))
}

// at is a problem at the key, or at the nearest place above it that the file has.
func (d *document) at(key string, err error) *Problem {
	for nearest := key; nearest != ""; nearest = above(nearest) {
		if place, ok := d.places[nearest]; ok {
			return d.problem(place, key, err)
		}
	}
	return d.problem(position{}, key, err)
}

func (d *document) problem(place position, key string, err error) *Problem {
	return &Problem{Source: d.file, Line: place.line, Column: place.column, Key: key, Err: err}
}

// has reports whether the key is written.
func (d *document) has(key string) bool {
	_, written := d.places[key]
	return written
}

// above is the key that holds the key: "a.b[0]" → "a.b" → "a" → "".
func above(key string) string { return key[:max(strings.LastIndexAny(key, ".["), 0)] }

func positionOf(node *yaml.Node) position { return position{node.Line, node.Column} }

func isNull(node *yaml.Node) bool {
	return node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null"
}

// walk visits every node once, and what an alias repeats once more.
type walk struct {
	document *document
	// fatal ends the walk.
	fatal *Problem
	// inside are the aliased nodes that the walk is in; meeting one again is a loop.
	inside map[*yaml.Node]bool
	// alias, at aliasKey, is the outermost alias that the walk is in.
	alias    *yaml.Node
	aliasKey string
	aliased  int
}

func (w *walk) node(node *yaml.Node, key string, depth int) {
	if w.fatal != nil {
		return
	}
	if depth > maxDepth {
		w.stop(node, key, fmt.Errorf("nested deeper than %d levels", maxDepth))
		return
	}
	if len(w.inside) > 0 {
		if w.aliased++; w.aliased > maxAliased {
			w.stop(w.alias, w.aliasKey, fmt.Errorf("aliases repeat more than %d values: write fewer of them", maxAliased))
			return
		}
	}
	if _, known := w.document.values[positionOf(node)]; !known {
		w.document.values[positionOf(node)] = key
	}
	switch node.Kind {
	case yaml.MappingNode:
		w.mapping(node, key, depth)
	case yaml.SequenceNode:
		for i, item := range node.Content {
			itemKey := fmt.Sprintf("%s[%d]", key, i)
			w.document.places[itemKey] = positionOf(item)
			w.value(item, itemKey, depth)
		}
	case yaml.AliasNode:
		if w.inside[node.Alias] || node.Alias.Kind == yaml.AliasNode {
			w.stop(node, key, errors.New("the alias stands inside of what it repeats"))
			return
		}
		if len(w.inside) == 0 {
			w.alias, w.aliasKey = node, key
		}
		w.inside[node.Alias] = true
		w.node(node.Alias, key, depth+1)
		delete(w.inside, node.Alias)
	default:
		w.document.scalars[key] = node.Value
	}
}

func (w *walk) mapping(node *yaml.Node, key string, depth int) {
	lineOf := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		if name.Kind != yaml.ScalarNode || name.ShortTag() == "!!merge" {
			w.stop(name, key, errors.New("a key is a plain word: merge keys (<<) and keys that are lists, mappings or aliases are not read"))
			return
		}
		valueKey := below(key, shownKey(name.Value))
		if _, known := w.document.keys[positionOf(name)]; !known {
			w.document.keys[positionOf(name)] = valueKey
		}
		if first, twice := lineOf[name.Value]; twice {
			w.flaw(w.document.problem(positionOf(name), valueKey, fmt.Errorf("given twice: the first is on line %d", first)))
			continue
		}
		lineOf[name.Value] = name.Line
		w.document.places[valueKey] = positionOf(name)
		w.value(value, valueKey, depth)
	}
}

func (w *walk) value(value *yaml.Node, key string, depth int) {
	if isNull(value) {
		w.flaw(w.document.at(key, errors.New("has no value: give one or remove it")))
		return
	}
	w.node(value, key, depth+1)
}

func (w *walk) flaw(problem *Problem) { w.document.flaws = append(w.document.flaws, problem) }

func (w *walk) stop(node *yaml.Node, key string, err error) {
	w.fatal = w.document.problem(positionOf(node), key, err)
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// shownKey is the key as paths show it: plain words as they are, others quoted and cut.
func shownKey(key string) string {
	if plainKey.MatchString(key) {
		return key
	}
	return quoted(key)
}
