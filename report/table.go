package report

import (
	"io"
	"strings"

	"lapsewatch/internal/columns"
	"lapsewatch/internal/dotplot"
	"lapsewatch/watch"
)

// Columns that the table gives to a text before a terminal sees it cut short and a pipe
// sees it stand out, and the least that a message needs beside the other columns.
const (
	maxNameColumns  = 64
	maxOwnerColumns = 28
	minNameColumns  = 24
	minColumns      = 12
	minMessage      = 36
	gutter          = "  "
)

// table is the layout that a first pass over the findings has settled.
type table struct {
	out   *printer
	style Style
	pass  watch.Pass
	// name, left and owner are column widths. Without an owner's column, which is when
	// nobody owns anything or the terminal is too narrow, owner is 0.
	name, left, owner int
	rows              int
	// message is the width left for the message; 0 is unbounded. When stacked, it
	// stands on lines of its own.
	message   int
	stacked   bool
	namesakes *namesakes
	clocks    dotplot.Plot
}

// writeTable writes text for people: the table by urgency, what more there is to say,
// what could not be read, the next steps, and the summary in the last line.
func writeTable(w io.Writer, pass watch.Pass, style Style) error {
	layout := &table{out: &printer{w: w}, style: style, pass: pass, namesakes: newNamesakes()}
	if err := layout.measure(); err != nil {
		return err
	}
	layout.fit()
	sections := []func() error{layout.writeRows, layout.writeClocks, layout.writeAlso, layout.writeUnread, layout.writeRemarks, layout.writeNextSteps}
	for _, section := range sections {
		if err := section(); err != nil {
			return err
		}
	}
	layout.out.printf("%s\n", strings.Join(wrapped(summaryText(pass), style.Width), "\n"))
	return layout.out.err
}

func (t *table) lists(finding watch.Finding) bool {
	return !t.style.OnlyNotOK || finding.Severity != watch.OK
}

func (t *table) measure() error {
	t.name, t.left = len("NAME"), len("LEFT")
	if err := t.noteNames(); err != nil {
		return err
	}
	for finding, err := range findings(t.pass) {
		if err != nil {
			return err
		}
		if dotplot.Takes(finding) {
			t.clocks.Add(t.readable(finding))
		}
		if !t.lists(finding) {
			continue
		}
		finding = t.readable(finding)
		t.rows++
		t.name = max(t.name, min(maxNameColumns, columns.In(finding.Name)))
		t.owner = max(t.owner, min(maxOwnerColumns, columns.In(ownersText(finding))))
		t.left = max(t.left, len(left(finding, t.pass.GeneratedAt)))
	}
	if t.owner > 0 {
		t.owner = max(t.owner, len("OWNER"))
	}
	return nil
}

// noteNames looks for subjects of one name, which only several checks can have.
func (t *table) noteNames() error {
	if len(t.pass.Checks) < 2 {
		return nil
	}
	for finding, err := range findings(t.pass) {
		if err != nil {
			return err
		}
		t.namesakes.note(readable(finding))
	}
	return nil
}

func (t *table) readable(finding watch.Finding) watch.Finding {
	return t.namesakes.toldApart(readable(finding))
}

// fit shares the terminal's width out. A name gives way to a message beside it, down to
// a limit; below that the message moves to lines of its own, and what is still too wide
// is taken from the owner first.
func (t *table) fit() {
	if t.style.Width <= 0 {
		return
	}
	whole := t.name
	t.shrink(&t.name, minNameColumns, minMessage)
	if t.message = t.room(); t.message >= minMessage {
		return
	}
	t.stacked, t.message, t.name = true, max(minMessage, t.style.Width-len(gutter)), whole
	t.shrink(&t.owner, minColumns, -len(gutter))
	t.shrink(&t.name, minNameColumns, -len(gutter))
	if t.room() < -len(gutter) {
		t.owner = 0
		t.shrink(&t.name, minColumns, -len(gutter))
	}
}

// shrink takes from a column what is lacking of the wanted room, but leaves it the least.
func (t *table) shrink(column *int, least, wanted int) {
	if lacking := wanted - t.room(); lacking > 0 {
		*column = max(min(*column, least), *column-lacking)
	}
}

// room is what the other columns leave for the message.
func (t *table) room() int { return t.style.Width - columns.In(t.line("", "", "", "", "", "")) }

// line lays the cells out; the message stands last and is never padded.
func (t *table) line(severity, name, date, left, owner, message string) string {
	cells := []string{columns.Padded(severity, len("critical")), columns.Padded(name, t.name), columns.Padded(date, len(stampLayout)), columns.Padded(left, t.left)}
	if t.owner > 0 {
		cells = append(cells, columns.Padded(owner, t.owner))
	}
	return strings.Join(append(cells, message), gutter)
}

func (t *table) writeRows() error {
	if t.rows == 0 {
		t.out.printf("%s\n\n", nothingListed(t.pass))
		return nil
	}
	heading := "MESSAGE"
	if t.stacked {
		heading = ""
	}
	t.out.printf("%s\n", strings.TrimRight(t.line("SEVERITY", "NAME", "NOT AFTER", "LEFT", "OWNER", heading), " "))
	for finding, err := range findings(t.pass) {
		if err != nil {
			return err
		}
		if t.lists(finding) {
			t.writeRow(t.readable(finding))
		}
	}
	t.out.printf("\n")
	return t.out.err
}

func (t *table) writeRow(finding watch.Finding) {
	name, owner := finding.Name, ownersText(finding)
	if t.style.Width > 0 {
		name, owner = columns.Fitted(name, t.name), columns.Fitted(owner, t.owner)
	}
	text := finding.Message
	if t.owner == 0 && owner != "" {
		text += " (owner: " + ownersText(finding) + ")"
	}
	message := wrapped(text, t.message)
	first := message[0]
	if t.stacked {
		first = ""
	} else {
		message = message[1:]
	}
	row := t.line(string(finding.Severity), name, dash(stamp(finding.NotAfter)), dash(left(finding, t.pass.GeneratedAt)), dash(owner), first)
	t.out.printf("%s\n", t.coloured(finding.Severity, strings.TrimRight(row, " ")))
	indent := gutter
	if !t.stacked {
		indent = t.line("", "", "", "", "", "")
	}
	for _, line := range message {
		t.out.printf("%s%s\n", indent, line)
	}
}

// coloured colours the severity, which leads the row.
func (t *table) coloured(severity watch.Severity, row string) string {
	if !t.style.Colour {
		return row
	}
	sgr := map[watch.Severity]string{watch.Critical: "1;31", watch.Warning: "33", watch.Unknown: "35", watch.Notice: "36", watch.OK: "32"}[severity]
	return "\x1b[" + sgr + "m" + string(severity) + "\x1b[0m" + strings.TrimPrefix(row, string(severity))
}

func ownersText(finding watch.Finding) string { return strings.Join(finding.Owners, ", ") }

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// nothingListed explains a report without a row.
func nothingListed(pass watch.Pass) string {
	switch {
	case pass.Summary.Subjects > 0:
		return "Nothing to do: every subject is ok."
	case len(incomplete(pass)) > 0:
		return "No subject could be listed: see what could not be read."
	default:
		return "Nothing to watch: the checks listed no subject."
	}
}
