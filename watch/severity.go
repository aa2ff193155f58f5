package watch

import "fmt"

// Severity grades a finding.
type Severity string

// The severities. Unknown means "could not look": it is never ok, counts as a warning
// for exit codes, and never resolves an earlier finding.
const (
	OK       Severity = "ok"
	Notice   Severity = "notice"
	Warning  Severity = "warning"
	Critical Severity = "critical"
	Unknown  Severity = "unknown"
)

// Severities lists all severities, the most urgent first.
func Severities() []Severity { return []Severity{Critical, Warning, Unknown, Notice, OK} }

// Urgency orders severities for display: 0 is the most urgent.
func (s Severity) Urgency() int {
	for i, known := range Severities() {
		if s == known {
			return i
		}
	}
	return len(Severities())
}

// Grade maps a severity to a number in which unknown counts as warning: 0 ok,
// 1 notice, 2 warning and unknown, 3 critical.
func (s Severity) Grade() int {
	switch s {
	case Critical:
		return 3
	case Warning, Unknown:
		return 2
	case Notice:
		return 1
	default:
		return 0
	}
}

// AtLeast reports whether s is as grave as limit; unknown counts as warning.
func (s Severity) AtLeast(limit Severity) bool { return s.Grade() >= limit.Grade() }

// UnmarshalText accepts the five severities and nothing else.
func (s *Severity) UnmarshalText(text []byte) error {
	for _, known := range Severities() {
		if string(text) == string(known) {
			*s = known
			return nil
		}
	}
	return fmt.Errorf("severity %q: want ok, notice, warning, critical or unknown", text)
}
