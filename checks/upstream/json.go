package upstream

import (
	"encoding/json"
	"strings"
	"time"
)

// text is one of a provider's. What is none reads as empty: a change of what nothing hangs
// on must not blind us, and what something hangs on must not be empty.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(raw []byte) error {
	var read string
	if json.Unmarshal(raw, &read) == nil {
		*t = text(read)
	}
	return nil
}

// moment reads a time as status pages write it; zero if it is none.
func (t text) moment() time.Time {
	words, _, _ := strings.Cut(strings.TrimSpace(string(t)), " (") // "GMT+0000 (Coordinated Universal Time)"
	for _, layout := range []string{time.RFC3339, "Mon Jan 02 2006 15:04:05 GMT-0700"} {
		if at, err := time.Parse(layout, words); err == nil && at.Year() > 1 {
			return at.UTC()
		}
	}
	return time.Time{}
}
