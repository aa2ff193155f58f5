// Package holdoff remembers over runs how long a service that refused a credential is to be
// left alone, so that nothing hammers it and no account is locked. It sends nothing, reads
// no credential and keeps none: of each only a salted fingerprint that is too short to
// confirm a guess. A new credential, or other options, end a hold at once.
package holdoff

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"lapsewatch/watch"
)

const (
	// LongestLasting is less than a day, so that a daily job that starts a little sooner
	// than the day before is not held for another day.
	LongestLasting  = 23 * time.Hour
	longestAsked    = time.Hour
	clockMayBeAhead = 5 * time.Minute
	// mostCounted keeps a count that is remembered from running over.
	mostCounted = 1_000_000
	// rememberWithin bounds the writing of a hold, which is not given up with the pass.
	rememberWithin = 10 * time.Second
)

// Wait is how long a service is left alone after so many failures in a row. What cannot
// heal by itself waits an hour and then ever longer. An outage may be over in seconds, or
// take a while.
func Wait(lasting bool, count int) time.Duration {
	const s, m, h = time.Second, time.Minute, time.Hour
	steps := []time.Duration{2 * s, 8 * s, m, 2 * m, 4 * m, 8 * m, 15 * m}
	if lasting {
		steps = []time.Duration{h, 2 * h, 4 * h, 8 * h, 16 * h, LongestLasting}
	}
	return steps[min(count, len(steps))-1]
}

// Refusal is why an attempt failed. It holds no secret.
type Refusal struct {
	Reason watch.Reason `json:"reason"`
	// Code is the service's own: "AADSTS7000222", "invalid_client".
	Code string `json:"code,omitempty"`
	// Text says what went wrong, as a clause.
	Text   string `json:"text"`
	Status int    `json:"status,omitempty"`
	// CorrelationID is what the service's support asks for.
	CorrelationID string `json:"correlation_id,omitempty"`
	// Lasting: it does not heal by itself.
	Lasting bool `json:"lasting"`
	// Proxy: the service was not reached.
	Proxy bool `json:"proxy,omitempty"`
}

// Hold is what is remembered of a refused attempt.
type Hold struct {
	Refusal
	// Count of refusals in a row of the same sort.
	Count   int       `json:"count"`
	TriedAt time.Time `json:"tried_at"`
	RetryAt time.Time `json:"retry_at"`
	// Options and Fingerprint are those of the attempt; others end the hold.
	Options     string      `json:"options"`
	Fingerprint fingerprint `json:"fingerprint"`
}

// Clause says for people until when the service is left alone: "not asked again before
// 2026-11-22 08:00 UTC, after 2 refusals". What may heal by itself is no refusal.
func (h Hold) Clause() string {
	what := "attempt"
	if h.Lasting {
		what = "refusal"
	}
	if h.Count != 1 {
		what += "s"
	}
	return fmt.Sprintf("not asked again before %s, after %d %s", h.RetryAt.UTC().Format("2006-01-02 15:04 UTC"), h.Count, what)
}

// Book keeps the hold of one credential at one service. One goroutine at a time uses it.
type Book struct {
	// Memory may be nil, and then a hold lasts as long as the Book.
	Memory watch.Memory
	Log    *slog.Logger
	// Key is what the hold is remembered under: "sign-in:" and a Digest of whose it is.
	Key string
	// Options is a Digest of what the attempt is made with, the credential aside.
	Options string
	// Subject is what the log calls it.
	Subject string
	// Waits is how long a hold lasts; nil means Wait.
	Waits func(*Hold) time.Duration
	// Unasked says of which holds the service knows nothing, so that there is nobody to
	// leave alone in the next run; nil means of none.
	Unasked func(*Hold) bool

	held *Hold
}

// Digest is short, but long enough to tell a few configurations from each other.
func Digest(parts ...[]byte) string {
	sum := sha256.New()
	for _, part := range parts {
		inner := sha256.Sum256(part)
		sum.Write(inner[:])
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

func (b *Book) wait(hold *Hold) time.Duration {
	if b.Waits != nil {
		return b.Waits(hold)
	}
	return Wait(hold.Lasting, hold.Count)
}

// Recall gives what is remembered of this credential and these options, or nil; its RetryAt
// may have passed. What the clock cannot have written yet is taken to be of this moment.
func (b *Book) Recall(ctx context.Context, now time.Time, credential []byte) *Hold {
	known := b.held
	if known == nil && b.Memory != nil {
		known = b.remembered(ctx)
	}
	if known == nil || known.Options != b.Options || !known.Fingerprint.of(credential) {
		return nil
	}
	if ahead := known.TriedAt.Sub(now) > clockMayBeAhead; ahead || known.RetryAt.Sub(known.TriedAt) > LongestLasting {
		if ahead {
			known.TriedAt = now
		}
		known.RetryAt = known.TriedAt.Add(b.wait(known))
		b.store(ctx, known)
	}
	b.held = known
	return known
}

// remembered reads what an earlier run left. Nothing that is wrong with it keeps the
// watchdog from trying.
func (b *Book) remembered(ctx context.Context) *Hold {
	value, err := b.Memory.Recall(ctx, b.Key)
	if err != nil {
		b.Log.Warn("recall earlier attempts", "subject", b.Subject, "error", err)
		return nil
	}
	if len(value) == 0 {
		return nil
	}
	known := &Hold{}
	if err := json.Unmarshal(value, known); err != nil || known.Count < 1 || known.TriedAt.IsZero() {
		b.Log.Warn("what is remembered of earlier attempts is damaged, and is ignored", "subject", b.Subject)
		return nil
	}
	known.Count = min(known.Count, mostCounted)
	return known
}

// Refused writes down a failure and says when to try again. known is what Recall gave
// before the attempt, asked how long the service wants to be left alone, now the time of
// its answer.
func (b *Book) Refused(ctx context.Context, known *Hold, refusal Refusal, asked time.Duration, credential []byte, now time.Time) Hold {
	count := 1
	if known != nil && known.Lasting == refusal.Lasting {
		count = known.Count + 1
	}
	b.held = &Hold{Refusal: refusal, Count: count, TriedAt: now.UTC(), Options: b.Options, Fingerprint: fingerprintOf(credential)}
	wait := b.wait(b.held)
	if asked > wait {
		wait = min(asked, max(wait, longestAsked))
	}
	b.held.RetryAt = now.Add(wait).UTC()
	if b.Unasked == nil || !b.Unasked(b.held) {
		b.store(ctx, b.held)
	}
	return *b.held
}

// store keeps a hold even if the pass ends at this moment: it is what protects the service
// from the next one.
func (b *Book) store(ctx context.Context, known *Hold) {
	if b.Memory == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rememberWithin)
	defer cancel()
	value, err := json.Marshal(known)
	if err == nil {
		err = b.Memory.Remember(ctx, b.Key, value)
	}
	if err != nil {
		b.Log.Warn("remember a refused sign-in", "subject", b.Subject, "error", err)
	}
}

// Succeeded forgets what was refused before.
func (b *Book) Succeeded(ctx context.Context) {
	known := b.held
	b.held = nil
	if b.Memory == nil {
		return
	}
	if known == nil {
		if left, err := b.Memory.Recall(ctx, b.Key); err == nil && len(left) == 0 {
			return
		}
	}
	if err := b.Memory.Remember(context.WithoutCancel(ctx), b.Key, nil); err != nil {
		b.Log.Warn("forget earlier refusals", "subject", b.Subject, "error", err)
	}
}
