package runner

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"lapsewatch/incidents"
	"lapsewatch/ledger"
	"lapsewatch/watch"
)

// changedBy says what a person changed since we wrote last; empty if nobody did.
func (d *desk) changedBy(stub ledger.KeptStub, remote incidents.Remote, found bool) string {
	switch {
	case stub.There.ID == "":
		return "" // we have not seen it before
	case !found:
		return "it was deleted"
	case remote.Key == "":
		return "its key was removed"
	case stub.There.Seen == "" || stub.There.Seen == seen(remote):
		return ""
	case stub.There.Revision < stub.Revision && (shows(remote, stub) || showsText(remote, stub.There.Asked, stub.There.AskedPhase)):
		return "" // it was asked for, and not answered
	}
	before, after := strings.Fields(stub.There.Seen), strings.Fields(seen(remote))
	var parts []string
	for i := range min(len(before), len(after)) {
		if before[i] != after[i] {
			name, _, _ := strings.Cut(after[i], ":")
			if !asAsked(name, remote, stub) {
				parts = append(parts, name)
			}
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "changed there: " + strings.Join(parts, ", ")
}

// asAsked reports that a part stands there as we have asked for it: some systems take more
// than one request to change a stub, and the last of them was not answered, or not made.
func asAsked(part string, remote incidents.Remote, stub ledger.KeptStub) bool {
	if stub.There.Revision >= stub.Revision {
		return false // nothing was asked for since
	}
	for _, asked := range []struct {
		said  ledger.Said
		phase watch.Phase
	}{{stub.There.Said, stub.Phase}, {stub.There.Asked, stub.There.AskedPhase}} {
		if asked.said.Revision == 0 {
			continue
		}
		switch part {
		case "title":
			if sameText(remote.Title, asked.said.Title) {
				return true
			}
		case "phase":
			if remote.Phase == asked.phase {
				return true
			}
		case "texts":
			if len(remote.Texts) > 0 && sameText(remote.Texts[len(remote.Texts)-1], asked.said.Text) {
				return true
			}
		case "components":
			if slices.EqualFunc(remote.Components, stub.Standing(), func(a, b watch.Component) bool { return a.ID == b.ID && a.Status == b.Status }) {
				return true
			}
		}
	}
	return part == "visibility" && remote.Hidden == stub.Hidden
}

// shows reports that the stub stands there as we last meant it to: the answer to our own
// writing was lost. The text tells the phases apart, for which some systems have no words; the
// title, which some never change, does not.
func shows(remote incidents.Remote, stub ledger.KeptStub) bool {
	return showsText(remote, stub.There.Said, stub.Phase)
}

func showsText(remote incidents.Remote, said ledger.Said, phase watch.Phase) bool {
	if said.Revision == 0 || remote.Open == (phase == watch.Over) || len(remote.Texts) == 0 {
		return false
	}
	return sameText(remote.Texts[len(remote.Texts)-1], said.Text)
}

// sameText: systems cut what is too long, and add a line with our key.
func sameText(there, said string) bool {
	there, said = plain(there), plain(said)
	cut, wasCut := strings.CutSuffix(there, "…")
	return strings.Contains(there, said) || wasCut && strings.HasPrefix(said, strings.TrimSpace(cut))
}

// plain is a text without what systems change in passing.
func plain(text string) string { return strings.Join(strings.Fields(text), " ") }

func part(name, content string) string {
	sum := sha256.Sum256([]byte(content))
	return name + ":" + hex.EncodeToString(sum[:8])
}

// seen tells the states of a stub on its system apart, part by part.
func seen(remote incidents.Remote) string {
	texts := make([]string, 0, len(remote.Texts))
	for _, text := range remote.Texts {
		texts = append(texts, plain(text))
	}
	var components []string
	for _, component := range remote.Components {
		components = append(components, component.ID+"="+string(component.Status))
	}
	slices.Sort(components)
	return strings.Join([]string{
		part("title", plain(remote.Title)), part("phase", string(remote.Phase)), part("visibility", fmt.Sprint(remote.Hidden)),
		part("texts", strings.Join(texts, "\x00")), part("components", strings.Join(components, "\x00")),
	}, " ")
}
