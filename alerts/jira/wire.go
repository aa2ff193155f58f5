package jira

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"lapsewatch/internal/ticket"
)

type issue struct {
	ID     string `json:"id"`
	Key    string `json:"key"`
	Fields struct {
		Labels         []string        `json:"labels"`
		Status         status          `json:"status"`
		Description    json.RawMessage `json:"description"`
		Resolved       stamp           `json:"resolutiondate"`
		CategoryChange stamp           `json:"statuscategorychangedate"`
		Updated        stamp           `json:"updated"`
	} `json:"fields"`
}

// issueFields are those that are asked for.
var issueFields = []string{"labels", "status", "description", "resolutiondate", "statuscategorychangedate", "updated"}

type status struct {
	Name     string `json:"name"`
	Category struct {
		Key string `json:"key"`
	} `json:"statusCategory"`
}

// done is the key of the category of statuses that count as closed, toDo and inProgress
// are those of the others.
const (
	done       = "done"
	toDo       = "new"
	inProgress = "indeterminate"
)

// stamp is an instant as Jira writes it.
type stamp struct{ time.Time }

// UnmarshalJSON reads what it can: a time that cannot be read is not known.
func (s *stamp) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		s.Time, _ = time.Parse("2006-01-02T15:04:05.000-0700", text)
	}
	return nil
}

func (i issue) ticket(key string) ticket.Ticket {
	fields := i.Fields
	closed := cmp.Or(fields.Resolved, fields.CategoryChange, fields.Updated)
	return ticket.Ticket{
		ID: i.ID, Name: i.Key, Ours: slices.Contains(fields.Labels, key),
		Open: fields.Status.Category.Key != done, ClosedAt: closed.Time, Marks: marksIn(fields.Description),
	}
}

// searchRequest is that of both products: Cloud has page tokens and reconcileIssues,
// Data Center counts.
type searchRequest struct {
	JQL        string   `json:"jql"`
	Fields     []string `json:"fields"`
	MaxResults int      `json:"maxResults"`
	StartAt    int      `json:"startAt,omitempty"`
	PageToken  string   `json:"nextPageToken,omitempty"`
	// Reconcile are the ids of issues that were just written, of which the search must
	// not tell what its index still holds.
	Reconcile []int64 `json:"reconcileIssues,omitempty"`
}

type searchAnswer struct {
	Issues    []issue `json:"issues"`
	PageToken string  `json:"nextPageToken"`
	Total     int     `json:"total"`
}

// turn goes on to the next page, if there is one.
func (r *searchRequest) turn(deployment string, answer searchAnswer) bool {
	if deployment == cloud {
		r.PageToken = answer.PageToken
		return r.PageToken != ""
	}
	r.StartAt += len(answer.Issues)
	return len(answer.Issues) > 0 && r.StartAt < answer.Total
}

type comments struct {
	Comments []comment `json:"comments"`
	Total    int       `json:"total"`
}

type comment struct {
	ID   string          `json:"id"`
	Body json.RawMessage `json:"body"`
}

type newComment struct {
	Body json.RawMessage `json:"body"`
}

type named struct {
	Name string `json:"name"`
}

type transitions struct {
	Transitions []transition `json:"transitions"`
}

type transition struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	To   status `json:"to"`
}

type move struct {
	Transition struct {
		ID string `json:"id"`
	} `json:"transition"`
	Fields map[string]named `json:"fields,omitempty"`
}

// quoted is a value of JQL. What it may not hold is escaped.
func quoted(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}

// words puts an error of Jira into words:
// https://developer.atlassian.com/cloud/jira/platform/rest/v3/intro/#status-codes
func words(body []byte) string {
	var said struct {
		Messages []string          `json:"errorMessages"`
		Errors   map[string]string `json:"errors"`
		Message  string            `json:"message"`
	}
	if json.Unmarshal(body, &said) != nil {
		return ""
	}
	parts := said.Messages
	for _, field := range slices.Sorted(maps.Keys(said.Errors)) {
		parts = append(parts, field+": "+said.Errors[field])
	}
	return cmp.Or(strings.Join(parts, "; "), said.Message)
}

var remedies = map[int]string{
	http.StatusUnauthorized: "the token is wrong, expired or revoked, or not that of this account: make a new one",
	http.StatusForbidden:    "the account may not do this in the project, or has to answer a CAPTCHA: sign in with it once in a browser",
	http.StatusNotFound:     "look at url (with the context path of a server), at deployment, and at what the account may see",
}

// anonymous are the words with which Jira says that it took a request with a bad token
// for one of nobody, whom it shows an empty list rather than an error.
var anonymous = []string{"AUTHENTICATED_FAILED", "AUTHENTICATION_DENIED", "AUTHORISATION_FAILED"}

func distrust(header http.Header) error {
	for _, reason := range header.Values("X-Seraph-Loginreason") {
		for _, word := range anonymous {
			if strings.Contains(reason, word) {
				return fmt.Errorf("as to nobody (X-Seraph-LoginReason: %s): the token is wrong, expired or revoked: make a new one", word)
			}
		}
	}
	if header.Get("X-Ausername") == "anonymous" {
		return errors.New("as to nobody (X-AUSERNAME: anonymous): the token is wrong, expired or revoked: make a new one")
	}
	return nil
}
