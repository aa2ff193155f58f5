package incidenttest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"lapsewatch/incidents"
	"lapsewatch/watch"
)

// Desk is a fake of the service, with the hands of the people who work there. Its lists
// have pages of three records, or fewer.
type Desk interface {
	// New builds the system anew, as each run does, for the service at the URL. It waits for
	// no rate limit of the service. Env.Secrets gives a secret for every reference.
	New(t *testing.T, env incidents.Env, url string) incidents.System
	// Records lists what people see, oldest first, and what staff sees.
	Records() []Record
	// Components are the parts of the page and how they stand now: two at least, or one
	// where an incident can have only one. None where the system knows no components.
	Components() []watch.Component
	// Edit gives the record another title and text, as a person does. Delete takes it away.
	Edit(id string)
	Delete(id string)
	// AddForeign adds an open record that a person wrote.
	AddForeign(title, text string) (id string)
}

// Web is a Desk whose service speaks HTTP.
type Web interface {
	Desk
	// Handler answers as the service does. It takes nothing that the published contract does
	// not allow.
	Handler() http.Handler
	// Writes tells whether a request changes anything, answered as the service does or not.
	Writes(request *http.Request) bool
}

// Draftsman is a Desk at which a person can write the draft of a post-mortem.
type Draftsman interface{ WriteDraft(id, text string) }

// Switchboard is a Desk at which a person can set a component, without touching any record.
type Switchboard interface {
	SetComponent(id string, status watch.ComponentStatus)
}

// Record is one incident as it stands at the service.
type Record struct {
	// ID is that of incidents.Remote.
	ID, Title string
	// Phase is the service's own word.
	Phase  string
	Open   bool
	Hidden bool
	// Told counts how often subscribers were told of it.
	Told int
	// Texts are what people read below the title, oldest first, decoded as far as they are
	// shown, without marks that nobody sees.
	Texts []string
	// Internal is what only staff reads, Notes are the notes there.
	Internal string
	Notes    []string
	// Components are those that the service ties to the record.
	Components []watch.Component
	// Key is the whole of where the key is kept.
	Key string
	// Window is when a maintenance takes place.
	Window *watch.Window
	// Draft is that of the post-mortem, Published that people see it.
	Draft     string
	Published bool
}

// Dump writes records as golden files show them.
func Dump(records []Record) []byte {
	var out strings.Builder
	for _, record := range records {
		state := "open"
		if !record.Open {
			state = "not open"
		}
		if record.Hidden {
			state += ", hidden"
		}
		fmt.Fprintf(&out, "===== %s: %s, %s, subscribers told %d times\n%s\n", record.ID, record.Phase, state, record.Told, record.Title)
		if record.Window != nil {
			fmt.Fprintf(&out, "----- from %s until %s\n", record.Window.From.UTC().Format(layout), record.Window.Until.UTC().Format(layout))
		}
		for _, component := range record.Components {
			fmt.Fprintf(&out, "----- component %s %s: %s\n", component.ID, component.Name, component.Status)
		}
		for i, text := range record.Texts {
			fmt.Fprintf(&out, "----- text %d\n%s\n", i+1, strings.TrimSpace(text))
		}
		if record.Internal != "" {
			fmt.Fprintf(&out, "----- for staff\n%s\n", strings.TrimSpace(record.Internal))
		}
		for i, note := range record.Notes {
			fmt.Fprintf(&out, "----- note %d\n%s\n", i+1, strings.TrimSpace(note))
		}
		if record.Draft != "" {
			fmt.Fprintf(&out, "----- draft of the post-mortem, published: %t\n%s\n", record.Published, strings.TrimSpace(record.Draft))
		}
	}
	return []byte(out.String())
}

const layout = "2006-01-02 15:04 UTC"
