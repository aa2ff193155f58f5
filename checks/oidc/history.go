package oidc

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"lapsewatch/internal/jose"
	"lapsewatch/watch"
)

const (
	// keptAfter is how long a key that is gone is remembered, so that it can be said when it
	// was seen last.
	keptAfter = 90 * 24 * time.Hour
	// settle is between two looks at the keys of a pass.
	settle = time.Second
	// leastSlack is what a look may come late or early, a tenth of a life at least.
	leastSlack = 10 * time.Minute
)

// history compares the keys with those of earlier passes.
type history struct {
	*look
	// place is the URL of the discovery document.
	place string
	// life is the longest that tokens live, zero if that is not known, and lifeKnown whence.
	life      time.Duration
	lifeKnown string
}

// compare tells which keys are gone too early, and remembers those that are there. A key
// that is missed is looked for once more, over a new connection: behind one name stand
// several servers, of which one may lag.
func (h *history) compare(ctx context.Context, address string, set jose.KeySet) (jose.KeySet, published, []seen) {
	known, ok := h.known(ctx)
	if !ok {
		return set, published{}, nil
	}
	names := namesOf(set)
	if slices.ContainsFunc(known.Keys, func(key seen) bool { return !slices.Contains(names, key.Name) }) {
		set = h.again(ctx, address, set)
		names = namesOf(set)
	}
	now := h.follow(known, names)
	h.rememberKeys(ctx, h.place, now)
	var gone []seen
	for _, key := range now.Missed {
		if key.Until.After(h.now) {
			gone = append(gone, key)
		}
	}
	return set, now, gone
}

// known is what is remembered of the keys at this place. Where the document stood at another
// one before, the keys that went too early there are still gone.
func (h *history) known(ctx context.Context) (published, bool) {
	key, last := h.memoryKey("place", ""), ""
	known, ok := h.recallKeys(ctx, h.place)
	if !ok || !h.recall(ctx, key, &last) {
		return published{}, false
	}
	if last != "" && last != h.place {
		before, ok := h.recallKeys(ctx, last)
		if !ok {
			return published{}, false
		}
		for _, missed := range before.Missed {
			if missed.Until.After(h.now) && !slices.ContainsFunc(known.Missed, missed.same) {
				known.Missed = append(known.Missed, missed)
			}
		}
		h.sink(watch.Remark{Text: fmt.Sprintf("the discovery document of %s was read at %s, where it stood at %s before: it is compared with what stood there", h.issuer.Name, shown(h.place), shown(last))})
	}
	if last != h.place {
		h.remember(ctx, key, encode(h.place))
	}
	return known, true
}

func (s seen) same(other seen) bool { return s.Name == other.Name }

// again adds the keys of a second look.
func (h *history) again(ctx context.Context, address string, set jose.KeySet) jose.KeySet {
	h.client.Close()
	select {
	case <-ctx.Done():
		return set
	case <-time.After(settle):
	}
	again, err := jose.ReadKeys(ctx, h.client, address)
	if err != nil {
		return set
	}
	names := namesOf(set)
	for _, key := range again.Keys {
		if key.Name() != "" && !slices.Contains(names, keptName(key.Name())) {
			set.Keys = append(set.Keys, key)
		}
	}
	return set
}

// namesOf lists the keys that may sign.
func namesOf(set jose.KeySet) []string {
	var names []string
	for _, key := range set.Keys {
		if name := keptName(key.Name()); key.Name() != "" && key.Use != "enc" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// follow carries what is known of the keys on to this pass.
func (h *history) follow(known published, names []string) published {
	now := published{At: second{h.now}}
	for _, name := range names {
		key := seen{Name: name, First: now.At}
		if !known.Cut {
			key.Absent = known.At
		}
		if i := slices.IndexFunc(known.Keys, key.same); i >= 0 {
			key.First, key.Absent = known.Keys[i].First, known.Keys[i].Absent
		} else if i := slices.IndexFunc(known.Missed, key.same); i >= 0 {
			key.First, key.Absent = known.Missed[i].First, known.Missed[i].Absent
		}
		now.Keys = append(now.Keys, key)
	}
	since, early := h.allNew(now.Keys)
	for _, key := range known.Keys {
		if slices.Contains(names, key.Name) || slices.ContainsFunc(known.Missed, key.same) {
			continue
		}
		key.Last, key.Gone = known.At, now.At
		if early {
			key.Until, key.Since = second{now.At.Add(h.life)}, second{since}
		}
		now.Missed = append(now.Missed, key)
	}
	for _, key := range known.Missed {
		if !slices.Contains(names, key.Name) && key.Gone.Add(keptAfter).After(h.now) {
			now.Missed = append(now.Missed, key)
		}
	}
	// What is cut off is what matters least.
	slices.SortStableFunc(now.Missed, func(a, b seen) int {
		return cmp.Or(b.Until.Compare(a.Until.Time), b.Gone.Compare(a.Gone.Time))
	})
	return now
}

// allNew reports whether not one of the keys can have been there for as long as a token may
// live, and when all of them were absent. Only then is it certain that a key which is gone
// signed tokens that still live: if one has been there for longer, that one may be the signer.
// It may have come right after the last look at which it was absent, and not only when it was
// first seen. Looks that come a little early or late must make no difference.
func (h *history) allNew(present []seen) (time.Time, bool) {
	since, least := h.now, h.life-max(leastSlack, h.life/10)
	for _, key := range present {
		if key.Absent.IsZero() || h.now.Sub(key.Absent.Time) >= least {
			return time.Time{}, false
		}
		if key.Absent.Before(since) {
			since = key.Absent.Time
		}
	}
	return since, len(present) > 0
}

// vanished is a key that is gone while tokens which it signed live.
func (h *history) vanished(key seen) watch.Condition {
	whence := ""
	if h.life > 0 {
		whence = " (" + h.lifeKnown + ")"
	}
	return watch.Condition{
		Subject: h.keySubject(key.Name, key.Name), Reason: watch.KeyVanished,
		Text: fmt.Sprintf("the key was withdrawn too early: it was gone at %s, and none of the keys that are left was there at %s yet; tokens that it signed may live until %s%s and are refused",
			stampBeside(key.Gone.Time, key.Since.Time), stampBeside(key.Since.Time, key.Gone.Time), stamp(key.Until.Time), whence),
		Details: map[string]any{"key_id": key.Name, "first_seen": key.First.Format(time.RFC3339), "last_seen": key.Last.Format(time.RFC3339), "missed_at": key.Gone.Format(time.RFC3339)},
		Remedy:  fmt.Sprintf("Publish the key again until %s; at the next rotation keep the old key beside the new one for as long as tokens live.", stamp(key.Until.Time)),
	}
}
