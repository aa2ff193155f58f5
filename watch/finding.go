package watch

import "time"

// Finding is policy's judgement of one subject at one instant. Its JSON form is the
// published report contract, version 1: fields are added, never changed.
type Finding struct {
	// ID is the check's name and the subject's ID; it is stable over runs.
	ID       string   `json:"id"`
	Check    string   `json:"check"`
	Kind     string   `json:"kind"`
	Name     string   `json:"name"`
	Severity Severity `json:"severity"`
	// Reason is the one that decided the severity; empty when ok.
	Reason  Reason `json:"reason,omitempty"`
	Message string `json:"message"`
	// Also are the further judgements on the same subject, gravest first.
	Also []Judgement `json:"also,omitempty"`
	// Dates are UTC. DaysLeft is the floor of whole days of 86,400 s until NotAfter,
	// negative once that has passed.
	NotBefore time.Time `json:"not_before,omitzero"`
	NotAfter  time.Time `json:"not_after,omitzero"`
	DaysLeft  *int64    `json:"days_left,omitempty"`
	// NeverExpires: NotAfter, if there is one, only stands for "never".
	NeverExpires bool `json:"never_expires,omitempty"`
	// WarnFrom and CriticalFrom are the instants from which the date is judged so.
	WarnFrom     time.Time         `json:"warn_from,omitzero"`
	CriticalFrom time.Time         `json:"critical_from,omitzero"`
	Identity     string            `json:"identity,omitempty"`
	Owners       []string          `json:"owners,omitempty"`
	Labels       map[string]string `json:"labels,omitempty"`
	Details      map[string]any    `json:"details,omitempty"`
	Remedy       string            `json:"remedy,omitempty"`
	Link         string            `json:"link,omitempty"`
	// Extent grows with what is wrong: of two findings on a subject that are alike in all
	// else the one with the larger extent is worse news. It means nothing else.
	Extent int64 `json:"extent,omitempty"`
	// Acknowledged is set while somebody has taken note of the finding.
	Acknowledged *Acknowledgement `json:"acknowledged,omitempty"`
}

// Acknowledgement is somebody's word that they know of a finding, for a limited time.
// Instants are UTC.
type Acknowledgement struct {
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
	Until  time.Time `json:"until"`
}

// Judgement is one reason with the severity that policy gave it.
type Judgement struct {
	Reason   Reason   `json:"reason"`
	Severity Severity `json:"severity"`
	Message  string   `json:"message"`
}

// Reasons lists the finding's reasons of at least the given severity, gravest first.
func (f Finding) Reasons(atLeast Severity) []Reason {
	var reasons []Reason
	if f.Reason != "" && f.Severity.AtLeast(atLeast) {
		reasons = append(reasons, f.Reason)
	}
	for _, also := range f.Also {
		if also.Severity.AtLeast(atLeast) {
			reasons = append(reasons, also.Reason)
		}
	}
	return reasons
}

// Unreadable reports whether the finding says only that nobody could look.
func (f Finding) Unreadable() bool { return f.Severity == Unknown }
