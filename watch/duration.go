package watch

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

const day = 24 * time.Hour

// Lead is a lead time before a date: so many calendar months, or a fixed duration.
// It is written "1mo", "30d" or "12h"; a bare number is refused.
type Lead struct {
	Months int
	Fixed  time.Duration
}

var leadPattern = regexp.MustCompile(`^([0-9]{1,4})(mo|d|h)$`)

// ParseLead reads a lead time. The largest is 120mo, 3660d or 9999h.
func ParseLead(text string) (Lead, error) {
	parts := leadPattern.FindStringSubmatch(text)
	if parts == nil {
		return Lead{}, fmt.Errorf("lead time %q: want a whole number with its unit, mo (calendar months), d (days) or h (hours), such as 1mo, 30d or 12h", text)
	}
	n, err := strconv.Atoi(parts[1])
	if err != nil {
		return Lead{}, fmt.Errorf("lead time %q: %w", text, err)
	}
	switch {
	case parts[2] == "mo" && n <= 120:
		return Lead{Months: n}, nil
	case parts[2] == "d" && n <= 3660:
		return Lead{Fixed: time.Duration(n) * day}, nil
	case parts[2] == "h":
		return Lead{Fixed: time.Duration(n) * time.Hour}, nil
	}
	return Lead{}, fmt.Errorf("lead time %q: more than ten years", text)
}

// UnmarshalText reads the lead time as ParseLead does.
func (l *Lead) UnmarshalText(text []byte) error {
	parsed, err := ParseLead(string(text))
	if err == nil {
		*l = parsed
	}
	return err
}

// MarshalText writes what ParseLead reads.
func (l Lead) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// String writes the lead time with its largest exact unit.
func (l Lead) String() string {
	switch {
	case l.Months > 0:
		return fmt.Sprintf("%dmo", l.Months)
	case l.Fixed%day == 0:
		return fmt.Sprintf("%dd", l.Fixed/day)
	default:
		return fmt.Sprintf("%dh", l.Fixed/time.Hour)
	}
}

// Before is the instant from which the lead time counts. A month goes back to the same
// day of the month before, or to that month's last day where it is shorter, and is
// never less than 30×24 h.
func (l Lead) Before(t time.Time) time.Time {
	if l.Months == 0 {
		return t.Add(-l.Fixed)
	}
	t = t.UTC()
	firstOfMonth := time.Date(t.Year(), t.Month(), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	target := firstOfMonth.AddDate(0, -l.Months, 0)
	lastDay := target.AddDate(0, 1, -1).Day()
	clamped := target.AddDate(0, 0, min(t.Day(), lastDay)-1)
	atLeast := t.Add(-time.Duration(l.Months) * 30 * day)
	if atLeast.Before(clamped) {
		return atLeast
	}
	return clamped
}

// Duration is a positive time span in configuration. It needs a unit: "500ms", "5s",
// "2m", "1h", "7d".
type Duration time.Duration

// UnmarshalText reads a Go duration with its unit, or whole days as "7d".
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := ParseDuration(string(text))
	if err == nil {
		*d = Duration(parsed)
	}
	return err
}

// MarshalText writes what UnmarshalText reads.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

var daysPattern = regexp.MustCompile(`^([0-9]{1,5})d$`)

// ParseDuration reads a positive duration that carries its unit.
func ParseDuration(text string) (time.Duration, error) {
	if parts := daysPattern.FindStringSubmatch(text); parts != nil {
		days, err := strconv.Atoi(parts[1])
		if err == nil && days > 0 {
			return time.Duration(days) * day, nil
		}
	}
	parsed, err := time.ParseDuration(text)
	if err != nil || parsed <= 0 {
		return 0, fmt.Errorf("duration %q: want a positive number with its unit, such as 500ms, 5s, 2m, 1h or 7d", text)
	}
	return parsed, nil
}
