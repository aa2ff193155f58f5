package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// shownProblems bounds what a hopeless file (a picture, say) prints.
const shownProblems = 50

// Problem is one mistake. It never holds a value that might be a secret.
type Problem struct {
	// Source is the file, the environment variable or the --flag that is wrong.
	Source string
	// Line and Column count from 1; they are zero where there is no such place.
	Line, Column int
	// Key leads to the value: "checks[0].options.targets". It is empty for a file that
	// is no YAML, and for environment and flags.
	Key string
	Err error
}

// Error is "lapsewatch.yaml:12: checks[0].options.targetz: unknown key". It is one line
// and holds nothing that could steer a terminal.
func (p *Problem) Error() string {
	var text strings.Builder
	text.WriteString(p.Source)
	if p.Line > 0 {
		fmt.Fprintf(&text, ":%d", p.Line)
	}
	if p.Key == "" && p.Column > 0 {
		fmt.Fprintf(&text, ":%d", p.Column)
	}
	text.WriteString(": ")
	if p.Key != "" {
		text.WriteString(p.Key + ": ")
	}
	text.WriteString(p.Err.Error())
	return strings.Map(printable, text.String())
}

// Unwrap gives the cause.
func (p *Problem) Unwrap() error { return p.Err }

func printable(r rune) rune {
	switch {
	case r == '\n' || r == '\t':
		return ' '
	case unicode.IsPrint(r):
		return r
	default:
		return unicode.ReplacementChar
	}
}

// Problems are all mistakes of one configuration, in the order of the file.
type Problems []*Problem

// Error lists the problems, one a line.
func (p Problems) Error() string {
	var lines []string
	for _, problem := range p[:min(len(p), shownProblems)] {
		lines = append(lines, problem.Error())
	}
	if len(p) > shownProblems {
		lines = append(lines, fmt.Sprintf("… and %d more", len(p)-shownProblems))
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the problems one by one.
func (p Problems) Unwrap() []error {
	var all []error
	for _, problem := range p {
		all = append(all, problem)
	}
	return all
}

// inOrder sorts by place, and tells of each key once: the first mistake explains the
// others.
func (p Problems) inOrder() Problems {
	slices.SortStableFunc(p, func(a, b *Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), strings.Compare(a.Source, b.Source))
	})
	type place struct {
		source, key string
		line        int
	}
	told := map[place]bool{}
	return slices.DeleteFunc(p, func(each *Problem) bool {
		at := place{each.Source, each.Key, each.Line}
		defer func() { told[at] = true }()
		return told[at]
	})
}
