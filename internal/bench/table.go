package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// table collects what was measured, in order.
type table struct {
	notes []string
	rows  []*row
}

type row struct {
	area, program, measure, value, goal, verdict string
}

func (t *table) note(format string, args ...any) {
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

func (t *table) add(area, program, measure, format string, args ...any) *row {
	added := &row{area: area, program: program, measure: measure, value: fmt.Sprintf(format, args...)}
	t.rows = append(t.rows, added)
	return added
}

// addTruth adds how much of the truth a program found; ours must find all of it.
func (t *table) addTruth(area string, p program, result score) {
	added := t.add(area, p.name, "dates and verdicts", "%s", result)
	if !p.ours {
		return
	}
	added.target("all exact", result.exact())
	if result.firstWrong != "" {
		t.note("%s, first mistake: %s", area, result.firstWrong)
	}
}

// missing names a peer that could not be measured, so that no gap looks like a result.
func (t *table) missing(area, program, why string) {
	t.add(area, program, "", "not measured: %s", why)
}

// target sets what the value is held to.
func (r *row) target(goal string, met bool) {
	r.goal, r.verdict = goal, "met"
	if !met {
		r.verdict = "MISSED"
	}
}

func (t *table) print(out io.Writer) {
	for _, note := range t.notes {
		fmt.Fprintln(out, note)
	}
	columns := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.DiscardEmptyColumns)
	area := ""
	for _, r := range t.rows {
		if r.area != area {
			area = r.area
			fmt.Fprintf(columns, "\n%s\n", area)
		}
		fmt.Fprintf(columns, "  %s\t%s\t%s", r.program, r.measure, r.value)
		if r.goal != "" {
			fmt.Fprintf(columns, "\ttarget %s: %s", r.goal, r.verdict)
		}
		fmt.Fprintln(columns)
	}
	_ = columns.Flush()
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

func mib(kib int64) float64 { return float64(kib) / 1024 }
