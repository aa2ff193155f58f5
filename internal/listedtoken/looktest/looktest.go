// Package looktest is what tests of checks that look at listed tokens share: an environment
// with a clock, secrets and a memory of its own, and a search for tokens in all that a pass
// shows or keeps. It knows no service.
package looktest

import (
	"encoding/base64"
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
	secrets checktest.Secrets
}

// New makes a world at an instant, with secrets by the names of their environment variables.
func New(at time.Time, secrets map[string]string) *World {
	w := &World{at: at, secrets: checktest.Secrets{}}
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
	return w.secrets.Read(ref)
}

// Log is one whose lines are looked through.
func (w *World) Log() *slog.Logger { return w.log.Logger() }

// Collect gives the facts of a pass by the IDs of their subjects, and its remarks, after it
// was looked for tokens in them.
func (w *World) Collect(t testing.TB, check watch.Check) (checktest.Facts, []string) {
	t.Helper()
	told := checktest.Pass(t, check)
	w.WantNoToken(t, checktest.Shown(t, told...))
	return checktest.ByID(t, told)
}

// WantNoToken looks in what is shown, in the log and in the memory for tokens, the ways in
// which they are sent, and further secrets.
func (w *World) WantNoToken(t testing.TB, shown string, further ...string) {
	t.Helper()
	canaries := append([]string{Canary}, further...)
	w.mu.Lock()
	for _, secret := range w.secrets {
		if secret != "" {
			canaries = append(canaries, base64.StdEncoding.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(":"+secret)))
		}
	}
	w.mu.Unlock()
	checktest.WantNone(t, canaries, map[string]string{"what is shown": shown, "the log": w.log.String(), "the memory": w.Ever()})
}
