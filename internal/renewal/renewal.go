// Package renewal learns how long that lives which says only when it ends and is issued anew
// time and again: a token without iat, metadata without an instant of its creation. It reads
// nothing itself, judges nothing, and remembers an end and a life, and nothing of what ends.
package renewal

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"lapsewatch/watch"
)

// Book remembers the issues of one subject under Key.
type Book struct {
	Memory watch.Memory
	Key    string
	// Most, if set, is the longest life that is learnt. A life is then learnt only where the
	// issue before was seen no longer ago than that life: otherwise the new one may have been
	// there for long, and live far longer than it seems.
	Most time.Duration
}

// issue is what is remembered.
type issue struct {
	// Until is the end of the newest issue, and Seconds the life of issues as far as was seen.
	Until   time.Time `json:"until"`
	Seconds int64     `json:"life_seconds,omitempty"`
	// Seen is when the newest issue was seen last. It is kept only while no more than Most is
	// left of the issue: one with more left has a longer life, as its successor may have.
	Seen time.Time `json:"seen,omitzero"`
}

// Life is the life of the issue that ends at until, in whole seconds; zero if it is not
// known. The first pass that sees a later end stands for its issue, so that what is learnt
// is the real life or less. An earlier end, as of a mirror that lags, changes nothing. first
// is asked where nothing is remembered yet: it reports whether this end is known to be that
// of an issue made just now; nil means no. With an error nothing was learnt or nothing could
// be kept.
func (b Book) Life(ctx context.Context, until, now time.Time, first func() bool) (time.Duration, error) {
	text, err := b.Memory.Recall(ctx, b.Key)
	if err != nil {
		// What may be remembered is not overwritten.
		return 0, fmt.Errorf("recall earlier issues: %w", err)
	}
	var known issue
	if len(text) > 0 && json.Unmarshal(text, &known) != nil {
		known = issue{} // what is damaged is not known
	}
	next := b.next(known, until, now, first)
	if next != known {
		if text, err = json.Marshal(next); err == nil {
			err = b.Memory.Remember(ctx, b.Key, text)
		}
		if err != nil {
			err = fmt.Errorf("remember the end of an issue: %w", err)
		}
	}
	return time.Duration(next.Seconds) * time.Second, err
}

func (b Book) next(known issue, until, now time.Time, first func() bool) issue {
	if until.Before(known.Until) {
		return known
	}
	next := issue{Until: until, Seconds: known.Seconds}
	switch life := max(0, until.Sub(now)); {
	case known.Until.IsZero() && (first == nil || !first()):
		next.Seconds = 0
	case known.Until.IsZero():
		next.Seconds = int64(life / time.Second)
	case until.After(known.Until):
		next.Seconds = 0
		if b.proven(known, life, now) {
			next.Seconds = int64(life / time.Second)
		}
	}
	if b.Most > 0 && until.Sub(now) <= b.Most {
		next.Seen = now.UTC().Truncate(time.Second)
	}
	return next
}

// proven reports whether an issue that followed a known one lives for about as long as it
// seems to.
func (b Book) proven(known issue, life time.Duration, now time.Time) bool {
	ago := now.Sub(known.Seen)
	return b.Most == 0 || life <= b.Most && !known.Seen.IsZero() && ago >= 0 && ago <= life
}
