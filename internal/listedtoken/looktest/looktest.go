// Package looktest is what tests of checks that look at listed tokens share: an environment
// with a clock, secrets and a memory of its own, and a search for tokens in all that a pass
// shows or keeps. It knows no service.
package looktest

import (
	"encoding/base64"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"sync"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/checktest"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

// Canary stands in every token of a test.
const Canary = "CANARY"

// World is what a check is given of the world.
type World struct {
	checktest.Memory
	log     checktest.Log
	mu      sync.Mutex
	at      time.Time
	secrets map[string]string
}

// New makes a world at an instant, with secrets by the names of their environment variables.
func New(at time.Time, secrets map[string]string) *World {
	w := &World{at: at, secrets: map[string]string{}}
	maps.Copy(w.secrets, secrets)
	return w
}

// Env is that of a check in the world.
func (w *World) Env() checks.Env {
	env := checks.DefaultEnv(w.Secrets)
	env.Now, env.Memory, env.Log, env.Timeout = w.Now, w, w.Log(), time.Minute
	return env
}

// Serve serves a service's fake; it behaves but for the manners that are given.
func Serve(t testing.TB, fake http.Handler, manners ...vendortest.Manner) *vendortest.Server {
	t.Helper()
	server := vendortest.Start(t, fake, manners...)
	if manners == nil {
		server.Misbehave()
	}
	return server
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
func (w *World) Log() *slog.Logger { return w.log.Logger() }

// Collect gives the facts of a pass by the IDs of their subjects, after it was looked for
// tokens in them, in the log and in the memory.
func (w *World) Collect(t *testing.T, check watch.Check) checktest.Facts {
	t.Helper()
	told := checktest.Pass(t, check)
	checktest.WantNone(t, w.canaries(), map[string]string{"facts": checktest.Shown(t, told...), "log": w.log.String(), "memory": w.Ever()})
	facts, _ := checktest.ByID(t, told)
	return facts
}

// canaries are what stands in tokens, and how they are sent.
func (w *World) canaries() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	canaries := []string{Canary}
	for _, secret := range w.secrets {
		if secret != "" {
			canaries = append(canaries, base64.StdEncoding.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(":"+secret)))
		}
	}
	return canaries
}
