package github

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"lapsewatch/incidents"
	"lapsewatch/internal/githubissues"
	"lapsewatch/internal/hiddenline"
	"lapsewatch/internal/stubtext"
	"lapsewatch/watch"
)

// The body of an issue is made of sections. Each begins with a line that is a comment of
// HTML, which nobody sees; those of the key and of the seal are the last.
//
//	<!-- lapsewatch-update:MARK -->      what was said, the newest first
//	<!-- lapsewatch-window:FROM/UNTIL --> when a maintenance takes place
//	<!-- lapsewatch-components -->       what is affected
//	<!-- lapsewatch-internal -->         for staff, in a private repository
//	<!-- lapsewatch-phase:PHASE -->
//	<!-- lapsewatch-incident:KEY -->
//	<!-- lapsewatch-sealed:… -->          whether a person has changed any of it
const (
	updateSection     = "update"
	windowSection     = "window"
	componentsSection = "components"
	internalSection   = "internal"
	phaseSection      = "phase"
	keySection        = "incident"
)

const (
	// maxText, maxInternal and maxNote are what fits into a body of githubissues.MaxBody
	// characters, together with all that is around them.
	maxText, maxInternal, maxNote = 16_000, 24_000, 60_000
	// maxSeal is how long the line of a seal is at most, with what is before it.
	maxSeal = 200
	// maxUpdates is how many texts a body keeps; the oldest go first.
	maxUpdates = 50
	// told is how times are shown.
	told = "2006-01-02 15:04 UTC"
)

// part is a section as it stands in a body. Name is empty for what stands before all.
type part struct{ Name, Value, Text string }

// partsOf reads a body of any origin.
func partsOf(body string) []part {
	var parts []part
	current, lines := part{}, []string(nil)
	end := func() {
		current.Text = strings.TrimSpace(strings.Join(lines, "\n"))
		if current.Name != "" || current.Text != "" {
			parts = append(parts, current)
		}
		lines = nil
	}
	for line := range strings.SplitSeq(body, "\n") {
		if name, value, found := hiddenline.Read(line); found {
			end()
			current = part{Name: name, Value: value}
			continue
		}
		lines = append(lines, strings.TrimRight(line, " \t\r"))
	}
	end()
	return parts
}

// valueOf is that of the last section of the name, so that none which a text smuggles in
// before it counts.
func valueOf(parts []part, name string) string {
	for _, part := range slices.Backward(parts) {
		if part.Name == name {
			return part.Value
		}
	}
	return ""
}

// textsOf are the texts of the updates, oldest first. All that is around them stands before
// the first, so that a change there is a change of the texts.
func textsOf(parts []part) []string {
	var texts, around []string
	for _, part := range slices.Backward(parts) {
		if part.Name == updateSection {
			texts = append(texts, said(part))
		}
	}
	for _, part := range parts {
		if part.Name != updateSection && part.Text != "" {
			around = append(around, part.Text)
		}
	}
	switch {
	case len(around) == 0:
		return texts
	case len(texts) == 0:
		return []string{strings.Join(around, "\n\n")}
	}
	texts[0] = strings.Join(append(around, texts[0]), "\n\n")
	return texts
}

var timeLine = regexp.MustCompile(`^\*\*[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2} UTC\*\*\n*`)

// said is an update without its time.
func said(update part) string { return timeLine.ReplaceAllString(update.Text, "") }

// sealed is the body of a stub as it is written.
func sealed(stub incidents.Stub, earlier []part, private bool) string {
	return hiddenline.Seal(compose(stub, earlier, private), stub.Key)
}

// edited reports that a body with a key is not as it was written.
func edited(body, key string) bool {
	ours, untouched := hiddenline.Sealed(body, key)
	return !ours || !untouched
}

// compose makes the body of a stub, with the updates that stand in the earlier one.
func compose(stub incidents.Stub, earlier []part, private bool) string {
	updates := []part{update(stub)}
	for _, part := range earlier {
		if part.Name == updateSection && part.Value != hiddenline.Mark(stub.Mark) && len(updates) < maxUpdates {
			updates = append(updates, part)
		}
	}
	rest := around(stub, private)
	var out strings.Builder
	room := githubissues.MaxBody - maxSeal - utf8.RuneCountInString(rest)
	for i, update := range updates {
		text := hiddenline.Write(updateSection, update.Value) + "\n" + update.Text + "\n\n"
		if room -= utf8.RuneCountInString(text); room < 0 && i > 0 {
			break
		}
		out.WriteString(text)
	}
	return out.String() + rest
}

func update(stub incidents.Stub) part {
	return part{
		Name: updateSection, Value: hiddenline.Mark(stub.Mark),
		Text: "**" + stub.At.UTC().Format(told) + "**\n\n" + githubissues.Cut(stubtext.Tidy(stub.Text), maxText),
	}
}

// around is all of a body that is no update.
func around(stub incidents.Stub, private bool) string {
	var lines []string
	add := func(name, value, text string) { lines = append(lines, hiddenline.Write(name, value), text, "") }
	if window := stub.Window; window != nil {
		from, until := window.From.UTC(), window.Until.UTC()
		add(windowSection, from.Format(time.RFC3339)+"/"+until.Format(time.RFC3339), "**"+from.Format(told)+" – "+until.Format(told)+"**")
	}
	if len(stub.Components) > 0 {
		add(componentsSection, "", componentLines(stub.Components))
	}
	if text := githubissues.Cut(stubtext.Tidy(stub.Internal), maxInternal); private && text != "" {
		add(internalSection, "", text)
	}
	lines = append(lines, hiddenline.Write(phaseSection, string(stub.Phase)), hiddenline.Write(keySection, stub.Key))
	return strings.Join(lines, "\n")
}

func componentLines(components []watch.Component) string {
	var lines []string
	for _, component := range components {
		lines = append(lines, "- "+githubissues.Quote(nameOf(component))+": "+strings.ReplaceAll(string(component.Status), "_", " "))
	}
	return strings.Join(lines, "\n")
}
