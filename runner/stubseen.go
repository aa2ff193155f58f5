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
	case stub.There.Seen == "" || stub.There.Seen == seen(remote) || shows(remote, stub):
		return ""
	}
	before, after := strings.Fields(stub.There.Seen), strings.Fields(seen(remote))
	var parts []string
	for i := range min(len(before), len(after)) {
		if before[i] != after[i] {
			name, _, _ := strings.Cut(after[i], ":")
			parts = append(parts, name)
		}
	}
	return "changed there: " + strings.Join(parts, ", ")
}

// shows reports that the stub stands there as we last meant it to: the answer to our own
// writing was lost. The text tells the phases apart, for which some systems have no words; the title, which some never change, does not.
func shows(remote incidents.Remote, stub ledger.KeptStub) bool {
	said := stub.There.Said
	if said.Revision == 0 || remote.Open == (stub.Phase == watch.Over) || len(remote.Texts) == 0 {
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
