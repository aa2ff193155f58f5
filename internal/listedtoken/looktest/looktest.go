// Package looktest is what tests of checks that look at listed tokens share: an environment
// with a clock, secrets and a memory of its own, and a search for tokens in all that a pass
// shows or keeps. It knows no service.
package looktest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"lapsewatch/watch"
)

// Canary stands in every token of a test.
const Canary = "CANARY"

// Checker is the part of a check that is tested.
type Checker interface {
	Collect(ctx context.Context, sink watch.Sink) error
}

// World is what a check is given of the world.
type World struct {
	mu      sync.Mutex
	at      time.Time
	secrets map[string]string
	log     bytes.Buffer
	kept    map[string][]byte
	ever    strings.Builder
}

// New makes a world at an instant, with secrets by the names of their environment variables.
func New(at time.Time, secrets map[string]string) *World {
	w := &World{at: at, secrets: map[string]string{}, kept: map[string][]byte{}}
	for name, secret := range secrets {
		w.secrets[name] = secret
	}
	return w
}

// Now is the instant.
func (w *World) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

// Go goes to an instant.
func (w *World) Go(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = at
}

// Put replaces a secret.
func (w *World) Put(name, secret string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.secrets[name] = secret
}

// Secrets is a watch.SecretReader.
func (w *World) Secrets(ref watch.SecretRef) (watch.Secret, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if secret, ok := w.secrets[ref.Env]; ok && ref.File == "" {
		return watch.NewSecret(secret), nil
	}
	return watch.Secret{}, fmt.Errorf("%s is not set", ref)
}

// Log is one whose lines are looked through.
func (w *World) Log() *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// Write implements io.Writer for Log.
func (w *World) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(line)
}

// Recall implements watch.Memory.
func (w *World) Recall(_ context.Context, key string) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.kept[key], nil
}

// Remember implements watch.Memory.
func (w *World) Remember(_ context.Context, key string, value []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ever.WriteString(key + string(value))
	if delete(w.kept, key); len(value) > 0 {
		w.kept[key] = bytes.Clone(value)
	}
	return nil
}

// Kept is how much is remembered now.
func (w *World) Kept() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.kept)
}

// Collect gives the facts of a pass by the IDs of their subjects, after it was looked for
// tokens in them, in the log and in the memory.
func (w *World) Collect(t *testing.T, check Checker) map[string]watch.Fact {
	t.Helper()
	var mu sync.Mutex
	facts := map[string]watch.Fact{}
	if err := check.Collect(t.Context(), func(fact watch.Fact) {
		mu.Lock()
		defer mu.Unlock()
		if _, twice := facts[fact.About().ID]; twice {
			t.Errorf("%s was told twice", fact.About().ID)
		}
		facts[fact.About().ID] = fact
	}); err != nil {
		t.Fatal(err)
	}
	w.noToken(t, facts)
	return facts
}

func (w *World) noToken(t *testing.T, facts map[string]watch.Fact) {
	t.Helper()
	encoded, err := json.Marshal(facts)
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	shown := fmt.Sprintf("%+v", facts) + string(encoded) + w.log.String() + w.ever.String()
	for _, fact := range facts {
		if problem, ok := fact.(watch.Problem); ok {
			for cause := problem.Err; cause != nil; cause = errors.Unwrap(cause) {
				shown += cause.Error()
			}
		}
	}
	canaries := []string{Canary}
	for _, secret := range w.secrets {
		if secret != "" {
			canaries = append(canaries, base64.StdEncoding.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(":"+secret)))
		}
	}
	for _, canary := range canaries {
		if strings.Contains(shown, canary) {
			t.Errorf("%s is shown in %s", canary, shown)
		}
	}
}

// WantCondition holds a condition against its words.
func WantCondition(t *testing.T, fact watch.Fact, reason watch.Reason, text string) watch.Condition {
	t.Helper()
	got, ok := fact.(watch.Condition)
	if !ok || got.Reason != reason || got.Text != text {
		t.Errorf("got  %T %+v\nwant %q %s", fact, fact, reason, text)
	}
	return got
}

// WantProblem holds a problem against its reason and a part of its words.
func WantProblem(t *testing.T, fact watch.Fact, reason watch.Reason, contains string) watch.Problem {
	t.Helper()
	got, ok := fact.(watch.Problem)
	if !ok || got.Reason != reason || !got.Confined || !strings.Contains(got.Err.Error(), contains) {
		t.Errorf("got  %T %+v\nwant %q with %s", fact, fact, reason, contains)
	}
	return got
}
