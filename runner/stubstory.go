package runner

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"lapsewatch/incidents"
	"lapsewatch/ledger"
	"lapsewatch/watch"
)

// say makes the texts of the stub's revision, once: they are the same at each attempt.
func (d *desk) say(ctx context.Context, stub *ledger.KeptStub) error {
	if stub.There.Said.Revision == stub.Revision {
		return nil
	}
	d.findAffected(ctx, stub)
	story, err := d.story(ctx, *stub)
	if err != nil {
		return err
	}
	said := ledger.Said{Revision: stub.Revision}
	for _, text := range []struct {
		into *string
		from func(incidents.Story) (string, error)
	}{{&said.Title, d.Words.Title}, {&said.Text, d.Words.Text}, {&said.Internal, d.Words.Internal}} {
		if *text.into, err = text.from(story); err != nil && *text.into == "" {
			return fmt.Errorf("write the texts for %s: %w", d.Name, err)
		} else if err != nil {
			d.Log.Warn("a text of your own failed, and the built-in one took its place; try it with `lapsewatch incidents preview`", "system", d.Name, "error", err)
		}
	}
	if len(stub.Causes) == 0 && stub.There.Made.Title != "" {
		said.Title = stub.There.Made.Title // of what was taken back only that is known
	}
	stub.There.Said = said
	there := stub.There
	return d.note(*stub, func(known *ledger.There) {
		known.Said, known.Affected, known.AffectedMore = there.Said, there.Affected, there.AffectedMore
	})
}

// findAffected adds who is affected by now. Whoever was listed before stays listed, in the
// same place.
func (d *desk) findAffected(ctx context.Context, stub *ledger.KeptStub) {
	if d.Affected == nil || stub.Phase == watch.Over {
		return
	}
	var causes []watch.Finding
	for _, cause := range stub.Causes {
		if cause.GoodAt.IsZero() {
			causes = append(causes, cause.Finding)
		}
	}
	if len(causes) == 0 {
		for _, cause := range stub.Causes { // what could not be asked before
			causes = append(causes, cause.Finding)
		}
	}
	names, err := d.Affected(ctx, causes)
	if err != nil {
		d.Log.Warn("not everything that is affected could be found; the list stays as it was", "system", d.Name, "key", stub.Key, "error", err)
	}
	affected := slices.Clone(stub.There.Affected)
	more := 0
	for _, name := range names {
		switch {
		case slices.Contains(affected, name):
		case len(affected) >= maxAffected:
			more++
		default:
			affected = append(affected, name)
		}
	}
	stub.There.Affected, stub.There.AffectedMore = affected, max(stub.There.AffectedMore, more)
}

// story is all that the texts may speak of.
func (r Reconciler) story(ctx context.Context, stub ledger.KeptStub) (incidents.Story, error) {
	story := incidents.Story{
		Key: stub.Key, Instance: r.Instance, Phase: stub.Phase, Hidden: stub.Hidden && !stub.There.Published, Reopened: stub.Reopened > 0, Cancelled: stub.Cancelled, CausesMore: stub.More, Components: stub.Standing(),
		Affected: stub.There.Affected, AffectedMore: stub.There.AffectedMore, Window: stub.Window,
		StartedAt: stub.StartedAt, OpenedAt: stub.OpenedAt, RenewedAt: stub.RenewedAt, ResolvedAt: stub.ResolvedAt, At: r.Now(), Acknowledged: stub.Acknowledged,
	}
	var ids []string
	for _, cause := range stub.Causes {
		finding := cause.Finding
		ids = append(ids, finding.ID)
		story.Causes = append(story.Causes, incidents.Cause{
			FindingID: finding.ID, Name: finding.Name, Check: finding.Check, Kind: finding.Kind, Reason: finding.Reason, Message: finding.Message,
			NotAfter: finding.NotAfter, DaysLeft: daysUntil(finding.NotAfter, story.At), Owners: finding.Owners, Remedy: finding.Remedy, Link: finding.Link,
			Good: !cause.GoodAt.IsZero(), GoodAt: cause.GoodAt, Gone: cause.Gone,
		})
	}
	var providers []string
	for _, upstream := range stub.Upstreams {
		providers = append(providers, upstream.FindingID)
		story.Upstreams = append(story.Upstreams, incidents.Upstream{Name: upstream.Name, Message: upstream.Message, Link: upstream.Link, Good: upstream.Good})
	}
	history, err := r.Ledger.History(ctx, ids, stub.FoundAt.Add(-historyBefore))
	if err != nil {
		return story, err
	}
	around, err := r.Ledger.History(ctx, providers, stub.FoundAt.Add(-changesBefore))
	if err != nil {
		return story, err
	}
	history.Events = append(history.Events, around.Events...)
	changes, err := r.Ledger.Changes(ctx, stub.FoundAt.Add(-changesBefore), cmp.Or(stub.ResolvedAt, story.At), maxTimeline)
	if err != nil {
		return story, err
	}
	story.Timeline = timeline(stub, history, changes)
	story.FirstWarned = firstWarned(stub, history)
	if more := len(story.Timeline) - maxTimeline; more > 0 {
		story.Timeline, story.TimelineMore = story.Timeline[more:], more
	}
	return story, nil
}

