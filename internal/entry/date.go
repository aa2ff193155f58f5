package entry

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"lapsewatch/internal/clean"
)

// Date is when something begins or ends, as a person writes it: 2027-03-01, or a time of RFC
// 3339 with its zone. A date without a time is the beginning of its day
// in UTC: of "until 1 March" nobody can tell whether that day still counts, and a warning
// may come a day early, but never a day late. The zero Date is none.
type Date struct {
	at time.Time
	// text is as it was written.
	text string
}

const (
	earliestYear = 1970
	shownRunes   = 40
)

var (
	// ErrForm is why a text is no date at all.
	ErrForm  = errors.New("want a date as 2027-03-01, or a time as 2027-03-01T17:00:00Z or 2027-03-01T17:00:00+01:00")
	errNoDay = errors.New("there is no such day or time in the calendar")
	errYear  = fmt.Errorf("want a year from %d on", earliestYear)
)

// ParseDate reads what Date says.
func ParseDate(text string) (Date, error) {
	at, err := instant(text)
	if err == nil && at.Year() < earliestYear {
		err = errYear
	}
	if err != nil {
		return Date{}, fmt.Errorf("%q: %w", clean.Text(text, shownRunes), err)
	}
	return Date{at: at, text: text}, nil
}

func instant(text string) (time.Time, error) {
	if !digitsAt(text, "0000-00-00") {
		return time.Time{}, ErrForm
	}
	if len(text) == len(time.DateOnly) {
		at, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return time.Time{}, errNoDay
		}
		return at, nil
	}
	if !digitsAt(text[len(time.DateOnly):], "T00:00:00") || !zoned(text) || strings.Contains(text, ",") {
		return time.Time{}, ErrForm
	}
	// It is stricter than time.Parse, but for the comma.
	var at time.Time
	if err := at.UnmarshalText([]byte(text)); err != nil {
		return time.Time{}, errNoDay
	}
	return at.UTC(), nil
}

// digitsAt reports whether text begins as the form does, with any digit for a 0.
func digitsAt(text, form string) bool {
	if len(text) < len(form) {
		return false
	}
	for i := range len(form) {
		digit := text[i] >= '0' && text[i] <= '9'
		if form[i] == '0' && !digit || form[i] != '0' && form[i] != text[i] {
			return false
		}
	}
	return true
}

// zoned reports whether a zone ends the text: Z, +01:00 or -08:00.
func zoned(text string) bool {
	if strings.HasSuffix(text, "Z") {
		return true
	}
	zone := text[len(text)-len("+00:00"):]
	return digitsAt(zone, "+00:00") || digitsAt(zone, "-00:00")
}

// Time is the instant, in UTC; zero if no date was given.
func (d Date) Time() time.Time { return d.at }

// IsZero reports whether no date was given.
func (d Date) IsZero() bool { return d == Date{} }

// String is as it was written.
func (d Date) String() string { return d.text }

// UnmarshalText reads the date as ParseDate does. YAML decoders hand over what was
// written, whether or not they would take it for a date or a number themselves.
func (d *Date) UnmarshalText(text []byte) error {
	parsed, err := ParseDate(string(text))
	if err == nil {
		*d = parsed
	}
	return err
}
