package watch

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Phase is where the story of an incident stands, in the words of status pages.
type Phase string

// The phases. An incident begins as investigating, or as identified where the cause is
// known from the start, and ends as resolved. Scheduled is a maintenance that is still to
// come.
const (
	Scheduled     Phase = "scheduled"
	Investigating Phase = "investigating"
	Identified    Phase = "identified"
	Monitoring    Phase = "monitoring"
	Over          Phase = "resolved"
)

// Phases lists the phases in the order of the story.
func Phases() []Phase { return []Phase{Scheduled, Investigating, Identified, Monitoring, Over} }

// ComponentStatus is how a part of a status page stands.
type ComponentStatus string

// The states of a component, from well to worst.
const (
	Operational      ComponentStatus = "operational"
	UnderMaintenance ComponentStatus = "under_maintenance"
	Degraded         ComponentStatus = "degraded_performance"
	PartialOutage    ComponentStatus = "partial_outage"
	MajorOutage      ComponentStatus = "major_outage"
)

// ComponentStatuses lists the states of a component, from well to worst.
func ComponentStatuses() []ComponentStatus {
	return []ComponentStatus{Operational, UnderMaintenance, Degraded, PartialOutage, MajorOutage}
}

// Worse reports whether s is worse news than other.
func (s ComponentStatus) Worse(other ComponentStatus) bool {
	return slices.Index(ComponentStatuses(), s) > slices.Index(ComponentStatuses(), other)
}

// UnmarshalText accepts the listed states and nothing else.
func (s *ComponentStatus) UnmarshalText(text []byte) error {
	if !slices.Contains(ComponentStatuses(), ComponentStatus(text)) {
		return fmt.Errorf("component status %q: want one of %v", text, ComponentStatuses())
	}
	*s = ComponentStatus(text)
	return nil
}

// Component is a part of a status page and how it stands.
type Component struct {
	// ID is the status system's own; Name is what people call it.
	ID     string          `json:"id"`
	Name   string          `json:"name,omitempty"`
	Status ComponentStatus `json:"status"`
}

// Window is a stretch of time, in UTC.
type Window struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
}

// IncidentKey marks an incident as one of Lapsewatch on a status system, and tells it from
// every other. It is written "lwkz3q-d4kq37vnzpm3-hgy2c": the installation, what lapsed, and
// when the incident was opened.
type IncidentKey struct{ source, cause, opened string }

var incidentKeyPattern = regexp.MustCompile(`lw[a-z2-7]{4}-[a-z2-7]{12}-[0-9a-z]{5}`)

// NewIncidentKey makes the key of what lapsed (cause) at an installation (source) and was
// opened at the instant.
func NewIncidentKey(source, cause string, opened time.Time) IncidentKey {
	minutes := max(0, opened.Unix()/60)
	return IncidentKey{source: keyDigest(source, 4), cause: keyDigest(cause, 12), opened: fmt.Sprintf("%05s", strconv.FormatInt(minutes%(36*36*36*36*36), 36))}
}

// FindIncidentKey finds the first key of the installation in a text.
func FindIncidentKey(text, source string) (key IncidentKey, found bool) {
	for _, written := range incidentKeyPattern.FindAllString(text, maxKeysInText) {
		parts := strings.Split(strings.TrimPrefix(written, "lw"), "-")
		if parts[0] == keyDigest(source, len(parts[0])) {
			return IncidentKey{source: parts[0], cause: parts[1], opened: parts[2]}, true
		}
	}
	return IncidentKey{}, false
}

// maxKeysInText bounds what is looked at in a text from outside.
const maxKeysInText = 100

// String writes the key as it stands on status systems.
func (k IncidentKey) String() string { return "lw" + k.source + "-" + k.cause + "-" + k.opened }

// SameCause reports whether both are of the same installation and the same thing lapsed,
// whenever that was.
func (k IncidentKey) SameCause(other IncidentKey) bool {
	return k.source == other.source && k.cause == other.cause
}

func keyDigest(text string, length int) string {
	sum := sha256.Sum256([]byte(text))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:length]
}