const (
	// historyBefore outlasts a lead time of one month and its reminders.
	historyBefore = 100 * 24 * time.Hour
	maxTimeline   = 60
)

// daysUntil floors to whole days of 86,400 s, as findings do.
func daysUntil(notAfter, now time.Time) int64 {
	if notAfter.IsZero() {
		return 0
	}
	left := notAfter.Sub(now)
	days := int64(left / (24 * time.Hour))
	if left%(24*time.Hour) < 0 {
		days--
	}
	return days
}

// timeline is what happened to the stub's causes, to the stub, and around them.
func timeline(stub ledger.KeptStub, history ledger.History, changes []ledger.Change) []incidents.Entry {
	kinds := map[watch.EventType]incidents.EntryKind{
		watch.Opened: incidents.EntryFound, watch.Worsened: incidents.EntryWorsened, watch.Reminder: incidents.EntryReminded,
		watch.Improved: incidents.EntryImproved, watch.Resolved: incidents.EntryGood,
	}
	var entries []incidents.Entry
	for _, change := range changes {
		entries = append(entries, incidents.Entry{At: change.At, Kind: incidents.EntryChanged, What: change.Name, Text: change.Text})
	}
	for _, event := range history.Events {
		entries = append(entries, incidents.Entry{At: event.At, Kind: kinds[event.Type], What: event.Finding.Name, Text: event.Finding.Message})
	}
	// Messages of one pass are sent in any order.
	tellings := slices.SortedStableFunc(slices.Values(history.Told), func(a, b ledger.ToldOf) int {
		return cmp.Or(a.SentAt.Compare(b.SentAt), cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Recipient, b.Recipient))
	})
	for _, told := range tellings {
		entry := incidents.Entry{At: told.SentAt, Kind: incidents.EntryTold, What: told.Channel, Who: told.Recipient}
		if told.SentAt.IsZero() && told.DeadAt.IsZero() && told.Error == "" {
			continue // it is on its way, beside this
		}
		if told.SentAt.IsZero() {
			entry.At, entry.Kind, entry.Text = told.CreatedAt, incidents.EntryUntold, told.Error
		}
		entries = append(entries, entry)
	}
	if noted := stub.Acknowledged; noted != nil && len(stub.Causes) > 0 {
		entries = append(entries, incidents.Entry{At: noted.At, Kind: incidents.EntryAcknowledged, What: stub.Causes[0].Finding.Name, Who: noted.By, Text: noted.Reason})
	}
	for _, phase := range stub.Phases {
		entries = append(entries, incidents.Entry{At: phase.At, Kind: incidents.EntryPhase, What: stub.System, Text: string(phase.Phase)})
	}
	if !stub.There.TakenOver.IsZero() {
		entries = append(entries, incidents.Entry{At: stub.There.TakenOver, Kind: incidents.EntryTakenOver, What: stub.System, Text: stub.There.How})
	}
	slices.SortStableFunc(entries, func(a, b incidents.Entry) int { return a.At.Compare(b.At) })
	return entries
}

// firstWarned is when somebody was first told before it hurt.
func firstWarned(stub ledger.KeptStub, history ledger.History) time.Time {
	for _, told := range history.Told {
		if !told.SentAt.IsZero() && (stub.StartedAt.IsZero() || told.SentAt.Before(stub.StartedAt)) {
			return told.SentAt
		}
	}
	return time.Time{}
}

// Shown is what Show is asked for.
type Shown struct {
	System     string
	Stub       ledger.KeptStub
	Postmortem bool
}

// Show writes a stub for a reader here: what was said last and the part for staff as it is
// now, or the draft of the post-mortem. It asks nothing of the status system.
func (r Reconciler) Show(ctx context.Context, asked Shown) (string, error) {
	at := slices.IndexFunc(r.Systems, func(system StatusSystem) bool { return system.Name == asked.System })
	if at < 0 {
		return "", fmt.Errorf("no status system is named %q", asked.System)
	}
	story, err := r.story(ctx, asked.Stub)
	if err != nil {
		return "", err
	}
	words := r.Systems[at].Words
	if asked.Postmortem {
		return words.Postmortem(story)
	}
	internal, err := words.Internal(story)
	said := asked.Stub.There.Said
	return strings.Join([]string{said.Title, said.Text, internal}, "\n\n") + "\n", err
}
