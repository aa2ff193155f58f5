package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"lapsewatch/watch"
)

// Change is something that was replaced or set since the pass before, good news or bad:
// what people ask for first when something breaks is what changed last.
type Change struct {
	FindingID string `json:"finding_id"`
	Check     string `json:"check"`
	Name      string `json:"name"`
	// Text is a clause: "was replaced; the new one is valid until 2027-02-20 06:00 UTC".
	Text string `json:"text"`
}

// changingDetails are where checks put what a service shows of itself, one value or several,
// with what a change of it is called. It is read-only.
var changingDetails = []struct {
	key string
	say func(before, after string) string
}{
	{"version", func(before, after string) string { return fmt.Sprintf("went from version %s to %s", before, after) }},
	{"certificate", func(string, string) string { return "has another certificate" }},
}

// Changed tells what changed about a subject between two passes that could read it; false
// if nothing did.
func Changed(before, after Known) (Change, bool) {
	if after.Blind != "" || before.Finding.Unreadable() || after.Finding.Unreadable() || before.Gone {
		return Change{}, false
	}
	was, is := before.Finding, after.Finding
	var texts []string
	if was.Identity != "" && is.Identity != "" && was.Identity != is.Identity {
		text := "was replaced"
		if !is.NotAfter.IsZero() {
			text += "; the new one is valid until " + stamp(is.NotAfter)
		}
		texts = append(texts, text)
	}
	for _, detail := range changingDetails {
		before, after := before.Shown[detail.key], after.Shown[detail.key]
		shared := slices.ContainsFunc(after, func(value string) bool { return slices.Contains(before, value) })
		// Behind one name there may be several, of which a pass meets some.
		if len(before) > 0 && len(after) > 0 && !shared {
			texts = append(texts, detail.say(strings.Join(before, ", "), strings.Join(after, ", ")))
		}
	}
	jumped := func(finding watch.Finding) bool { return slices.Contains(finding.Reasons(watch.OK), watch.ClockJump) }
	if jumped(is) && !jumped(was) {
		texts = append(texts, is.Message)
	}
	if len(texts) == 0 {
		return Change{}, false
	}
	return Change{FindingID: is.ID, Check: is.Check, Name: is.Name, Text: strings.Join(texts, "; ")}, true
}

// shownAfter keeps what was shown last for as long as nothing else is: a service that does
// not answer shows nothing, and what changed meanwhile is what people ask for.
func shownAfter(shown map[string][]string, finding watch.Finding) map[string][]string {
	kept := maps.Clone(shown)
	for _, detail := range changingDetails {
		if values := listed(finding.Details[detail.key]); len(values) > 0 {
			if kept == nil {
				kept = map[string][]string{}
			}
			kept[detail.key] = values
		}
	}
	return kept
}

// listed is a detail that is one text or several.
func listed(detail any) []string {
	switch value := detail.(type) {
	case string:
		return []string{value}
	case []string:
		return value
	default:
		return nil
	}
}
