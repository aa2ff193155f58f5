package checks

import (
	"context"
	"sync"

	"lapsewatch/watch"
)

// Forgetful is a memory that lasts as long as the process, for commands without a ledger.
func Forgetful() watch.Memory { return &forgetful{kept: map[string][]byte{}} }

type forgetful struct {
	mu   sync.Mutex
	kept map[string][]byte
}

func (f *forgetful) Recall(_ context.Context, key string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.kept[key], nil
}

func (f *forgetful) Remember(_ context.Context, key string, value []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(value) == 0 {
		delete(f.kept, key)
		return nil
	}
	f.kept[key] = append([]byte(nil), value...)
	return nil
}
