package servicenow

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"lapsewatch/internal/ticket"
)

// record is what is asked for of a record. Every value is a text.
type record struct {
	SysID         string `json:"sys_id"`
	Number        string `json:"number"`
	State         string `json:"state"`
	Active        string `json:"active"`
	CorrelationID string `json:"correlation_id"`
	Description   string `json:"description"`
	ResolvedAt    stamp  `json:"resolved_at"`
	ClosedAt      stamp  `json:"closed_at"`
	UpdatedOn     stamp  `json:"sys_updated_on"`
	WorkNotes     string `json:"work_notes"`
}

// recordFields are those; tables without one of them leave it out.
const recordFields = "sys_id,number,state,active,correlation_id,description,resolved_at,closed_at,sys_updated_on"

type one struct {
	Result record `json:"result"`
}

type many struct {
	Result []record `json:"result"`
}

// stamp is an instant as the Table API writes it, in UTC.
type stamp struct{ time.Time }

// UnmarshalJSON reads what it can: a time that cannot be read is not known.
func (s *stamp) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		s.Time, _ = time.Parse(time.DateTime, text)
	}
	return nil
}

// closedStates are those of an incident that is closed or cancelled.
var closedStates = []string{"7", "8"}

func (r record) ticket(key string, options Options) ticket.Ticket {
	closed := r.Active == "false" || options.Table == "incident" && slices.Contains(closedStates, r.State)
	at := r.UpdatedOn.Time
	for _, instant := range []stamp{r.ResolvedAt, r.ClosedAt} {
		if !instant.IsZero() {
			at = instant.Time
		}
	}
	return ticket.Ticket{
		ID: r.SysID, Name: r.Number, Ours: r.CorrelationID == key,
		Open: !closed && r.State != options.ResolvedState, ClosedAt: at,
		Final: closed && r.State != options.ResolvedState, Marks: ticket.MarksIn(r.Description),
	}
}

// words puts an error of ServiceNow into words.
func words(body []byte) string {
	var said struct {
		Error struct {
			Message string `json:"message"`
			Detail  string `json:"detail"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &said) != nil {
		return ""
	}
	parts := []string{strings.TrimSuffix(said.Error.Message, "."), strings.TrimSuffix(said.Error.Detail, ".")}
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), ": ")
}

var remedies = map[int]string{
	http.StatusBadRequest:   "look at table and at fields",
	http.StatusUnauthorized: "the password is wrong, the account is locked, or the token has expired: an OAuth access token lasts 30 minutes unless it was set otherwise",
	http.StatusForbidden:    "the account may not do this, or a rule of the table asks for fields that are not given: look at its roles, at fields and at close_code",
	http.StatusNotFound:     "look at url: it is that of the instance, such as https://example.service-now.com",
}
