package endpoint

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"golang.org/x/net/http/httpguts"

	"lapsewatch/internal/holdoff"
	"lapsewatch/internal/redact"
	"lapsewatch/watch"
)

// reading is what a pass read of one member.
type reading struct {
	samples []sample
	// hold is set for a member that refuses its credential, or, without samples, is left
	// alone since it did.
	hold *holdoff.Hold
	// reason, err and remedy say why nothing was sent.
	reason watch.Reason
	err    error
	remedy string
}

func unread(reason watch.Reason, err error, remedy string) reading {
	return reading{reason: reason, err: err, remedy: remedy}
}

// visit sends a member its requests, one after the other, until it is done or keeps silent.
func (p *pass) visit(ctx context.Context, t *turn) {
	m := t.member()
	if !t.begun {
		with, err := p.credential(m)
		if err != nil {
			t.reading, t.done = unread(watch.Unreadable, err, "Put the value where the member's headers refer to, and nothing else."), true
			return
		}
		t.begun, t.with = true, with
	}
	known := p.recall(ctx, m, t.with.key())
	repeats := p.again && m.fresh.Swap(false)
	if held := known != nil && p.env.Now().Before(known.RetryAt); held && !p.trying && !repeats && len(t.reading.samples) == 0 {
		t.reading, t.done = left(known), true
		m.fresh.Store(false)
		return
	}
	for !t.done && ctx.Err() == nil {
		one := p.ask(ctx, m, t.with)
		if one.reaches() {
			p.reached.Store(true)
		}
		t.reading.samples = append(t.reading.samples, one)
		if one.refused && t.reading.count(answered) == 0 {
			t.reading.hold, t.done = p.refused(ctx, m, t.with.key(), known, one), true
			return
		}
		if t.done = t.reading.enough(p.samples); one.late() {
			break
		}
	}
	if t.done && len(t.with.key()) > 0 && t.reading.count(answered) > 0 {
		m.book.Succeeded(ctx)
	}
}

// refused notes that a member refuses its credential. A second look repeats what the first
// one noted.
func (p *pass) refused(ctx context.Context, m *member, key []byte, known *holdoff.Hold, one sample) *holdoff.Hold {
	if p.again && known != nil {
		return known
	}
	refusal := holdoff.Refusal{Reason: watch.ResponseFailed, Text: one.text, Status: one.status, Lasting: true}
	hold := m.book.Refused(ctx, known, refusal, one.retryAfter, key, p.env.Now())
	m.fresh.Store(!p.trying)
	return &hold
}

// left is the reading of a member that is left alone.
func left(known *holdoff.Hold) reading {
	found := unread(watch.AuthFailed, fmt.Errorf("not measured since %s: %s to the credential in the headers (%s)", stamp(known.TriedAt), shown(known.Text), known.Clause()), credentialRemedy)
	found.hold = known
	return found
}

// enough reports whether more requests would tell nothing more.
func (r reading) enough(samples int) bool {
	return len(r.samples) >= samples || 2*r.count(silent) > samples
}

// routeless reports whether the system had no route to the member.
func (r reading) routeless() bool {
	return slices.ContainsFunc(r.samples, func(s sample) bool { return s.noRoute })
}

// blame counts a missing route as the member's fault: others were reached.
func (r *reading) blame() {
	for i := range r.samples {
		if one := &r.samples[i]; one.noRoute {
			one.outcome, one.text, one.reason = failed, "there is no route to its host", ""
		}
	}
}

func (p *pass) recall(ctx context.Context, m *member, key []byte) *holdoff.Hold {
	if len(key) == 0 {
		return nil
	}
	return m.book.Recall(ctx, p.env.Now(), key)
}

// credential reads the headers.
func (p *pass) credential(m *member) (credential, error) {
	with := credential{header: http.Header{}}
	for _, header := range m.Headers {
		if header.Text != "" {
			with.header.Set(header.Name, header.Text)
			continue
		}
		value, err := p.env.Secrets(header.Value)
		if err == nil {
			err = fault(value.Reveal())
		}
		if err != nil {
			return with, fmt.Errorf("read the header %s: %w", header.Name, err)
		}
		with.header.Set(header.Name, value.Reveal())
		with.secrets = append(with.secrets, redact.Words(value)...)
		with.names = append(with.names, header.Name)
	}
	return with, nil
}

const longestSecret = 16 << 10

// fault is why a text is nothing that a header can carry.
func fault(value string) error {
	switch {
	case value == "":
		return errors.New("it is empty")
	case len(value) > longestSecret:
		return fmt.Errorf("it is longer than %d bytes", longestSecret)
	case !httpguts.ValidHeaderFieldValue(value):
		return errors.New("it holds characters that no header can carry")
	}
	return nil
}

// key tells one credential from another; it is empty without one.
func (c credential) key() []byte {
	var key []byte
	for _, name := range c.names {
		key = append(append(key, c.header.Get(name)...), 0)
	}
	return key
}

// verdict is what the samples of a reading say together.
func (r reading) verdict() outcome {
	measured, quiet, bad := r.count(answered)+r.count(silent)+r.count(failed), r.count(silent), r.count(failed)
	switch {
	case measured == 0:
		return unseen
	case r.hold != nil:
		return failed
	case 2*(quiet+bad) <= measured:
		return answered
	case quiet >= bad:
		return silent
	}
	return failed
}

func (r reading) count(what outcome) int {
	n := 0
	for _, one := range r.samples {
		if one.outcome == what {
			n++
		}
	}
	return n
}

// last is the latest sample with that outcome; there must be one.
func (r reading) last(what outcome) sample {
	for _, one := range slices.Backward(r.samples) {
		if one.outcome == what {
			return one
		}
	}
	return sample{}
}

// median is that of the answers.
func (r reading) median() time.Duration {
	return median(r.each(func(s sample) (time.Duration, bool) { return s.took, s.outcome == answered }))
}

func (r reading) each(value func(sample) (time.Duration, bool)) []time.Duration {
	var all []time.Duration
	for _, one := range r.samples {
		if d, counts := value(one); counts {
			all = append(all, d)
		}
	}
	return all
}

// median is zero of none, and of an even number the mean of the middle two.
func median(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	all = slices.Sorted(slices.Values(all))
	low, high := all[(len(all)-1)/2], all[len(all)/2]
	return low + (high-low)/2
}

// problem is that of a member that could not be looked at. It hides nothing else.
func (r reading) problem(m *member) watch.Problem {
	told := watch.Problem{Subject: m.subject, Reason: r.reason, Err: r.err, Remedy: r.remedy, Confined: true, Details: m.details()}
	if r.err == nil {
		last := r.last(unseen)
		told.Reason, told.Err, told.Remedy = last.reason, errors.New(last.text), last.remedy
	}
	if r.hold != nil {
		r.describeHold(told.Details)
	}
	return told
}
