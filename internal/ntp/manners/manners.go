// Package manners remembers which NTP servers asked to be left alone, and for how long,
// by kiss-o'-death packets (RFC 5905, 7.4). It asks nobody anything, and believes what
// it is given: package ntp lets only the answer to a question through, so that a forged
// kiss silences nobody.
package manners

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/ntp"
	"lapsewatch/watch"
)

const (
	// firstWait and lastWait bound how long a server is left alone that asked for fewer
	// questions; each time it asks again the wait doubles.
	firstWait = 64 * time.Second
	lastWait  = 36 * time.Hour
)

// Keeper keeps what servers asked for, in a memory that outlasts the pass.
type Keeper struct {
	memory watch.Memory
	now    func() time.Time
}

// New keeps in that memory, by that clock.
func New(memory watch.Memory, now func() time.Time) Keeper { return Keeper{memory, now} }

// kiss is what is remembered of one server.
type kiss struct {
	Code  string        `json:"code"`
	Since time.Time     `json:"since"`
	Wait  time.Duration `json:"wait,omitempty"`
}

// Held reports whether the server of that key is not to be asked now, and why, in a
// clause without its subject. Where that cannot be read the server is not asked either.
func (k Keeper) Held(ctx context.Context, key string) (why string, held bool) {
	known, err := k.recall(ctx, key)
	if err != nil {
		return fmt.Sprintf("is not asked, because what it asked for before cannot be read: %v", err), true
	}
	until := known.Since.Add(known.Wait)
	switch {
	case leaveAlone(known.Code):
		return fmt.Sprintf("%s on %s", Clause(known.Code), known.Since.UTC().Format(time.DateOnly)), true
	case known.Code == "" || !k.now().Before(until) || k.now().Before(known.Since):
		// A wait that begins in the future was noted by a clock that was wrong.
		return "", false
	}
	return fmt.Sprintf("%s, and is not asked before %s UTC", Clause(known.Code), until.UTC().Format(time.DateTime)), true
}

// Note takes what the server of that key answered. DENY and RSTR hold for good, RATE for
// a time that grows; an answer with a time ends what was held.
func (k Keeper) Note(ctx context.Context, key string, reply ntp.Reply) error {
	if !leaveAlone(reply.Kiss) && reply.Kiss != "RATE" && !reply.Timed() {
		return nil
	}
	known, err := k.recall(ctx, key)
	if err != nil {
		return fmt.Errorf("note what %s asked for: %w", clean.Text(key, 300), err)
	}
	var value []byte
	switch {
	case reply.Timed() && known.Code == "":
		return nil
	case !reply.Timed():
		noted := kiss{Code: reply.Kiss, Since: k.now().UTC()}
		if reply.Kiss == "RATE" {
			noted.Wait = min(max(2*known.Wait, firstWait), lastWait)
		}
		if value, err = json.Marshal(noted); err != nil {
			return fmt.Errorf("note what %s asked for: %w", clean.Text(key, 300), err)
		}
	}
	if err := k.memory.Remember(ctx, memoryKey(key), value); err != nil {
		return fmt.Errorf("note what %s asked for: %w", clean.Text(key, 300), err)
	}
	return nil
}

// recall gives what is remembered. What cannot be understood is forgotten: at worst the
// server asks again.
func (k Keeper) recall(ctx context.Context, key string) (kiss, error) {
	value, err := k.memory.Recall(ctx, memoryKey(key))
	if err != nil {
		return kiss{}, err
	}
	var known kiss
	if json.Unmarshal(value, &known) != nil || known.Wait < 0 || known.Wait > lastWait || len(known.Code) > 4 {
		return kiss{}, nil
	}
	return known, nil
}

func memoryKey(key string) string { return "kiss-o'-death " + key }

func leaveAlone(code string) bool { return code == "DENY" || code == "RSTR" }

// Clause says what a kiss-o'-death packet asks for, in a clause without its subject.
func Clause(code string) string {
	switch {
	case leaveAlone(code):
		return fmt.Sprintf("asked to be left alone (%s)", code)
	case code == "RATE":
		return "asked for fewer questions (RATE)"
	}
	return fmt.Sprintf("gave no time but the code %s", clean.Text(code, 4))
}
