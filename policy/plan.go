package policy

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"lapsewatch/watch"
)

// Destination is a channel with its fixed recipients.
type Destination struct {
	Channel    string
	Recipients []string
	// Reach gives the recipient under which the channel can tell an owner, if it may;
	// nil where it tells no owners.
	Reach func(owner string) (recipient string, reachable bool)
}

// Digest is what one recipient of one channel is told of one pass.
type Digest struct {
	// ID is the same whenever the same digest is planned again.
	ID        string
	Channel   string
	Recipient string
	CreatedAt time.Time
	Events    []watch.Event
	// Note says why the digest comes this way; empty as a rule.
	Note string
}

// Plan groups events into one digest per channel and recipient. Without routes every
// channel hears everything; with them, an event goes to the channels of every route
// that matches it. A channel's fixed recipients are told of all its events; the owners
// that it can reach are told besides, of what is theirs: an owner's mailbox may be dead.
func Plan(events []watch.Event, routes []Route, destinations []Destination, now time.Time) []Digest {
	var digests []Digest
	for _, destination := range destinations {
		var told []watch.Event
		for _, event := range events {
			if routed(event, routes, destination.Channel) {
				told = append(told, event)
			}
		}
		if len(told) == 0 {
			continue
		}
		slices.SortStableFunc(told, moreUrgent)
		for _, recipient := range destination.Recipients {
			digests = append(digests, newDigest(destination.Channel, recipient, told, now))
		}
		owned := destination.byOwner(told)
		for _, mailbox := range slices.Sorted(maps.Keys(owned)) {
			digests = append(digests, newDigest(destination.Channel, owned[mailbox].recipient, owned[mailbox].events, now))
		}
	}
	return digests
}

func newDigest(channel, recipient string, events []watch.Event, now time.Time) Digest {
	digest := Digest{Channel: channel, Recipient: recipient, CreatedAt: now.UTC(), Events: events}
	digest.ID = digest.stableID()
	return digest
}

// ownersShare is what one owner is told, under the first spelling of their name.
type ownersShare struct {
	recipient string
	events    []watch.Event
}

// byOwner gives each owner that can be reached, and is not told already, the events of
// what they own, and the good end of what they were told of, in the order of events. The
// keys are folded: recipients that differ only in case are one mailbox.
func (d Destination) byOwner(events []watch.Event) map[string]ownersShare {
	owned := map[string]ownersShare{}
	if d.Reach == nil {
		return owned
	}
	for _, event := range events {
		told := map[string]bool{}
		for _, recipient := range d.Recipients {
			told[strings.ToLower(recipient)] = true
		}
		for _, owner := range slices.Concat(event.Finding.Owners, event.Concerned) {
			recipient, reachable := d.Reach(owner)
			mailbox := strings.ToLower(recipient)
			if !reachable || told[mailbox] {
				continue
			}
			told[mailbox] = true
			share := owned[mailbox]
			owned[mailbox] = ownersShare{cmp.Or(share.recipient, recipient), append(share.events, event)}
		}
	}
	return owned
}

func (d Digest) stableID() string {
	parts := []string{d.Channel, d.Recipient}
	for _, event := range d.Events {
		parts = append(parts, event.ID)
	}
	return digestID(parts...)
}

func routed(event watch.Event, routes []Route, channel string) bool {
	if len(routes) == 0 {
		return true
	}
	for _, route := range routes {
		if slices.Contains(route.To, channel) && route.Match.Event(event) {
			return true
		}
	}
	return false
}

func moreUrgent(a, b watch.Event) int {
	return cmp.Or(
		cmp.Compare(resolvedLast(a), resolvedLast(b)),
		cmp.Compare(a.Finding.Severity.Urgency(), b.Finding.Severity.Urgency()),
		a.Finding.NotAfter.Compare(b.Finding.NotAfter),
		strings.Compare(a.Finding.Name, b.Finding.Name),
		strings.Compare(a.ID, b.ID),
	)
}

func resolvedLast(event watch.Event) int {
	if event.Type == watch.Resolved {
		return 1
	}
	return 0
}

// Event reports whether the match selects the event. Better news, and that nobody can
// look any more, match by what the subject was before too, so that whoever was told of a
// finding is told how it goes on.
func (m Match) Event(event watch.Event) bool {
	before := event.Finding
	before.Severity, before.Reason, before.Also = event.Previous, "", nil
	for _, reason := range event.Was {
		before.Also = append(before.Also, watch.Judgement{Reason: reason, Severity: event.Previous})
	}
	goesOn := event.Type == watch.Resolved || event.Type == watch.Improved || event.Finding.Unreadable()
	return m.Finding(event.Finding) || goesOn && m.Finding(before)
}

// Finding reports whether the match selects the finding.
func (m Match) Finding(finding watch.Finding) bool {
	if m.Severity != "" && !finding.Severity.AtLeast(m.Severity) {
		return false
	}
	if m.Reason != "" && !slices.Contains(finding.Reasons(watch.OK), m.Reason) {
		return false
	}
	return m.subject(finding)
}

// matchesName lets * and ? stand for "/" too: a name is often a path or a URL, and a
// pattern that never matches would never say so.
func matchesName(pattern, name string) bool {
	flat := strings.NewReplacer("/", "\x00")
	matched, err := path.Match(flat.Replace(pattern), flat.Replace(name))
	return err == nil && matched
}

// subject matches on what does not depend on the judgement.
func (m Match) subject(finding watch.Finding) bool {
	if m.Check != "" && m.Check != finding.Check || m.Kind != "" && m.Kind != finding.Kind {
		return false
	}
	if m.Name != "" {
		if !matchesName(m.Name, finding.Name) {
			return false
		}
	}
	for _, label := range m.Labels {
		if finding.Labels[label.Name] != label.Value {
			return false
		}
	}
	return true
}
