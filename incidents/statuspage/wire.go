package statuspage

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"lapsewatch/internal/stubtext"
	"lapsewatch/watch"
)

// incident is what is read of an incident; what else the service says is passed over, and
// may change its form.
type incident struct {
	ID           string                     `json:"id"`
	Name         string                     `json:"name"`
	Status       string                     `json:"status"`
	Shortlink    string                     `json:"shortlink"`
	CreatedAt    stubtext.Moment            `json:"created_at"`
	UpdatedAt    stubtext.Moment            `json:"updated_at"`
	ResolvedAt   stubtext.Moment            `json:"resolved_at"`
	ScheduledFor stubtext.Moment            `json:"scheduled_for"`
	Until        stubtext.Moment            `json:"scheduled_until"`
	Metadata     map[string]json.RawMessage `json:"metadata"`
	Components   []component                `json:"components"`
	Updates      []update                   `json:"incident_updates"`
}

type component struct {
	ID     string                `json:"id"`
	Status watch.ComponentStatus `json:"status"`
}

type update struct {
	ID        string          `json:"id"`
	Body      string          `json:"body"`
	Status    string          `json:"status"`
	CreatedAt stubtext.Moment `json:"created_at"`
	Affected  []affected      `json:"affected_components"`
}

// affected is a component as an update left it.
type affected struct {
	Code      string `json:"code"`
	Name      string `json:"name"`
	NewStatus string `json:"new_status"`
}

// ours is what Lapsewatch keeps in the metadata of an incident.
type ours struct {
	Key string `json:"key"`
	// Said is the digest of the text that was said last.
	Said string `json:"said,omitempty"`
	// Internal and Note are for staff.
	Internal string `json:"internal,omitempty"`
	Note     string `json:"note,omitempty"`
	// Components is how the stub left each component when it set it last, Before how somebody
	// else had left it before, where it was not well.
	Components map[string]watch.ComponentStatus `json:"components,omitempty"`
	Before     map[string]watch.ComponentStatus `json:"before,omitempty"`
	// Drafts are digests of drafts of the post-mortem: the one that was there when it was
	// written last, and that one.
	Drafts string `json:"drafts,omitempty"`
}

// namespace is the name in the metadata below which all of ours stands.
const namespace = "lapsewatch"

// ours reads what Lapsewatch keeps there; nothing where that is not of our form.
func (i incident) ours() ours {
	var kept ours
	if json.Unmarshal(i.Metadata[namespace], &kept) != nil {
		return ours{}
	}
	return kept
}

// with is the metadata with ours in it, and all that others keep there.
func (i incident) with(kept ours) (map[string]json.RawMessage, error) {
	text, err := json.Marshal(kept)
	if err != nil {
		return nil, err
	}
	all := map[string]json.RawMessage{}
	for name, value := range i.Metadata {
		all[name] = value
	}
	all[namespace] = text
	return all, nil
}

// write is what is sent of an incident. What is left empty is not sent: the service would
// take the schema's examples for values.
type write struct {
	Name           string                           `json:"name,omitempty"`
	Status         string                           `json:"status,omitempty"`
	ImpactOverride string                           `json:"impact_override,omitempty"`
	Body           string                           `json:"body,omitempty"`
	ComponentIDs   []string                         `json:"component_ids,omitempty"`
	Components     map[string]watch.ComponentStatus `json:"components,omitempty"`
	Notify         bool                             `json:"deliver_notifications"`
	Metadata       map[string]json.RawMessage       `json:"metadata"`
	// Reminders are the hours after which the service asks for an update of what is still
	// open; left out, it asks after 3, 6, 12 and 24.
	Reminders string `json:"reminder_intervals,omitempty"`
	*plan
}

// noReminders is the published word for none.
const noReminders = "[]"

// plan are the fields of a scheduled maintenance. It goes on by itself in nothing: each
// change is written by a run, or by a person.
type plan struct {
	For                time.Time `json:"scheduled_for"`
	Until              time.Time `json:"scheduled_until"`
	RemindPrior        bool      `json:"scheduled_remind_prior"`
	AutoInProgress     bool      `json:"scheduled_auto_in_progress"`
	AutoCompleted      bool      `json:"scheduled_auto_completed"`
	ToMaintenance      bool      `json:"auto_transition_to_maintenance_state"`
	ToOperational      bool      `json:"auto_transition_to_operational_state"`
	NotifyAtStart      bool      `json:"auto_transition_deliver_notifications_at_start"`
	NotifyAtEnd        bool      `json:"auto_transition_deliver_notifications_at_end"`
	TweetAtBeginning   bool      `json:"auto_tweet_at_beginning"`
	TweetOnCompletion  bool      `json:"auto_tweet_on_completion"`
	TweetOnCreation    bool      `json:"auto_tweet_on_creation"`
	TweetOneHourBefore bool      `json:"auto_tweet_one_hour_before"`
}

type envelope struct {
	Incident write `json:"incident"`
}

// marking changes the metadata only, and tells nobody.
type marking struct {
	Incident struct {
		Notify   bool                       `json:"deliver_notifications"`
		Metadata map[string]json.RawMessage `json:"metadata"`
	} `json:"incident"`
}

type postmortem struct {
	Body        string          `json:"body"`
	BodyDraft   string          `json:"body_draft"`
	PublishedAt stubtext.Moment `json:"published_at"`
}

type newPostmortem struct {
	Postmortem struct {
		BodyDraft string `json:"body_draft"`
	} `json:"postmortem"`
}

// refusal is the form of an error that is published, and that which is met as well: a text
// or a list of them under "error".
type refusal struct {
	Message string          `json:"message"`
	Error   json.RawMessage `json:"error"`
}

// words reads what an error says; empty where it is of another form.
func words(body []byte) string {
	var said refusal
	if json.Unmarshal(body, &said) != nil {
		return ""
	}
	all := []string{said.Message}
	var one string
	var several []string
	switch {
	case len(bytes.TrimSpace(said.Error)) == 0:
	case json.Unmarshal(said.Error, &one) == nil:
		all = append(all, one)
	case json.Unmarshal(said.Error, &several) == nil:
		all = append(all, several...)
	}
	var texts []string
	for _, text := range all {
		if text = strings.TrimSuffix(strings.TrimSpace(text), "."); text != "" {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, "; ")
}

var (
	errNoIncident = errors.New("not with an incident that has an id")
	errNoDraft    = errors.New("not with the draft")
	errNoList     = errors.New("not with a list")
)
