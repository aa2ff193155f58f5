// Package report writes one pass in every output format: a text table, JSON, JSONL,
// CSV, Markdown, iCalendar and a self-contained HTML page. All formats stream the same
// findings, so that a pass over a million subjects is written without being held.
//
// The package judges nothing, sorts nothing, opens no file and never reads the clock:
// what it says as of "now" is the pass's GeneratedAt. Text from outside is hostile
// until the format that prints it has escaped it; each format does so in one place.
package report

//go:generate go tool -modfile=../tools/templ/go.mod templ generate
