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

// changedBy says what a person changed since we wrote last; empty if nobody did. A draft that
// a person made visible, and left as it is otherwise, is still ours.
func (d *desk) changedBy(stub ledger.KeptStub, remote incidents.Remote, found bool) string {
	switch {
	case stub.There.ID == "":
		return "" // we have not seen it before
	case !found:
		return wasDeleted
	case remote.Key == "":
		return "its key was removed"
	case stub.There.Seen == "":
		return ""
	}
	var parts []string
	for _, name := range changes(stub, remote) {
		if !d.asAsked(name, remote, stub) && (name != partVisibility || remote.Hidden) {
			parts = append(parts, name)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "changed there: " + strings.Join(parts, ", ")
}

// wasDeleted is how a stub ended that a person deleted.
const wasDeleted = "it was deleted"

// The parts of a stub that people see.
const (
	partTitle, partPhase, partVisibility, partTexts, partComponents = "title", "phase", "visibility", "texts", "components"
)

// changes names the parts that are not as they were seen last.
func changes(stub ledger.KeptStub, remote incidents.Remote) []string {
	before, after := strings.Fields(stub.There.Seen), strings.Fields(seen(remote))
	var parts []string
	for i := range min(len(before), len(after)) {
		if before[i] != after[i] {
			name, _, _ := strings.Cut(after[i], ":")
			parts = append(parts, name)
		}
	}
	return parts
}

// asAsked reports that a part stands there as we asked for it and were not answered: some
// systems take more than one request to change a stub.
func (d *desk) asAsked(part string, remote incidents.Remote, stub ledger.KeptStub) bool {
	asked, phase := stub.There.Asked, stub.There.AskedPhase
	if asked.Revision == 0 {
		return false // nothing was asked for since
	}
	said := len(remote.Texts) > 0 && sameText(remote.Texts[len(remote.Texts)-1], asked.Text)
	switch part {
	case partTitle:
		return sameText(remote.Title, asked.Title)
	case partPhase:
		// The text tells the phases apart for which some systems have no words.
		return remote.Phase == phase || said
	case partTexts:
		return said
	case partComponents:
		return said || slices.EqualFunc(remote.Components, d.components(stub), func(a, b watch.Component) bool { return a.ID == b.ID && a.Status == b.Status })
	default:
		return remote.Hidden == stub.Hidden
	}
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
		part(partTitle, plain(remote.Title)), part(partPhase, string(remote.Phase)), part(partVisibility, fmt.Sprint(remote.Hidden)),
		part(partTexts, strings.Join(texts, "\x00")), part(partComponents, strings.Join(components, "\x00")),
	}, " ")
}
