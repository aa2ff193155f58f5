package mailflow

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"time"

	"lapsewatch/internal/holdoff"
)

const (
	// mostOut is how many canaries are on their way at most. The first half is sent at each
	// pass, the others spread over the time in which one can still arrive: what is stuck for
	// a day is not made worse, and that it moves again is seen soon.
	mostOut = 24
	// clockMayBeAhead is by how much what was remembered may lie in the future.
	clockMayBeAhead = 5 * time.Minute
	// mostLost and mostPast are how many of them are remembered, the latest, and maxRecord
	// how large the record may be for the memory.
	mostLost  = mostOut
	mostPast  = 16
	maxRecord = 4 << 10
)

// canary is one that was sent and has not been seen. Times are this machine's, in
// milliseconds since 1970.
type canary struct {
	ID string `json:"id"`
	// Sent is when it was first handed over, or offered.
	Sent int64 `json:"sent"`
	// Looked is when it was last looked for and was not there.
	Looked int64 `json:"looked,omitempty"`
	// Taken is when it was handed over, where that was not when it was first offered.
	Taken int64 `json:"taken,omitempty"`
	// Untaken: the server has put it off so far. Unsure: nobody knows whether it was taken.
	Untaken bool `json:"untaken,omitempty"`
	Unsure  bool `json:"unsure,omitempty"`
}

// seen is what became of the latest canary that arrived.
type seen struct {
	ID   string `json:"id"`
	Sent int64  `json:"sent"`
	// Took is the estimate in milliseconds. AtLeast is what had passed when it was not there
	// yet, AtMost what passed until it was seen.
	Took    int64 `json:"took"`
	AtLeast int64 `json:"at_least,omitempty"`
	AtMost  int64 `json:"at_most"`
	// Own: the estimate is by this machine's clock, because the mailbox's cannot be right,
	// or is not shown.
	Own bool `json:"own,omitempty"`
	// Folder is set where it arrived in another folder than it should.
	Folder string `json:"folder,omitempty"`
}

// record is what is remembered of a flow: at most 4 KiB.
type record struct {
	Out  []canary `json:"out,omitempty"`
	Last *seen    `json:"last,omitempty"`
	// Left are the IDs of those that arrived and still lie in the mailbox, the oldest first.
	Left []string `json:"left,omitempty"`
	// Lost are the IDs of those that were given up, and Past of those that were removed: a
	// copy that comes late is removed too.
	Lost []string `json:"lost,omitempty"`
	Past []string `json:"past,omitempty"`
}

func at(milliseconds int64) time.Time { return time.UnixMilli(milliseconds).UTC() }

func (c canary) sentAt() time.Time { return at(c.Sent) }

// takenAt is when the server took it, as far as that is known.
func (c canary) takenAt() time.Time { return at(max(c.Sent, c.Taken)) }

// taken notes that it was handed over.
func (c *canary) taken(now time.Time) {
	c.Untaken, c.Unsure, c.Looked = false, false, 0
	if now.UnixMilli() > c.Sent {
		c.Taken = now.UnixMilli()
	}
}

// unsure: nobody knows whether it is on its way.
func (c canary) unsure() bool { return c.Unsure && !c.Untaken }

// sure: it was taken, and is on its way.
func (c canary) sure() bool { return !c.Unsure && !c.Untaken }

// key is what a flow is remembered under.
func (f Flow) key() string { return "flow:" + holdoff.Digest([]byte(f.Name)) }

var idPattern = regexp.MustCompile(`^[A-Z2-7]{20,40}$`)

// recall reads what earlier passes left. A damaged record is begun anew: the canaries that
// it held stay where they are.
func (p *pass) recall(ctx context.Context, f Flow) (*record, error) {
	value, err := p.env.Memory.Recall(ctx, f.key())
	if err != nil {
		return nil, fmt.Errorf("recall the canaries of %s: %w", f.Name, err)
	}
	kept := readRecord(value, p.now())
	if kept == nil {
		p.env.Log.Warn("what is remembered of earlier canaries is damaged, and is ignored", "flow", f.Name)
		kept = &record{}
	}
	return kept, nil
}

