package report

import (
	"fmt"
	"slices"
	"strings"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/dotplot"
	"lapsewatch/watch"
)

// Bounds of the list of next steps, which is grouped and so has to be held.
const (
	maxSteps     = 50
	maxStepNames = 3
)

// section writes a paragraph under a heading that appears with its first line only.
type section struct {
	table   *table
	heading string
	started bool
}

func (s *section) line(text string) { s.item(clean.Part{Text: text}) }

// item gives each command a line of its own with nothing else on it, so that the line
// can be copied as it stands. The command stays whole, whatever the terminal makes of a
// line that is too long.
func (s *section) item(parts ...clean.Part) {
	if !s.started {
		s.table.out.printf("%s:\n", s.heading)
		s.started = true
	}
	indent := gutter
	for _, part := range parts {
		lines := []string{gutter + part.Text}
		if !part.Command {
			lines = wrapped(part.Text, max(0, s.table.style.Width-2*len(gutter)))
		}
		for _, line := range lines {
			s.table.out.printf("%s%s\n", indent, line)
			indent = gutter + gutter
		}
	}
}

func (s *section) end() error {
	if s.started {
		s.table.out.printf("\n")
	}
	return s.table.out.err
}

// eachNotOK visits the findings that are not ok, which come before those that are.
func (t *table) eachNotOK(visit func(watch.Finding)) error {
	for finding, err := range findings(t.pass) {
		if err != nil {
			return err
		}
		if finding.Severity == watch.OK {
			return nil
		}
		visit(t.readable(finding))
	}
	return nil
}

// plotWidth is how wide a plot is where no terminal limits it.
const plotWidth = 80

// plots reports whether a plot of the clocks is worth its lines in this style.
func (s Style) plots(clocks *dotplot.Plot) bool {
	return clocks.Worthwhile() && (clocks.Worrying() || !s.OnlyNotOK)
}

// writeClocks leaves the plot out on a terminal that would break its lines.
func (t *table) writeClocks() error {
	width := plotWidth
	if t.style.Width > 0 {
		width = t.style.Width - len(gutter)
	}
	if !t.style.plots(&t.clocks) || width < dotplot.MinWidth {
		return nil
	}
	t.out.printf("Clocks:\n")
	for _, line := range t.clocks.Layout().Text(width) {
		t.out.printf("%s\n", strings.TrimRight(gutter+line, " "))
	}
	t.out.printf("\n")
	return t.out.err
}

// writeAlso lists the judgements that a row had no room for.
func (t *table) writeAlso() error {
	also := &section{table: t, heading: "Also"}
	err := t.eachNotOK(func(finding watch.Finding) {
		for _, judged := range finding.Also {
			also.line(fmt.Sprintf("%s: %s (%s)", finding.Name, judged.Message, judged.Severity))
		}
	})
	if err != nil {
		return err
	}
	return also.end()
}

func (t *table) writeUnread() error {
	unread := &section{table: t, heading: "Could not be read"}
	gaps := incomplete(t.pass)
	for _, gap := range gaps {
		unread.line("check " + gap.check + " " + gap.why)
	}
	err := t.eachNotOK(func(finding watch.Finding) {
		saidAbove := slices.ContainsFunc(gaps, func(gap checkGap) bool { return gap.isOf(finding) })
		if finding.Unreadable() && !saidAbove {
			unread.line(nameAndCheck(finding) + ": " + dash(string(finding.Reason)))
		}
	})
	if err != nil {
		return err
	}
	return unread.end()
}

func (t *table) writeRemarks() error {
	noted := &section{table: t, heading: "Left out, or not known"}
	for _, remark := range remarks(t.pass) {
		noted.line("check " + remark.check + ": " + remark.text)
	}
	return noted.end()
}

type nextStep struct {
	remedy string
	link   string
	names  []string
	count  int
}

func (s nextStep) text() string {
	who := strings.Join(s.names, ", ")
	if more := s.count - len(s.names); more > 0 {
		who += fmt.Sprintf(" and %d more", more)
	}
	text := clean.Prose(who) + ": " + s.remedy
	if s.link != "" {
		text += " " + s.link
	}
	return strings.TrimSpace(text)
}

// writeNextSteps says what to do, once for all the subjects that need the same.
func (t *table) writeNextSteps() error {
	var steps []*nextStep
	byRemedy := map[string]*nextStep{}
	leftOut := 0
	err := t.eachNotOK(func(finding watch.Finding) {
		if finding.Remedy == "" && finding.Link == "" {
			return
		}
		key := finding.Remedy + "\n" + finding.Link
		step := byRemedy[key]
		switch {
		case step == nil && len(steps) == maxSteps:
			leftOut++
			return
		case step == nil:
			step = &nextStep{remedy: finding.Remedy, link: finding.Link}
			byRemedy[key] = step
			steps = append(steps, step)
		}
		step.count++
		if len(step.names) < maxStepNames {
			step.names = append(step.names, finding.Name)
		}
	})
	if err != nil {
		return err
	}
	next := &section{table: t, heading: "Next steps"}
	for _, step := range steps {
		next.item(clean.Parts(step.text())...)
	}
	if leftOut > 0 {
		next.line(fmt.Sprintf("… and for %s: CSV and JSON have them all", counted(leftOut, "more subject", "more subjects")))
	}
	return next.end()
}
