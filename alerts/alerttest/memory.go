package alerttest

import (
	"context"
	"sync"

	"lapsewatch/watch"
)

// ReportURL is where the messages of the suites lead for the whole report.
const ReportURL = "https://lapsewatch.example.com/report"

// memory is what a channel under test remembers, as long as the test lasts.
type memory struct {
	mu     sync.Mutex
	values map[string][]byte
}

// NewMemory is an empty memory, for tests of what a channel remembers.
func NewMemory() watch.Memory { return &memory{values: map[string][]byte{}} }

func (m *memory) Recall(_ context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.values[key], nil
}

func (m *memory) Remember(_ context.Context, key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(value) == 0 {
		delete(m.values, key)
		return nil
	}
	m.values[key] = value
	return nil
}
