package policy

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"lapsewatch/watch"
)

// Owner stands in a route for whoever owns what is found.
const Owner = "owner"

// Destination is a channel with its fixed recipients.
type Destination struct {
	Channel    string
	Recipients []string
	// Reach gives the recipient under which the channel can tell an owner, if it may;
	// nil where it tells no owners.
	Reach func(owner string) (recipient string, reachable bool)
	// Singly: each message holds one event. Standing: the channel is told of what is
	// open at every pass.
	Singly, Standing bool
}

// Routing says who hears of what.
type Routing struct {
	Routes []Route
	// Default are the channels that are told of what would reach nobody.
	Default []string
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

// Plan groups events into digests: one for each channel and recipient, or one for each
// event where the channel is told singly. Without routes every channel hears everything;
// with them, an event goes to the channels of every route that matches it. A channel's
// fixed recipients are told of all its events; the owners that it can reach are told
// besides, of what is theirs: an owner's mailbox may be dead. What would reach nobody
// goes to the default channels.
func Plan(events []watch.Event, routing Routing, destinations []Destination, now time.Time) []Digest {
	told := map[string]bool{}
	var plans []plan
	for _, destination := range destinations {
		made := plan{destination: destination}
		for _, event := range events {
			if event.Type == watch.Standing && !destination.Standing {
				continue
			}
			everybody, owners := routing.leads(event, destination.Channel)
			everybody = everybody || slices.Contains(event.StoodIn, destination.Channel)
			if everybody && len(destination.Recipients) > 0 {
				made.everybody = append(made.everybody, event)
				told[event.ID] = true
			}
			if everybody || owners {
				made.owners = append(made.owners, event)
				if destination.reachesOwnerOf(event) {
					told[event.ID] = true
				}
			}
		}
		plans = append(plans, made)
	}
	var digests []Digest
	for _, made := range plans {
		if slices.Contains(routing.Default, made.destination.Channel) {
			made.everybody = append(made.everybody, untold(events, told, made.destination.Standing)...)
		}
		digests = append(digests, made.digests(now)...)
	}
	return digests
}

// plan is what one destination is to be told.
type plan struct {
	destination Destination
	// everybody is for the fixed recipients, and owners for those that are reachable.
	everybody, owners []watch.Event
}

func untold(events []watch.Event, told map[string]bool, standing bool) []watch.Event {
	return slices.DeleteFunc(slices.Clone(events), func(event watch.Event) bool {
		return told[event.ID] || event.Type == watch.Standing && !standing
	})
}

func (p plan) digests(now time.Time) []Digest {
	var digests []Digest
	slices.SortStableFunc(p.everybody, moreUrgent)
	for _, recipient := range p.destination.Recipients {
		digests = append(digests, p.destination.digests(recipient, p.everybody, now)...)
	}
	slices.SortStableFunc(p.owners, moreUrgent)
	owned := p.destination.byOwner(p.owners, p.everybody)
	for _, mailbox := range slices.Sorted(maps.Keys(owned)) {
		digests = append(digests, p.destination.digests(owned[mailbox].recipient, owned[mailbox].events, now)...)
	}
	return digests
}

func (d Destination) digests(recipient string, events []watch.Event, now time.Time) []Digest {
	if len(events) == 0 {
		return nil
	}
	if !d.Singly {
		return []Digest{newDigest(d.Channel, recipient, events, now)}
	}
	var digests []Digest
	for i := range events {
		digests = append(digests, newDigest(d.Channel, recipient, events[i:i+1:i+1], now))
	}
	return digests
}

// Instead plans for another destination what a channel has failed to deliver. The IDs
// are the same whenever the same failure is planned for again.
func Instead(failed Digest, destination Destination, note string, now time.Time) []Digest {
	var digests []Digest
	events := slices.DeleteFunc(slices.Clone(failed.Events), func(event watch.Event) bool {
		return event.Type == watch.Standing && !destination.Standing
	})
	for _, recipient := range destination.Recipients {
		if destination.Channel == failed.Channel && strings.EqualFold(recipient, failed.Recipient) {
			continue
		}
		for _, digest := range destination.digests(recipient, events, now) {
			digest.ID, digest.Note = digestID("instead of", failed.ID, digest.ID), note
			digests = append(digests, digest)
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

// byOwner gives each owner that can be reached, and is not told already as one of the
// fixed recipients, the events of what they own, and the good end of what they were told
// of, in the order of events. The keys are folded: recipients that differ only in case
// are one mailbox.
func (d Destination) byOwner(events, everybody []watch.Event) map[string]ownersShare {
	owned := map[string]ownersShare{}
	if d.Reach == nil {
		return owned
	}
	fixed := map[string]bool{}
	for _, event := range everybody {
		fixed[event.ID] = true
	}
	for _, event := range events {
		told := map[string]bool{}
		if fixed[event.ID] {
			for _, recipient := range d.Recipients {
				told[strings.ToLower(recipient)] = true
			}
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

func (d Destination) reachesOwnerOf(event watch.Event) bool {
	return d.Reach != nil && slices.ContainsFunc(slices.Concat(event.Finding.Owners, event.Concerned), func(owner string) bool {
		_, reachable := d.Reach(owner)
		return reachable
	})
}

func (d Digest) stableID() string {
	parts := []string{d.Channel, d.Recipient}
	for _, event := range d.Events {
		parts = append(parts, event.ID)
	}
	return digestID(parts...)
}

// leads says whether an event leads to everybody whom the channel tells, or to the
// owners that it can reach.
func (r Routing) leads(event watch.Event, channel string) (everybody, owners bool) {
	if len(r.Routes) == 0 {
		return true, true
	}
	for _, route := range r.Routes {
		if !route.Match.Event(event) {
			continue
		}
		everybody = everybody || slices.Contains(route.To, channel)
		owners = owners || slices.Contains(route.To, Owner)
	}
	return everybody, owners
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
