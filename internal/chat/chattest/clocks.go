// Package chattest holds what the tests of several chats need alike: events of clocks that
// are off, under ordinary names and under hostile ones, and the rule that a plot of them
// takes no room from anything else. It delivers nothing, and it knows no service.
package chattest

import (
	"fmt"
	"testing"

	"lapsewatch/watch"
)

// Fleet are events of so many clocks, which all are off, the most urgent first.
func Fleet(size int) []watch.Event {
	events := []watch.Event{
		clock("db-7.example.com", watch.Critical, int64(365*86400)),
		clock("web-3.example.com", watch.Critical, int64(9*3600-1)),
		clock("mail.example.com", watch.Critical, -90.0),
	}
	for i := range max(0, size-len(events)) {
		offset := 1.5 + float64(i)/10
		if i%2 == 1 {
			offset = -offset
		}
		events = append(events, clock(fmt.Sprintf("app-%03d.example.com", i+1), watch.Warning, offset))
	}
	return events[:size]
}

// Hostile are events of clocks whose names attack a plot in a chat. Each is short enough
// to stand there whole.
func Hostile() []watch.Event {
	var events []watch.Event
	for i, name := range []string{
		"```", "`x` ```y```", "<!channel> <@U1> <#C1>", "@everyone @HERE <@&1>", "<https://e.example|a>",
		"[a](https://e.example)", "https://e.example/", "<users/all> &lt;b&gt;", "<at>all</at> {{DATE(1)}}", "\x1b[31mred\u202e\r\nBcc: x",
	} {
		events = append(events, clock(name, watch.Critical, -float64(40+i)))
	}
	return events
}

// largest is the size of the largest fleet that AssertSpare delivers.
const largest = 91

// AssertSpare delivers fleets of many sizes, and requires that a message has at most one
// plot, and says everything else as it would without it. It gives the number of messages
// without one. deliver gives what a reader sees but for the plots, and these.
func AssertSpare(t *testing.T, deliver func(events []watch.Event) (rest string, plots []string)) (without int) {
	t.Helper()
	plotted := 0
	for size := 1; size <= largest; size += 5 {
		rest, plots := deliver(Fleet(size))
		bare, none := deliver(unplotted(Fleet(size)))
		if len(plots) > 1 || len(none) > 0 {
			t.Errorf("of %d clocks there are %d plots, and %d where there is nothing to draw", size, len(plots), len(none))
		}
		if rest != bare {
			t.Errorf("of %d clocks the message says beside the plot\n%s\nand without it\n%s", size, rest, bare)
		}
		if len(plots) == 0 {
			without++
		} else {
			plotted++
		}
	}
	if plotted == 0 {
		t.Error("no message has a plot")
	}
	return without
}

// unplotted are the same events without what a plot could show of them.
func unplotted(events []watch.Event) []watch.Event {
	var bare []watch.Event
	for _, event := range events {
		event.Finding.Details = nil
		bare = append(bare, event)
	}
	return bare
}

// clock is news of a clock that is off by so many seconds.
func clock(name string, severity watch.Severity, offset any) watch.Event {
	return watch.Event{ID: "event of " + name, Type: watch.Opened, Finding: watch.Finding{
		ID: "fleet/" + name, Check: "fleet", Kind: "clock", Name: name, Severity: severity, Reason: watch.ClockDrift, Message: "clock is off",
		Details: map[string]any{
			"offset_seconds": offset, "uncertainty_seconds": 0.2, "warn_seconds": 1.0, "critical_seconds": int64(30),
		},
	}}
}
