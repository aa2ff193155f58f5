package report

import (
	"fmt"
	"strings"

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

func (s *section) line(text string) {
	if !s.started {
		s.table.out.printf("%s:\n", s.heading)
		s.started = true
	}
	width := s.table.style.Width
	for i, line := range flowing(text, max(0, width-2*len(gutter))) {
		indent := gutter
		if i > 0 {
			indent = gutter + gutter
		}
		s.table.out.printf("%s%s\n", indent, line)
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
		visit(readable(finding))
	}
	return nil
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
	for _, gap := range incomplete(t.pass) {
		unread.line("check " + gap.check + " " + gap.why)
	}
	err := t.eachNotOK(func(finding watch.Finding) {
		if finding.Unreadable() {
			unread.line(fmt.Sprintf("%s (check %s): %s", finding.Name, finding.Check, dash(string(finding.Reason))))
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
	// A back-tick in a name must not open a quotation that the remedy's commands close.
	text := strings.ReplaceAll(who, "`", "'") + ": " + s.remedy
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
		next.line(step.text())
	}
	if leftOut > 0 {
		next.line(fmt.Sprintf("… and for %s: CSV and JSON have them all", counted(leftOut, "more subject", "more subjects")))
	}
	return next.end()
}
