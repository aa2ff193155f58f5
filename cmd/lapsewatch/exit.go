package main

import (
	"errors"
	"fmt"
	"strings"

	"lapsewatch/internal/clean"
	"lapsewatch/watch"
)

// The exit codes that `lapsewatch` promises.
const (
	exitDone     = 0
	exitFindings = 1
	exitUsage    = 2
	exitFailed   = 3
)

// exitError ends the command with a code. A nil error ends it without a word, because
// the results on stdout said it all.
type exitError struct {
	code int
	err  error
	hint string
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func failed(err error) error { return &exitError{code: exitFailed, err: err} }

func misused(hint string, err error) error {
	return &exitError{code: exitUsage, err: err, hint: hint}
}

// ending says what went wrong and what to do next, and gives the exit code. What is no
// exitError comes from the flag parser.
func (a app) ending(err error) int {
	if err == nil {
		return exitDone
	}
	exit, ok := errors.AsType[*exitError](err)
	if !ok {
		exit = &exitError{code: exitUsage, err: err, hint: "run `lapsewatch --help` for the commands and flags"}
	}
	if exit.err != nil {
		a.complain("lapsewatch: %s\n", cleanLines(exit.err.Error()))
	}
	if exit.hint != "" {
		a.complain("hint: %s\n", exit.hint)
	}
	return exit.code
}

const (
	maxErrorLines = 100
	maxErrorRunes = 2000
)

// cleanLines makes an error fit for a terminal, line by line.
func cleanLines(text string) string {
	lines := strings.Split(text, "\n")
	if len(lines) > maxErrorLines {
		left := len(lines) - maxErrorLines
		lines = append(lines[:maxErrorLines], fmt.Sprintf("… and %d more lines", left))
	}
	for i := range lines {
		lines[i] = clean.Text(strings.ReplaceAll(lines[i], "\t", "  "), maxErrorRunes)
	}
	return strings.Join(lines, "\n")
}

// failOn is the value of --fail-on: the severity from which findings end the command
// with exit code 1.
type failOn struct{ from watch.Severity }

func (f *failOn) String() string {
	if f.from == "" {
		return "never"
	}
	return string(f.from)
}

func (f *failOn) Type() string { return "never|warning|critical" }

func (f *failOn) Set(text string) error {
	switch text {
	case "never":
		f.from = ""
	case "warning", "critical":
		f.from = watch.Severity(text)
	default:
		return errors.New("want never, warning or critical")
	}
	return nil
}

// verdict is the exit code for a pass: 3 where a check could read nothing at all, 1
// where findings reach the limit. The sum of a pass says it without reading it again.
func (f *failOn) verdict(pass watch.Pass) error {
	for _, check := range pass.Checks {
		if blind := check.Subjects > 0 && check.Problems >= check.Subjects; blind || check.Error != "" {
			return &exitError{code: exitFailed}
		}
	}
	if f.from == "" {
		return nil
	}
	for _, severity := range watch.Severities() {
		if severity.AtLeast(f.from) && pass.Summary.Of(severity) > 0 {
			return &exitError{code: exitFindings}
		}
	}
	return nil
}
