package checktest

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"lapsewatch/checks"
	"lapsewatch/watch"
)

// Env is one whose clock stands still, with time enough for a busy machine. It holds no
// secrets, and leads nowhere: it has no client, no dialer and no resolver.
func Env(at time.Time) checks.Env {
	return checks.Env{
		Now: func() time.Time { return at }, Log: slog.New(slog.DiscardHandler), Secrets: Secrets{}.Read, Memory: checks.Forgetful(),
		Reference: func(context.Context) watch.Reference { return watch.Reference{} },
		Horizon:   31 * 24 * time.Hour, Concurrency: 4, Timeout: time.Minute, Expect: func(int) {},
	}
}

// Secrets are those of a test, by the names of their environment variables.
type Secrets map[string]string

// Read is a watch.SecretReader.
func (s Secrets) Read(ref watch.SecretRef) (watch.Secret, error) {
	text, set := s[ref.Env]
	if !set {
		return watch.Secret{}, fmt.Errorf("read the secret in %s: it is empty or not set", ref)
	}
	return watch.NewSecret(text), nil
}

// Log keeps what is written to it. Its zero value is empty.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Logger writes lines of all levels.
func (l *Log) Logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// Write implements io.Writer.
func (l *Log) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(text)
}

// String is what was written.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
