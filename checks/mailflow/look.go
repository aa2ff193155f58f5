package mailflow

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"lapsewatch/watch"
)

const (
	// firstPause between two looks for the canary that was just sent doubles up to longestPause.
	firstPause   = 200 * time.Millisecond
	longestPause = 5 * time.Second
	// steps of a pass over one flow may each take as long as one look.
	steps = 10
)

// story is what a pass learns of a flow.
type story struct {
	flow   Flow
	record *record
	now    time.Time
	doubt  string
	// mailbox is why it could not be read, submission why nothing was handed over; nil if it
	// was.
	mailbox, submission error
	// unsent: nothing was sent in this pass, because nothing would remember it.
	unsent bool
	// crowded: nothing was sent in this pass, because too many are on their way.
	crowded bool
	// news: the latest canary that arrived was seen in this pass.
	news bool
	// proof is the answer to what was handed over in this pass.
	proof string
	// hops are the way of the latest canary that arrived, if that was in this pass.
	hops []hop
	// marked: canaries were only marked as deleted.
	marked bool
	// latest is the canary that was handed over last in this pass, and began when, by a clock
	// that no step moves.
	latest string
	began  time.Time
}

// look is a pass over one flow.
func (p *pass) look(whole context.Context, f Flow) {
	ctx, cancel := context.WithTimeout(whole, f.wait()+steps*p.env.Timeout)
	defer cancel()
	record, err := p.recall(ctx, f)
	if err != nil {
		p.tell(whole, unread(f.subject(), err))
		return
	}
	s := &story{flow: f, record: record, doubt: p.doubt}
	box, err := p.mailbox(ctx, f)
	if err == nil {
		defer box.close()
		err = p.lookForAll(ctx, s, box)
	}
	if s.mailbox = err; err == nil {
		record.giveUp(p.now(), f)
	}
	if ctx.Err() == nil {
		s.submission = p.send(ctx, s)
	}
	if s.mailbox == nil && s.latest != "" {
		s.mailbox = p.await(ctx, s, box)
	}
	if s.mailbox == nil {
		s.mailbox = p.sweep(ctx, s, box)
	}
	if err := p.keep(ctx, f, record); err != nil {
		p.tell(whole, unread(f.subject(), err))
		return
	}
	s.now = p.now()
	p.tell(whole, s.fact())
	if s.marked {
		p.tell(whole, watch.Remark{Text: "the mailbox of " + f.Name + " cannot remove single messages (its server lacks UIDPLUS), so that canaries are only marked as deleted"})
	}
}

// tell is silent once the pass has ended: the check tells then.
func (p *pass) tell(ctx context.Context, fact watch.Fact) {
	if ctx.Err() == nil {
		p.sink(fact)
	}
}

// lookForAll looks for what was sent in earlier passes, the oldest first, and removes late
// copies of what nobody waits for any longer.
func (p *pass) lookForAll(ctx context.Context, s *story, box mailbox) error {
	waiting := slices.Clone(s.record.Out)
	past := slices.Concat(s.record.Lost, s.record.Past)
	ids := slices.Clone(past)
	for _, one := range waiting {
		ids = append(ids, one.ID)
	}
	copies, err := p.find(ctx, s, box, ids)
	if err != nil {
		return err
	}
	for i, one := range waiting {
		if err := p.found(ctx, s, box, one, copies[one.ID]); err != nil {
			return outOfTime(ctx, err, i, len(waiting))
		}
	}
	var late []arrival
	for _, id := range past {
		late = append(late, copies[id]...)
	}
	if len(late) == 0 || !p.env.Keeps {
		return nil
	}
	return p.remove(ctx, s, box, late)
}

// lookFor looks for one canary.
func (p *pass) lookFor(ctx context.Context, s *story, box mailbox, one canary) (found bool, err error) {
	copies, err := p.find(ctx, s, box, []string{one.ID})
	if err != nil {
		return false, err
	}
	return len(copies[one.ID]) > 0, p.found(ctx, s, box, one, copies[one.ID])
}

