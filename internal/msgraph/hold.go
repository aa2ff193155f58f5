package msgraph

import (
	"context"
	"encoding/json"
	"time"

	"lapsewatch/watch"
)

const (
	// longestLasting is less than a day, so that a daily job that starts a little sooner
	// than the day before is not held for another day.
	longestLasting  = 23 * time.Hour
	longestAsked    = time.Hour
	clockMayBeAhead = 5 * time.Minute
	// mostCounted keeps a count that is remembered from running over.
	mostCounted = 1_000_000
)

// waitAfter is how long Entra is left alone after so many failures in a row. What cannot
// heal by itself waits an hour and then ever longer. An outage may be over in seconds, for
// which a pass waits (longestWaitedOut), or take a while.
func waitAfter(lasting bool, count int) time.Duration {
	const s, m, h = time.Second, time.Minute, time.Hour
	steps := []time.Duration{2 * s, 8 * s, m, 2 * m, 4 * m, 8 * m, 15 * m}
	if lasting {
		steps = []time.Duration{h, 2 * h, 4 * h, 8 * h, 16 * h, longestLasting}
	}
	return steps[min(count, len(steps))-1]
}

// hold is what is remembered of a refused sign-in. It holds no secret.
type hold struct {
	Reason        watch.Reason `json:"reason"`
	Code          string       `json:"code,omitempty"`
	Text          string       `json:"text"`
	Status        int          `json:"status,omitempty"`
	CorrelationID string       `json:"correlation_id,omitempty"`
	Lasting       bool         `json:"lasting"`
	Proxy         bool         `json:"proxy,omitempty"`
	// Count of refusals in a row of the same sort.
	Count   int       `json:"count"`
	TriedAt time.Time `json:"tried_at"`
	RetryAt time.Time `json:"retry_at"`
	// Options and Fingerprint are those of the attempt; others end the hold.
	Options     string      `json:"options"`
	Fingerprint fingerprint `json:"fingerprint"`
}

func (h *hold) failure(doing string) *Failure {
	return &Failure{
		Doing: doing, Reason: h.Reason, Text: h.Text, Status: h.Status, Code: h.Code, CorrelationID: h.CorrelationID,
		RetryAt: h.RetryAt, Held: true, Attempts: h.Count, Lasting: h.Lasting, Proxy: h.Proxy,
	}
}

// unasked: Entra itself refused nothing.
func (h *hold) unasked() bool { return h.Reason == watch.AuthUnavailable || h.Proxy && h.Lasting }

// wait is how long a hold lasts. Where nothing could be asked, nobody has to be left alone
// for long; and whoever has just run az login, which changes nothing that is known here, is
// not kept waiting. But what somebody has to mend does not heal in seconds either.
func (g *gate) wait(h *hold) time.Duration {
	if h.Lasting && (h.unasked() || g.options.method() == AzureCLI) {
		return max(waitAfter(false, h.Count), time.Minute)
	}
	return waitAfter(h.Lasting, h.Count)
}

// recall gives the hold that stands for this credential and these options, or nil. What
// the clock cannot have written yet is taken to be of this moment.
func (g *gate) recall(ctx context.Context, now time.Time, key ownKey) *hold {
	known := g.held
	if known == nil && g.env.Memory != nil {
		known = g.remembered(ctx)
	}
	if known == nil || known.Options != g.settings || !known.Fingerprint.of(key) {
		return nil
	}
	if ahead := known.TriedAt.Sub(now) > clockMayBeAhead; ahead || known.RetryAt.Sub(known.TriedAt) > longestLasting {
		if ahead {
			known.TriedAt = now
		}
		known.RetryAt = known.TriedAt.Add(g.wait(known))
		g.store(ctx, known)
	}
	g.held = known
	return known
}

// remembered reads what an earlier run left. Nothing that is wrong with it keeps the
// watchdog from signing in.
func (g *gate) remembered(ctx context.Context) *hold {
	value, err := g.env.Memory.Recall(ctx, g.key)
	if err != nil {
		g.env.Log.Warn("recall earlier sign-ins", "tenant", g.options.Tenant, "error", err)
		return nil
	}
	if len(value) == 0 {
		return nil
	}
	known := &hold{}
	if err := json.Unmarshal(value, known); err != nil || known.Count < 1 || known.TriedAt.IsZero() {
		g.env.Log.Warn("what is remembered of earlier sign-ins is damaged, and is ignored", "tenant", g.options.Tenant)
		return nil
	}
	known.Count = min(known.Count, mostCounted)
	return known
}

// remember writes down a failure, and says in it when to try again.
func (g *gate) remember(ctx context.Context, known *hold, failure *Failure, key ownKey, now time.Time) {
	count := 1
	if known != nil && known.Lasting == failure.Lasting {
		count = known.Count + 1
	}
	g.held = &hold{
		Reason: failure.Reason, Code: failure.Code, Text: failure.Text, Status: failure.Status, CorrelationID: failure.CorrelationID,
		Lasting: failure.Lasting, Proxy: failure.Proxy, Count: count, TriedAt: now.UTC(),
		Options: g.settings, Fingerprint: fingerprintOf(key),
	}
	wait := g.wait(g.held)
	if asked := failure.RetryAt.Sub(now); !failure.RetryAt.IsZero() && asked > wait {
		wait = min(asked, max(wait, longestAsked))
	}
	failure.Attempts, failure.RetryAt = count, now.Add(wait).UTC()
	g.held.RetryAt = failure.RetryAt
	if !g.held.unasked() {
		g.store(ctx, g.held)
	}
}

// store keeps a hold even if the pass ends at this moment: it is what protects Entra from
// the next one.
func (g *gate) store(ctx context.Context, known *hold) {
	if g.env.Memory == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rememberWithin)
	defer cancel()
	value, err := json.Marshal(known)
	if err == nil {
		err = g.env.Memory.Remember(ctx, g.key, value)
	}
	if err != nil {
		g.env.Log.Warn("remember a refused sign-in", "tenant", g.options.Tenant, "error", err)
	}
}

func (g *gate) forget(ctx context.Context, known *hold) {
	g.held = nil
	if g.env.Memory == nil {
		return
	}
	if known == nil {
		if left, err := g.env.Memory.Recall(ctx, g.key); err == nil && len(left) == 0 {
			return
		}
	}
	if err := g.env.Memory.Remember(context.WithoutCancel(ctx), g.key, nil); err != nil {
		g.env.Log.Warn("forget earlier refusals", "tenant", g.options.Tenant, "error", err)
	}
}
