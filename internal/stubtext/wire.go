package stubtext

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
)

// Moment is an instant in UTC as services write it in JSON (RFC 3339, with or without
// fractions of a second); zero where they write something else.
type Moment struct{ time.Time }

// UnmarshalJSON takes whatever stands there.
func (m *Moment) UnmarshalJSON(raw []byte) error {
	m.Time = time.Time{}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return nil
	}
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		m.Time = at.UTC()
	}
	return nil
}

// Written is an instant as requests give it: RFC 3339 in UTC, with milliseconds.
func Written(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }

// Digest tells texts apart, whatever services change of them by themselves; 16 hexadecimal
// digits.
func Digest(text string) string {
	sum := sha256.Sum256([]byte(Tidy(text)))
	return hex.EncodeToString(sum[:8])
}
