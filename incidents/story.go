package incidents

import (
	"time"

	"lapsewatch/watch"
)

// Story is what the texts of a stub may speak of. Its strings come as they are, hostile ones
// too: Words cleans, bounds and quotes them. All instants are in UTC.
type Story struct {
	Key string
	// Instance is how this installation calls itself; it may be empty.
	Instance string
	Phase    watch.Phase
	// Hidden: only staff sees the stub.
	Hidden bool
	// Reopened: it was resolved before, and is open again.
	Reopened bool
	// Cancelled: it was a planned maintenance that did not take place.
	Cancelled bool
	Causes    []Cause
	// CausesMore counts the causes that were left out for their number.
	CausesMore int
	// Components are the parts of the status page that it is tied to.
	Components []watch.Component
	// Affected are services, customers or queues; AffectedMore counts those that were left
	// out for their number.
	Affected     []string
	AffectedMore int
	Upstreams    []Upstream
	Window       *watch.Window
	// StartedAt is when it began to hurt; zero while it does not. OpenedAt is when the stub
	// was opened, RenewedAt when all causes were first seen well again, ResolvedAt when it
	// was resolved; zero while it was not.
	StartedAt, OpenedAt, RenewedAt, ResolvedAt time.Time
	// At is now.
	At time.Time
	// FirstWarned is when somebody was first told, before it hurt; zero if nobody was.
	FirstWarned time.Time
	// Acknowledged is who took note; nil if nobody did.
	Acknowledged *watch.Acknowledgement
	// Timeline is in the order of time; TimelineMore counts what was left out of it.
	Timeline     []Entry
	TimelineMore int
}

// Cause is one finding behind a stub.
type Cause struct {
	FindingID, Name, Check, Kind string
	Reason                       watch.Reason
	// Message is the finding's, in English.
	Message string
	// NotAfter is zero where there is no date. DaysLeft counts from Story.At.
	NotAfter time.Time
	DaysLeft int64
	Owners   []string
	Remedy   string
	Link     string
	// Good: it was seen well again since, at the instant.
	Good   bool
	GoodAt time.Time
	// Gone: it is no longer watched, or not there any more.
	Gone bool
}

// Upstream is a provider that the stub hangs on.
type Upstream struct {
	Name, Message, Link string
	// Good: it says that all is well again.
	Good bool
}

// EntryKind says what an entry of a timeline tells.
type EntryKind string

// The kinds of entries.
const (
	// EntryChanged: something was replaced, or set, before or during the incident: What is
	// its name, Text says what changed.
	EntryChanged EntryKind = "changed"
	// EntryFound, EntryWorsened, EntryReminded, EntryImproved and EntryGood are the events of
	// a finding: What is its name, Text its message.
	EntryFound    EntryKind = "found"
	EntryWorsened EntryKind = "worsened"
	EntryReminded EntryKind = "reminded"
	EntryImproved EntryKind = "improved"
	EntryGood     EntryKind = "good"
	// EntryTold: Who was told by channel What; Text is empty.
	EntryTold EntryKind = "told"
	// EntryUntold: Who was to be told by channel What and was not; Text says why.
	EntryUntold EntryKind = "untold"
	// EntryAcknowledged: Who took note of What; Text is the reason they gave.
	EntryAcknowledged EntryKind = "acknowledged"
	// EntryPhase: the stub changed its phase; Text is the phase.
	EntryPhase EntryKind = "phase"
	// EntryUpstream: the provider What said Text.
	EntryUpstream EntryKind = "upstream"
	// EntryTakenOver: a person changed the stub on the status system.
	EntryTakenOver EntryKind = "taken_over"
)

// Entry is one line of a timeline.
type Entry struct {
	At              time.Time
	Kind            EntryKind
	What, Who, Text string
}
