package register

import (
	"errors"
	"fmt"

	"lapsewatch/internal/entry"
)

// Expiry is a date, or the word never.
type Expiry struct {
	entry.Date
	never bool
}

const never = "never"

// UnmarshalText reads what Expiry says.
func (e *Expiry) UnmarshalText(text []byte) error {
	if string(text) == never {
		*e = Expiry{never: true}
		return nil
	}
	err := e.Date.UnmarshalText(text)
	if errors.Is(err, entry.ErrForm) {
		return fmt.Errorf("%w, or the word %s", err, never)
	}
	return err
}

// IsZero reports whether nothing was given.
func (e Expiry) IsZero() bool { return e == Expiry{} }

// String is as it was written.
func (e Expiry) String() string {
	if e.never {
		return never
	}
	return e.Date.String()
}
