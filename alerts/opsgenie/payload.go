package opsgenie

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/digest"
	"lapsewatch/internal/genie"
	"lapsewatch/internal/paging"
	"lapsewatch/watch"
)

const (
	// The services' limits in characters: https://docs.opsgenie.com/docs/alert-api#create-alert
	maxMessage     = 130
	maxDescription = 15_000
	maxNote        = 25_000
	maxEntity      = 512
	maxDetail      = 1000

	// shownOfName leaves room in the message for what there is to say about it.
	shownOfName = 60
	// ownTags is how many tags an alert has of its own.
	ownTags = 3
)

// The priorities that Lapsewatch uses, out of P1 to P5.
const (
	urgent   = "P1"
	moderate = "P3"
)

// createBody opens an alert. Where one with the alias is open, the services count the
// request and change nothing.
type createBody struct {
	Message     string            `json:"message"`
	Alias       string            `json:"alias"`
	Description string            `json:"description"`
	Responders  []genie.Responder `json:"responders,omitempty"`
	Tags        []string          `json:"tags"`
	Details     map[string]string `json:"details"`
	Entity      string            `json:"entity"`
	Source      string            `json:"source"`
	Priority    string            `json:"priority"`
}

// noteBody closes an alert, or adds to it.
type noteBody struct {
	Source string `json:"source"`
	Note   string `json:"note"`
}

// told is one event as the alert's readers see it.
type told struct {
	paging.Page
	options Options
}

func newTold(message alerts.Message, env alerts.Env, options Options) told {
	return told{Page: paging.New(message, env, options.Source), options: options}
}

// alias names the alert of the finding with a priority. The priority is part of it
// because the services leave an open alert as it is when it is raised again, and none of
// them tells anybody anew when a priority is changed, which the key of a JSM integration
// may not do at all. So what becomes critical is a new alert, for which somebody is
// called even if the milder one was acknowledged long ago.
func (t told) alias(priority string) string { return t.Key() + "-" + strings.ToLower(priority) }

func (t told) priority() string {
	if t.Critical() {
		return urgent
	}
	return moderate
}

func (t told) otherPriority() string {
	if t.priority() == urgent {
		return moderate
	}
	return urgent
}

// changed reports whether an alert may be open that says something else than what holds:
// also where something is opened that could not even be read before.
func (t told) changed() bool {
	switch t.Event.Type {
	case watch.Worsened, watch.Improved:
		return true
	case watch.Opened:
		return t.Event.Previous.AtLeast(watch.Warning)
	default:
		return false
	}
}

// keepsPriority reports whether the event goes on in the alert that is already open.
func (t told) keepsPriority() bool {
	return t.WasCritical() == t.Critical()
}

func (t told) create() createBody {
	finding := t.Event.Finding
	tags := []string{"lapsewatch", string(finding.Severity)}
	if finding.Reason != "" {
		tags = append(tags, bounded(string(finding.Reason), maxTag))
	}
	title := clean.Text(t.Entry.Name, shownOfName) + ": " + t.Entry.Message
	if t.Message.Test {
		title = digest.Product + " test: " + title
	}
	return createBody{
		Message: bounded(title, maxMessage), Alias: t.alias(t.priority()), Description: t.description(),
		Responders: genie.Responders(t.options.Teams), Tags: append(tags, t.options.Tags...), Details: t.details(), Entity: bounded(t.Entry.Name, maxEntity),
		Source: t.source(), Priority: t.priority(),
	}
}

func (t told) source() string { return cmp.Or(t.options.Source, digest.Product) }

func (t told) description() string {
	var lines []string
	add := func(label, text string) {
		if text != "" {
			lines = append(lines, label+plainly(text))
		}
	}
	add("", t.Digest.TestNotice())
	add("", t.Digest.Note)
	add("", t.Entry.Headline)
	add("", t.Entry.Message)
	for _, also := range t.Entry.Also {
		add("Also: ", also)
	}
	lines = append(lines, toDo(t.Entry.Remedy)...)
	add("Owner: ", t.Entry.Owners)
	add("Check: ", t.Entry.Check)
	add("Link: ", t.Entry.Link)
	add("Whole report: ", t.Digest.ReportURL)
	lines = append(lines, "", plainly(t.Digest.Footer()))
	return cut(strings.Join(lines, "\n"), maxDescription)
}

// cut keeps the lines, which clean.Text does not.
func cut(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

// toDo gives each command a line of its own, so that it can be copied.
func toDo(remedy string) []string {
	var lines []string
	for i, part := range clean.Parts(remedy) {
		switch {
		case part.Command:
			lines = append(lines, "    "+plainly(part.Text))
		case i == 0:
			lines = append(lines, "To do: "+plainly(part.Text))
		default:
			lines = append(lines, plainly(part.Text))
		}
	}
	if len(lines) > 0 && !strings.HasPrefix(lines[0], "To do: ") {
		lines = append([]string{"To do:"}, lines...)
	}
	return lines
}

func (t told) details() map[string]string {
	finding := t.Event.Finding
	details := map[string]string{
		"check": bounded(t.Entry.Check, maxDetail), "change": bounded(t.Entry.Change, maxDetail),
		// It finds the message in the ledger of the installation.
		"message_id": bounded(t.Message.ID, maxDetail),
	}
	if t.Entry.Owners != "" {
		details["owners"] = bounded(t.Entry.Owners, maxDetail)
	}
	if !finding.NotAfter.IsZero() && !finding.NeverExpires {
		details["expires"] = finding.NotAfter.UTC().Format(time.RFC3339)
		if finding.DaysLeft != nil {
			details["days_left"] = fmt.Sprint(*finding.DaysLeft)
		}
	}
	return details
}

// closing is the note with which an alert ends.
func (t told) closing() noteBody {
	note := t.Entry.Headline + ": " + t.Entry.Message
	if !t.Ended() {
		note += "; it goes on in the alert with priority " + t.priority()
	}
	return noteBody{Source: t.source(), Note: bounded(note, maxNote)}
}

func (t told) news() noteBody { return noteBody{Source: t.source(), Note: t.description()} }

// plainly makes text harmless where it is shown: the services take HTML in alerts, and
// show the same texts as plain ones on telephones, so that escapes would stand there to
// be read. Angle quotes look alike and are no markup.
func plainly(text string) string {
	return strings.NewReplacer("<", "‹", ">", "›", "](", "] (").Replace(text)
}

func bounded(text string, most int) string { return clean.Text(plainly(text), most) }
