package oidc

import (
	"bytes"
	"context"
	"encoding/json"
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
	// maxKeysKept is how many keys of an issuer are remembered. Few publish ten.
	maxKeysKept = 30
	maxKeyName  = 48
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
	// At is when they were last read.
	At   time.Time `json:"at"`
	Keys []seen    `json:"keys"`
}

// seen is what is remembered of one key.
type seen struct {
	Name string `json:"name"`
	// Absent is the last time that the key was not there before it came; zero if it was
	// there at the first look. First and Last are when it was seen.
	Absent time.Time `json:"absent,omitzero"`
	First  time.Time `json:"first"`
	Last   time.Time `json:"last"`
	// Gone is when it was first missed. Until is how long tokens that it signed may live, if
	// it is certain that it went too early, and Since when none of the keys that were left
	// then was there yet.
	Gone  time.Time `json:"gone,omitzero"`
	Until time.Time `json:"until,omitzero"`
	Since time.Time `json:"since,omitzero"`
}

func (l *look) memoryKey(sort string) string {
	return sort + ":" + holdoff.Digest([]byte(l.issuer.Issuer))
}

// recall reads what an earlier pass left; false if it cannot be known, and then nothing may
// be compared with it nor put in its place.
func (l *look) recall(ctx context.Context, sort string, into any) bool {
	text, err := l.check.env.Memory.Recall(ctx, l.memoryKey(sort))
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

func (l *look) remember(ctx context.Context, sort string, text []byte) {
	if err := l.check.env.Memory.Remember(ctx, l.memoryKey(sort), text); err != nil {
		l.check.env.Log.Warn("remember what an issuer publishes", "issuer", l.issuer.Name, "error", err)
	}
}

func (l *look) recallDocument(ctx context.Context) (document, bool) {
	var known document
	if !l.recall(ctx, "document", &known) {
		return document{}, false
	}
	var changes struct{ Changes []change }
	if !l.recall(ctx, "changes", &changes) {
		return document{}, false
	}
	known.Changes = changes.Changes
	return known, true
}

// rememberDocument keeps the values and the changes apart, because both together may be too
// large. Values that do not fit are kept as hashes alone.
func (l *look) rememberDocument(ctx context.Context, now document) {
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
	l.remember(ctx, "document", text)
	if len(now.Changes) == 0 {
		l.remember(ctx, "changes", nil)
		return
	}
	for {
		text = encode(struct{ Changes []change }{now.Changes})
		if len(text) <= maxMemory {
			break
		}
		now.Changes = now.Changes[1:]
	}
	l.remember(ctx, "changes", text)
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
