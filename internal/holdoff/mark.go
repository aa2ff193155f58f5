package holdoff

import (
	"context"
	"encoding/json"
	"log/slog"

	"lapsewatch/watch"
)

// Mark remembers over runs which credential a service accepted last, as a Book does of a
// refused one: by a fingerprint that is too short to confirm a guess.
type Mark struct {
	// Memory may be nil, and then nothing is remembered.
	Memory watch.Memory
	Log    *slog.Logger
	Key    string
	// Subject is what the log calls it.
	Subject string
}

// Has reports whether it was this credential. What cannot be read is taken for no.
func (m Mark) Has(ctx context.Context, credential []byte) bool {
	if m.Memory == nil {
		return false
	}
	var known fingerprint
	value, err := m.Memory.Recall(ctx, m.Key)
	if err == nil && len(value) > 0 {
		err = json.Unmarshal(value, &known)
	}
	if err != nil {
		m.Log.Warn("recall which credential was accepted", "subject", m.Subject, "error", err)
		return false
	}
	return len(known.Sum) > 0 && known.of(credential)
}

// Set remembers that this one was, even if the pass ends at this moment.
func (m Mark) Set(ctx context.Context, credential []byte) {
	if m.Memory == nil || m.Has(ctx, credential) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rememberWithin)
	defer cancel()
	value, err := json.Marshal(fingerprintOf(credential))
	if err == nil {
		err = m.Memory.Remember(ctx, m.Key, value)
	}
	if err != nil {
		m.Log.Warn("remember which credential was accepted", "subject", m.Subject, "error", err)
	}
}
