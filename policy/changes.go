package policy

import (
	"fmt"
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

// versionDetail is where checks put what a service says of its version.
const versionDetail = "version"

// Changed tells what changed about a subject between two passes that could read it; false
// if nothing did.
func Changed(before, after Known) (Change, bool) {
	if before.Blind != "" || after.Blind != "" || before.Finding.Unreadable() || after.Finding.Unreadable() || before.Gone {
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
	if old, known := was.Details[versionDetail].(string); known {
		if version, known := is.Details[versionDetail].(string); known && old != version {
			texts = append(texts, fmt.Sprintf("went from version %s to %s", old, version))
		}
	}
	if is.Reason == watch.ClockJump && was.Reason != watch.ClockJump {
		texts = append(texts, is.Message)
	}
	if len(texts) == 0 {
		return Change{}, false
	}
	return Change{FindingID: is.ID, Check: is.Check, Name: is.Name, Text: strings.Join(texts, "; ")}, true
}
