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
}

// issue is what is remembered.
type issue struct {
	// Until is the end of the newest issue, and Seconds the life of issues as far as was seen.
	Until   time.Time `json:"until"`
	Seconds int64     `json:"life_seconds,omitempty"`
	// Back is an earlier end that was seen after Until: of a mirror that lags, or of the
	// first of issues that live shorter than before.
	Back time.Time `json:"back,omitzero"`
}

// Life is the life of the issue that ends at until, in whole seconds; zero if it is not
// known. The first pass that sees a later end stands for its issue, so that what is learnt
// is the real life or less. first is asked where nothing is remembered yet: it reports
// whether this end is known to be that of an issue made just now; nil means no. With an
// error nothing was learnt or nothing could be kept.
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
	next := known.next(until, now, first)
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

func (i issue) next(until, now time.Time, first func() bool) issue {
	life := max(0, int64(until.Sub(now)/time.Second))
	switch {
	case i.Until.IsZero() && (first == nil || !first()):
		return issue{Until: until}
	case i.Until.IsZero():
		return issue{Until: until, Seconds: life}
	case until.Equal(i.Until), until.Equal(i.Back):
		return i
	case until.After(i.Until):
		return issue{Until: until, Seconds: life, Back: i.Back}
	case i.Back.IsZero() || until.Before(i.Back):
		i.Back = until
		return i
	}
	// Later than the earlier end: shorter issues follow each other.
	return issue{Until: until, Seconds: life}
}