// readRecord is nil for what no pass can have written.
func readRecord(value []byte, now time.Time) *record {
	kept := &record{}
	if len(value) == 0 {
		return kept
	}
	if json.Unmarshal(value, kept) != nil || len(kept.Out) > mostOut || len(kept.Left) > mostOut+maxKeep || len(kept.Lost) > mostLost || len(kept.Past) > mostPast {
		return nil
	}
	latest := now.Add(clockMayBeAhead).UnixMilli()
	for i := range kept.Out {
		one := &kept.Out[i]
		if !idPattern.MatchString(one.ID) || one.Sent <= 0 || one.Looked < 0 || one.Taken < 0 {
			return nil
		}
		if max(one.Sent, one.Taken) > latest { // the clock was set back since: it is taken to be of this moment
			one.Sent, one.Looked, one.Taken = now.UnixMilli(), 0, 0
		}
	}
	for _, id := range slices.Concat(kept.Left, kept.Lost, kept.Past) {
		if !idPattern.MatchString(id) {
			return nil
		}
	}
	last := kept.Last
	if last != nil && (!idPattern.MatchString(last.ID) || last.Sent <= 0 || last.Took < 0 || last.AtLeast < 0 || last.AtMost < 0 || len(last.Folder) > 4*maxName) {
		return nil
	}
	if last != nil && last.Sent > latest {
		// Written by a clock that was ahead. It would hide all that arrives until then.
		kept.Last = nil
	}
	return kept
}

// keep remembers the record, even if the pass ends at this moment: what is not remembered
// is never removed.
func (p *pass) keep(ctx context.Context, f Flow, kept *record) error {
	if !p.env.Keeps {
		return nil
	}
	kept.Left, kept.Lost, kept.Past = latest(kept.Left, mostOut+maxKeep), latest(kept.Lost, mostLost), latest(kept.Past, mostPast)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rememberWithin)
	defer cancel()
	value, err := kept.written()
	if err == nil {
		err = p.env.Memory.Remember(ctx, f.key(), value)
	}
	if err != nil {
		return fmt.Errorf("remember the canaries of %s: %w", f.Name, err)
	}
	return nil
}

const rememberWithin = 10 * time.Second

// written leaves out what is only good for removing copies, where all does not fit.
func (r *record) written() ([]byte, error) {
	for {
		value, err := json.Marshal(r)
		switch {
		case err != nil || len(value) <= maxRecord:
			return value, err
		case len(r.Past) > 0:
			r.Past = r.Past[1:]
		case len(r.Lost) > 0:
			r.Lost = r.Lost[1:]
		case len(r.Left) > 0:
			r.Left = r.Left[1:]
		default:
			return value, nil
		}
	}
}

// latest leaves the last of a list.
func latest(ids []string, most int) []string { return ids[max(len(ids)-most, 0):] }

// due reports whether another canary is to be sent now. One that was put off goes first.
func (r *record) due(now time.Time, f Flow) bool {
	if len(r.Out) == 0 || slices.ContainsFunc(r.Out, func(c canary) bool { return c.Untaken }) {
		return true
	}
	newest := r.Out[len(r.Out)-1].sentAt()
	return len(r.Out) < mostOut/2 || len(r.Out) < mostOut && now.Sub(newest) >= f.lost()/(mostOut/2)
}

// late reports whether nobody waits for a canary any longer.
func (r *record) late(id string) bool {
	return slices.Contains(r.Lost, id) || slices.Contains(r.Past, id)
}

// drop forgets a canary.
func (r *record) drop(id string) {
	r.Out = slices.DeleteFunc(r.Out, func(c canary) bool { return c.ID == id })
}

// mark edits a canary that is on its way.
func (r *record) mark(id string, edit func(*canary)) {
	for i := range r.Out {
		if r.Out[i].ID == id {
			edit(&r.Out[i])
		}
	}
}

// giveUp no longer waits for lost canaries, once they have been told of for as long as they
// were waited for, and for those of which it was never known that they were taken. One that
// is put off stays: since when the server does that must not be forgotten.
func (r *record) giveUp(now time.Time, f Flow) {
	r.Out = slices.DeleteFunc(r.Out, func(c canary) bool {
		age := now.Sub(c.takenAt())
		over := !c.Untaken && (age > 2*f.lost() || c.Unsure && age > f.lost())
		if over {
			r.Lost = append(r.Lost, c.ID)
		}
		return over
	})
}
