package oidc

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/holdoff"
	"lapsewatch/watch"
)

// A memory holds 4 KiB under a key, and everything below is bounded so that it fits.
const (
	maxMemory  = 4096
	maxValue   = 300
	maxText    = 120
	maxChange  = 320
	maxChanges = 10
	// maxPages is over how many keys of the memory a list of keys is spread: some 45 that are
	// published fit under one, and 30 that are gone. Few issuers publish ten.
	maxPages   = 4
	maxKeyName = 48
)

// document is what is remembered of a discovery document.
type document struct {
	Members map[string]value `json:"members"`
	Changes []change         `json:"changes,omitempty"`
}

// value is one of its members: whole if it is short, and else its beginning.
type value struct {
	Hash string `json:"hash"`
	Text string `json:"text,omitempty"`
}

func valueOf(text string) value {
	return value{Hash: holdoff.Digest([]byte(text)), Text: clean.Text(text, maxValue)}
}

func (v value) whole() bool { return holdoff.Digest([]byte(v.Text)) == v.Hash }

// published is what is remembered of an issuer's keys.
type published struct {
	// At is when they were last read. Cut: there were more than are remembered.
	At  second `json:"at"`
	Cut bool   `json:"cut,omitempty"`
	// Keys are those that were there then, and Missed those that went before.
	Keys   []seen `json:"-"`
	Missed []seen `json:"-"`
}

// seen is what is remembered of one key. Its tags are short for the sake of space.
type seen struct {
	Name string `json:"n"`
	// Absent is the last time that the key was not there before it came; zero if it was
	// there at the first look, or may have been. First and Last are when it was seen.
	Absent second `json:"a,omitzero"`
	First  second `json:"f"`
	Last   second `json:"l,omitzero"`
	// Gone is when it was first missed. Until is how long tokens that it signed may live, if
	// it is certain that it went too early, and Since when none of the keys that were left
	// then was there yet.
	Gone  second `json:"g,omitzero"`
	Until second `json:"u,omitzero"`
	Since second `json:"s,omitzero"`
}

// second is an instant that is remembered as seconds since 1970.
type second struct{ time.Time }

// MarshalJSON writes the number.
func (s second) MarshalJSON() ([]byte, error) { return strconv.AppendInt(nil, s.Unix(), 10), nil }

// UnmarshalJSON reads the number.
func (s *second) UnmarshalJSON(text []byte) error {
	seconds, err := strconv.ParseInt(string(text), 10, 64)
	if err == nil {
		s.Time = time.Unix(seconds, 0).UTC()
	}
	return err
}

// memoryKey is that of what was read at one place: where two documents stand, they need not
// be the same.
func (l *look) memoryKey(sort, place string) string {
	return sort + ":" + holdoff.Digest([]byte(l.issuer.Issuer), []byte(place))
}

// recall reads what an earlier pass left; false if it cannot be known, and then nothing may
// be compared with it nor put in its place.
func (l *look) recall(ctx context.Context, key string, into any) bool {
	text, err := l.check.env.Memory.Recall(ctx, key)
	if err != nil {
		l.check.env.Log.Warn("recall what an issuer published", "issuer", l.issuer.Name, "error", err)
		if l.forgot {
			return false
		}
		l.forgot = true
		l.sink(watch.Remark{Text: "what " + l.issuer.Name + " published before could not be recalled, so that changes and keys that vanished are not seen in this pass"})
		return false
	}
	if len(text) > 0 && json.Unmarshal(text, into) != nil {
		l.check.env.Log.Warn("what is remembered of an issuer is damaged, and is ignored", "issuer", l.issuer.Name)
	}
	return true
}

func (l *look) remember(ctx context.Context, key string, text []byte) bool {
	err := l.check.env.Memory.Remember(ctx, key, text)
	if err != nil {
		l.check.env.Log.Warn("remember what an issuer publishes", "issuer", l.issuer.Name, "error", err)
	}
	return err == nil
}

// recallKeys reads what is remembered of the keys of a place.
func (l *look) recallKeys(ctx context.Context, place string) (published, bool) {
	var known published
	if !l.recall(ctx, l.memoryKey("keys", place), &known) {
		return published{}, false
	}
	for sort, into := range map[string]*[]seen{"present": &known.Keys, "gone": &known.Missed} {
		for i := range maxPages {
			var page []seen
			if !l.recall(ctx, l.memoryKey(fmt.Sprintf("%s:%d", sort, i), place), &page) {
				return published{}, false
			}
			*into = append(*into, page...)
		}
	}
	return known, true
}

// rememberKeys keeps what fits of the keys. Those that are missed come first, and when all
// of that was read comes last: if one cannot be kept, the others say less than they could,
// and nothing wrong.
func (l *look) rememberKeys(ctx context.Context, place string, now published) {
	for _, list := range []struct {
		sort string
		keys []seen
	}{{"gone", now.Missed}, {"present", now.Keys}} {
		pages, left := paged(list.keys)
		now.Cut = now.Cut || list.sort == "present" && left
		for i, page := range pages {
			if !l.remember(ctx, l.memoryKey(fmt.Sprintf("%s:%d", list.sort, i), place), page) {
				return
			}
		}
	}
	l.remember(ctx, l.memoryKey("keys", place), encode(now))
}

// paged spreads keys over pages, of which the last ones may be empty, and reports whether
// some found no room.
func paged(keys []seen) (pages [maxPages][]byte, left bool) {
	for i := range pages {
		most := 0
		for most < len(keys) && len(encode(keys[:most+1])) <= maxMemory {
			most++
		}
		if most > 0 {
			pages[i] = encode(keys[:most])
		}
		keys = keys[most:]
	}
	return pages, len(keys) > 0
}

func (l *look) recallDocument(ctx context.Context, place string) (document, bool) {
	var known document
	if !l.recall(ctx, l.memoryKey("document", place), &known) {
		return document{}, false
	}
	var changes struct{ Changes []change }
	if !l.recall(ctx, l.memoryKey("changes", place), &changes) {
		return document{}, false
	}
	known.Changes = changes.Changes
	return known, true
}

// rememberDocument keeps the values and the changes apart, because both together may be too
// large. Values that do not fit are kept as hashes alone.
func (l *look) rememberDocument(ctx context.Context, place string, now document) {
	text := encode(document{Members: now.Members})
	for _, most := range []int{100, 0} {
		if len(text) <= maxMemory {
			break
		}
		short := map[string]value{}
		for name, each := range now.Members {
			short[name] = value{Hash: each.Hash, Text: clean.Text(each.Text, most)}
		}
		text = encode(document{Members: short})
	}
	l.remember(ctx, l.memoryKey("document", place), text)
	if text = nil; len(now.Changes) > 0 {
		text = encode(struct{ Changes []change }{now.Changes})
	}
	for len(text) > maxMemory {
		now.Changes = now.Changes[1:]
		text = encode(struct{ Changes []change }{now.Changes})
	}
	l.remember(ctx, l.memoryKey("changes", place), text)
}

func encode(what any) []byte {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // it would take six bytes for one
	if encoder.Encode(what) != nil {
		return nil
	}
	return text.Bytes()
}

// keptName is the name that a key is remembered and identified by.
func keptName(name string) string {
	if len(name) <= maxKeyName && clean.Text(name, maxKeyName) == name {
		return name
	}
	return "sha256:" + holdoff.Digest([]byte(name))
}
