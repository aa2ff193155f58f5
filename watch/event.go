package watch

import "time"

// EventType says how a subject changed since the pass before.
type EventType string

// The event types.
const (
	Opened   EventType = "opened"
	Worsened EventType = "worsened"
	Reminder EventType = "reminder"
	Improved EventType = "improved"
	Resolved EventType = "resolved"
	// Standing says only that the subject is still as it was. It is raised at each pass,
	// for services that forget what is not repeated, and no person is told of it.
	Standing EventType = "standing"
)

// Why explains an improved or resolved event, and a reminder that comes before its time.
type Why string

// Why an event improved or resolved.
const (
	Renewed       Why = "renewed"
	Removed       Why = "removed"
	Corrected     Why = "corrected"
	ReadableAgain Why = "readable again"
	// ReplacedUnused: another credential stands beside it, and nothing uses this one.
	ReplacedUnused Why = "superseded"
	// OutOfUse: nothing can use it any more, such as that of a disabled application.
	OutOfUse Why = "out of use"
	// LongExpired: it expired so long ago that only the cleaning up is left.
	LongExpired Why = "long expired"
	// NoLongerWatched: the check is not configured any more, or under another name.
	NoLongerWatched Why = "no longer watched"
	// NoLongerSeen: what could not be read is not listed any more, which says that it
	// was removed, or that its source can be read again.
	NoLongerSeen Why = "no longer seen"
	// AcknowledgementEnded: the time for which somebody had taken note is over.
	AcknowledgementEnded Why = "acknowledgement ended"
	// RecordLost: what was said of it before is not known, because the ledger could not
	// be used, so that it may be no news.
	RecordLost Why = "record lost"
)

// Event is a change worth telling somebody.
type Event struct {
	// ID is the same for the same change, however often it is computed or sent.
	ID   string    `json:"id"`
	Type EventType `json:"type"`
	Why  Why       `json:"why,omitempty"`
	// At is when the pass that saw the change judged it, in UTC.
	At time.Time `json:"at"`
	// Previous is the severity before, and while the subject could not be read the
	// graver of unknown and what was known; empty for a subject that was not known.
	Previous Severity `json:"previous,omitempty"`
	// Was are the reasons before, and those that were told since the subject was opened,
	// so that the end of a finding is told to whoever was told of it. Worst is the gravest
	// severity that was told since then, for the same reason.
	Was   []Reason `json:"was,omitempty"`
	Worst Severity `json:"worst,omitempty"`
	// Concerned are the owners whom earlier events named since the subject was opened.
	// It is set where the news is good, so that whoever was told of a finding is told of
	// its end, whoever owns the subject by then.
	Concerned []string `json:"concerned,omitempty"`
	// StoodIn are the channels that were told of the subject in place of others since it
	// was opened. It is set where the news is good, so that they are told of the end.
	StoodIn []string `json:"stood_in,omitempty"`
	// Finding is the subject as it is now; for a removed one, as it was last seen.
	Finding Finding `json:"finding"`
}