// found notes the arrival of a canary, or that it was not there.
func (p *pass) found(ctx context.Context, s *story, box mailbox, one canary, copies []arrival) error {
	now := p.now()
	if len(copies) == 0 {
		s.record.mark(one.ID, func(c *canary) { c.Looked = now.UnixMilli() })
		return nil
	}
	s.arrived(one, copies[0], now)
	s.record.drop(one.ID)
	s.record.Left = append(s.record.Left, one.ID)
	if s.flow.Keep > 0 || !p.env.Keeps {
		return nil
	}
	if err := p.remove(ctx, s, box, copies); err != nil {
		return err
	}
	s.record.Left = s.record.Left[:len(s.record.Left)-1]
	s.record.Past = append(s.record.Past, one.ID)
	return nil
}

// arrived notes how long a canary took: by the mailbox's clock, as far as that can be right.
// What this machine saw are the bounds: it was not there when it was last looked for, and
// is there now.
func (s *story) arrived(one canary, copied arrival, now time.Time) {
	atMost := max(now.Sub(one.sentAt()), 0)
	if one.ID == s.latest {
		atMost = time.Since(s.began) // no step of the clock plays a part
	}
	atLeast := time.Duration(0)
	if one.Looked > 0 {
		atLeast = min(max(at(one.Looked).Sub(one.sentAt()), 0), atMost)
	}
	told := &seen{ID: one.ID, Sent: one.Sent, AtLeast: atLeast.Milliseconds(), AtMost: atMost.Milliseconds()}
	took := copied.at.Sub(one.sentAt())
	switch {
	case copied.at.IsZero() || took > atMost+time.Second:
		took, told.Own = atMost, true
	case took < atLeast-time.Second:
		took, told.Own = atLeast, true
	}
	told.Took = max(took, 0).Milliseconds()
	if copied.folder != s.flow.folders()[0] {
		told.Folder = copied.folder
	}
	if last := s.record.Last; last == nil || last.Sent <= told.Sent || at(last.Sent).After(now) {
		s.record.Last, s.hops, s.news = told, hopsOf(copied.received), true
	}
}

// send hands a canary over: the oldest that was put off, or a new one. What nothing would
// remember is not sent, because nothing would remove it.
func (p *pass) send(ctx context.Context, s *story) error {
	now := p.now()
	if !p.env.Keeps {
		s.unsent = true
		return nil
	}
	if !s.record.due(now, s.flow) {
		s.crowded = true
		return nil
	}
	one := s.next(now)
	if err := p.keep(ctx, s.flow, s.record); err != nil {
		s.record.drop(one.ID)
		return err
	}
	began := time.Now()
	proof, err := p.wayOut(s.flow).submit(ctx, s.flow.letter(one))
	failed, known := errors.AsType[*fault](err)
	switch {
	case err == nil:
		s.record.mark(one.ID, func(c *canary) { c.taken(now) })
		s.proof, s.latest, s.began = proof, one.ID, began.Add(-now.Sub(one.sentAt()))
	case !known || failed.sort == unsure:
		s.record.mark(one.ID, func(c *canary) { c.Untaken, c.Unsure = false, true })
	case failed.sort == putOff:
		s.record.mark(one.ID, func(c *canary) { c.Untaken, c.Unsure = true, false })
	case one.Untaken: // what is wrong now is wrong with the same canary
		s.record.mark(one.ID, func(c *canary) { c.Unsure = false })
	default:
		s.record.drop(one.ID)
	}
	return err
}

// next is the canary to hand over, already on record as one of which nobody knows whether
// it was taken: so it stays if the pass ends in the middle.
func (s *story) next(now time.Time) canary {
	for i := range s.record.Out {
		if one := s.record.Out[i]; one.Untaken {
			s.record.Out[i].Unsure = true
			return one
		}
	}
	one := canary{ID: rand.Text(), Sent: now.UnixMilli(), Unsure: true}
	s.record.Out = append(s.record.Out, one)
	return one
}

// await looks for the canary that was just sent until it is there, or wait is over.
func (p *pass) await(ctx context.Context, s *story, box mailbox) error {
	one := s.record.Out[len(s.record.Out)-1]
	for _, known := range s.record.Out {
		if known.ID == s.latest {
			one = known
		}
	}
	ends := time.Now().Add(s.flow.wait())
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		found, err := p.lookFor(ctx, s, box, one)
		left := time.Until(ends)
		if found || err != nil || left <= 0 {
			return err
		}
		one.Looked = p.now().UnixMilli()
		timer := time.NewTimer(min(pause, left))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
	}
}
