package msgraph

import (
	"context"
	"encoding/json"
	"time"

	"lapsewatch/watch"
)

// The steps of leaving Entra alone. What cannot heal by itself waits an hour and then ever
// longer; an outage is soon over.
const (
	lastingStep     = time.Hour
	longestLasting  = 24 * time.Hour
	passingStep     = time.Minute
	longestPassing  = 15 * time.Minute
	longestAsked    = time.Hour
	clockMayBeAhead = 5 * time.Minute
)

// hold is what is remembered of a refused sign-in. It holds no secret.
type hold struct {
	Reason        watch.Reason `json:"reason"`
	Code          string       `json:"code,omitempty"`
	Text          string       `json:"text"`
	Status        int          `json:"status,omitempty"`
	CorrelationID string       `json:"correlation_id,omitempty"`
	Lasting       bool         `json:"lasting"`
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
		RetryAt: h.RetryAt, Held: true, Attempts: h.Count, Lasting: h.Lasting,
	}
}

// step is the wait after so many refusals.
func step(lasting bool, count int) time.Duration {
	first, longest := passingStep, longestPassing
	if lasting {
		first, longest = lastingStep, longestLasting
	}
	return min(first<<min(count-1, 10), longest)
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
		known.RetryAt = known.TriedAt.Add(step(known.Lasting, known.Count))
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
	return known
}

func (g *gate) remember(ctx context.Context, known *hold, failure *Failure, key ownKey, now time.Time) {
	count := 1
	if known != nil && known.Lasting == failure.Lasting {
		count = known.Count + 1
	}
	// Where nothing could be asked, nobody has to be left alone for long; and whoever has
	// just run az login, which changes nothing that is known here, is not kept waiting.
	unasked := failure.Reason == watch.AuthUnavailable
	wait := step(failure.Lasting && !unasked && g.options.method() != AzureCLI, count)
	if asked := failure.RetryAt.Sub(now); !failure.RetryAt.IsZero() && asked > wait {
		wait = min(asked, max(wait, longestAsked))
	}
	failure.Attempts, failure.RetryAt = count, now.Add(wait).UTC()
	g.held = &hold{
		Reason: failure.Reason, Code: failure.Code, Text: failure.Text, Status: failure.Status, CorrelationID: failure.CorrelationID,
		Lasting: failure.Lasting, Count: count, TriedAt: now.UTC(), RetryAt: failure.RetryAt,
		Options: g.settings, Fingerprint: fingerprintOf(key),
	}
	if !unasked {
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
