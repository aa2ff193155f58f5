package watch

import (
	"iter"
	"time"
)

// Itself is the name of the check, and its kind, under which Lapsewatch reports on itself.
const Itself = "lapsewatch"

// Pass is the outcome of one pass over all checks: what reports are written from and
// what the ledger records.
type Pass struct {
	// GeneratedAt is the instant that the pass judged as of, in UTC.
	GeneratedAt time.Time     `json:"generated_at"`
	Clock       OwnClock      `json:"clock"`
	Summary     Summary       `json:"summary"`
	Checks      []CheckResult `json:"checks"`
	// Findings yields every subject, the ok ones too, most urgent first, then by
	// date and name. It can be ranged over again. An error ends it.
	Findings iter.Seq2[Finding, error] `json:"-"`
}

// OwnClock says whether the pass may believe its own clock.
type OwnClock struct {
	// Trusted is false only when a majority of references disagree with the clock, or when
	// it was set during the pass and no reference says that it is right now.
	Trusted bool `json:"trusted"`
	// Verified is false while no majority of references stands behind the offset.
	Verified bool `json:"verified"`
	// OffsetSeconds is the own clock minus the references, plus or minus
	// UncertaintySeconds: positive is ahead.
	OffsetSeconds      float64 `json:"offset_seconds,omitempty"`
	UncertaintySeconds float64 `json:"uncertainty_seconds,omitempty"`
	// Corrected: dates are judged by the time of the references, which overrule the clock.
	Corrected bool `json:"corrected,omitempty"`
	// Reference says who agrees: "3 of 4 references".
	Reference string `json:"reference,omitempty"`
	// Unverified says in a clause why it is not verified; empty where nobody was asked.
	Unverified string `json:"unverified,omitempty"`
}

// Summary counts subjects by severity.
type Summary struct {
	Subjects int `json:"subjects"`
	OK       int `json:"ok"`
	Notice   int `json:"notice"`
	Warning  int `json:"warning"`
	Critical int `json:"critical"`
	Unknown  int `json:"unknown"`
}

// Count adds one finding.
func (s *Summary) Count(severity Severity) {
	s.Subjects++
	switch severity {
	case OK:
		s.OK++
	case Notice:
		s.Notice++
	case Warning:
		s.Warning++
	case Critical:
		s.Critical++
	case Unknown:
		s.Unknown++
	}
}

// Uncount takes one finding back.
func (s *Summary) Uncount(severity Severity) {
	var one Summary
	one.Count(severity)
	*s = Summary{
		Subjects: s.Subjects - one.Subjects, OK: s.OK - one.OK, Notice: s.Notice - one.Notice,
		Warning: s.Warning - one.Warning, Critical: s.Critical - one.Critical, Unknown: s.Unknown - one.Unknown,
	}
}

// Plus adds the counts of two summaries.
func (s Summary) Plus(other Summary) Summary {
	return Summary{
		Subjects: s.Subjects + other.Subjects, OK: s.OK + other.OK, Notice: s.Notice + other.Notice,
		Warning: s.Warning + other.Warning, Critical: s.Critical + other.Critical, Unknown: s.Unknown + other.Unknown,
	}
}

// Of is the number of subjects with the severity.
func (s Summary) Of(severity Severity) int {
	return map[Severity]int{OK: s.OK, Notice: s.Notice, Warning: s.Warning, Critical: s.Critical, Unknown: s.Unknown}[severity]
}

// CheckResult is how one configured check went.
type CheckResult struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
	// Complete: every subject of the check was listed, so that one that is missing
	// has really gone, unless its finding's ID begins with one of Hidden.
	Complete bool     `json:"complete"`
	Hidden   []string `json:"-"`
	Subjects int      `json:"subjects"`
	Problems int      `json:"problems"`
	Seconds  float64  `json:"seconds"`
	// Remarks say what the check left out on purpose or had to go without.
	Remarks []string `json:"remarks,omitempty"`
	// Error says why the source as a whole could not be read.
	Error string `json:"error,omitempty"`
}
