package checktest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
)

// Memory is a watch.Memory that outlives checks and can be looked into. Its zero value is
// empty.
type Memory struct {
	mu   sync.Mutex
	kept map[string][]byte
	ever strings.Builder
}

// Recall implements watch.Memory.
func (m *Memory) Recall(_ context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes.Clone(m.kept[key]), nil
}

// Remember implements watch.Memory, and holds callers to its limit.
func (m *Memory) Remember(_ context.Context, key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(value) > 4<<10 {
		return fmt.Errorf("%d bytes are more than 4 KiB", len(value))
	}
	fmt.Fprintf(&m.ever, "%s %s\n", key, value)
	if delete(m.kept, key); len(value) > 0 {
		if m.kept == nil {
			m.kept = map[string][]byte{}
		}
		m.kept[key] = bytes.Clone(value)
	}
	return nil
}

// Kept is how much is remembered now.
func (m *Memory) Kept() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.kept)
}

// Ever is all that was ever remembered, with its keys.
func (m *Memory) Ever() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ever.String()
}

// Forget loses all that is remembered.
func (m *Memory) Forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.kept)
}

// Damage puts the same value in place of all that is remembered.
func (m *Memory) Damage(value string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key := range m.kept {
		m.kept[key] = []byte(value)
	}
}
