package report

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"lapsewatch/watch"
)

// Style is how a report is laid out. The zero Style is right for pipes and files.
type Style struct {
	// Colour lets the table use terminal colours. Words carry the meaning too.
	Colour bool
	// Width is the terminal's width in columns; 0 is unbounded, one line a finding.
	Width int
	// OnlyNotOK leaves the subjects that are ok out of the table and the Markdown.
	// The other formats always list every subject.
	OnlyNotOK bool
}

type format struct {
	name  string
	write func(io.Writer, watch.Pass, Style) error
}

// formats is the one list of output formats.
func formats() []format {
	return []format{
		{"table", writeTable},
		{"json", writeJSON},
		{"jsonl", writeJSONL},
		{"csv", writeCSV},
		{"html", writeHTML},
		{"ics", writeCalendar},
		{"markdown", writeMarkdown},
	}
}

// Formats lists the names that Write accepts.
func Formats() []string {
	var names []string
	for _, known := range formats() {
		names = append(names, known.name)
	}
	return names
}

// ErrUnknownFormat is the cause of an error for a format that does not exist.
var ErrUnknownFormat = errors.New("unknown output format")

// Write writes the pass to w in the named format. An error that ends the pass's
// findings is returned after what could be written has been written; JSON is closed
// properly even then, and says in its "error" that it is incomplete.
func Write(w io.Writer, name string, pass watch.Pass, style Style) error {
	for _, known := range formats() {
		if known.name != name {
			continue
		}
		pass.GeneratedAt = pass.GeneratedAt.UTC()
		buffered := bufio.NewWriter(w)
		err := known.write(buffered, pass, style)
		if flushed := buffered.Flush(); err == nil {
			err = flushed
		}
		if err != nil {
			return fmt.Errorf("write %s report: %w", name, err)
		}
		return nil
	}
	return fmt.Errorf("%w %q: want one of %s", ErrUnknownFormat, name, strings.Join(Formats(), ", "))
}

// findings are the pass's findings with dates that every format can write.
func findings(pass watch.Pass) iter.Seq2[watch.Finding, error] {
	return func(yield func(watch.Finding, error) bool) {
		if pass.Findings == nil {
			return
		}
		for finding, err := range pass.Findings {
			if err != nil {
				yield(watch.Finding{}, fmt.Errorf("read findings: %w", err))
				return
			}
			finding.NotBefore, finding.NotAfter = writable(finding.NotBefore), writable(finding.NotAfter)
			if !yield(finding, nil) {
				return
			}
		}
	}
}

// lastDate is the latest date that RFC 3339 can write.
func lastDate() time.Time { return time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC) }

// writable bounds a date to what RFC 3339 can write. A token from outside may claim to
// expire in the year 50,000, and one such claim must not cost the whole report.
func writable(date time.Time) time.Time {
	switch {
	case date.IsZero():
		return date
	case date.After(lastDate()):
		return lastDate()
	case date.Year() < 0:
		return time.Date(0, time.January, 1, 0, 0, 0, 0, time.UTC)
	default:
		return date.UTC()
	}
}
