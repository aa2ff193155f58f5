// Package jira keeps one issue for each finding in a project of Jira Cloud
// (https://developer.atlassian.com/cloud/jira/platform/rest/v3/) or Jira Data Center
// (https://developer.atlassian.com/server/jira/platform/rest-apis/). Issues are found by a
// label that is the finding's key. It writes no summary, label, priority or assignee once
// an issue is made, and it sets no status by another way than the workflow's transitions.
package jira

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/internal/httpsend"
	"lapsewatch/internal/ticket"
	"lapsewatch/watch"
)

// Kind is the Jira channel.
var Kind = alerts.Define("jira", defaults, New)

const (
	// The limits of an issue, in characters, which its errors tell: "Summary must be less
	// than 255 characters" and "It exceeds the allowed limit of 32767 characters".
	maxSummary, maxText = 254, 32767
	pageSize            = 50
	// maxPages bounds a list: the issues of one finding, the comments of one issue.
	maxPages = 100
	// ownLabel is at every issue, for people to filter by.
	ownLabel = "lapsewatch"
)

type channel struct {
	options Options
	env     alerts.Env
	api     ticket.API
	life    ticket.Life
	// base is the path of the product's API, search that of its search.
	base, search string
}

// New makes a Jira channel from valid options.
func New(options Options, env alerts.Env) (alerts.Channel, error) {
	c := &channel{options: options, env: env, base: "/rest/api/3", search: "/rest/api/3/search/jql"}
	if options.Deployment == dataCenter {
		c.base, c.search = "/rest/api/2", "/rest/api/2/search"
	}
	c.api = ticket.API{
		Env: env, Sender: httpsend.New(env, options.Endpoint), Authorize: c.authorize,
		Header: http.Header{"Accept": {"application/json"}}, Words: words, Distrust: distrust, Remedies: remedies,
	}
	c.life = ticket.Life{Env: env, Service: c, Place: "jira " + options.Project, Source: options.Source, ReopenWithin: time.Duration(options.ReopenWithin)}
	return c, nil
}

// Recipients is the single project.
func (c *channel) Recipients() []string { return []string{""} }

// Manner asks for one event in each message: there is an issue for each finding.
func (c *channel) Manner() alerts.Manner { return alerts.Manner{Singly: true} }

// Deliver brings the finding's issue up to date. The proof is Jira's answer.
func (c *channel) Deliver(ctx context.Context, message alerts.Message) (alerts.Receipt, error) {
	return c.life.Deliver(ctx, message)
}

func (c *channel) authorize(header http.Header) ([]watch.Secret, error) {
	token, err := c.env.Secrets(c.options.Token)
	if err != nil {
		return nil, fmt.Errorf("read the token: %w", err)
	}
	text := strings.TrimSpace(token.Reveal())
	if c.options.Deployment == dataCenter {
		header.Set("Authorization", "Bearer "+text)
		return []watch.Secret{token}, nil
	}
	basic := base64.StdEncoding.EncodeToString([]byte(c.options.Email + ":" + text))
	header.Set("Authorization", "Basic "+basic)
	return []watch.Secret{token, watch.NewSecret(basic)}, nil
}

func (c *channel) issuePath(id, rest string) string {
	return c.base + "/issue/" + url.PathEscape(id) + rest
}

// text renders a story in the form of the product, with its mark where people see it.
func (c *channel) text(story ticket.Story) json.RawMessage {
	render := adf
	if c.options.Deployment == dataCenter {
		render = wiki
	}
	text := story.Text(maxText, func(paragraphs []ticket.Paragraph) string {
		return render(append(paragraphs, story.MarkLine()))
	})
	if c.options.Deployment == cloud {
		return json.RawMessage(text)
	}
	// A text can always be encoded.
	encoded, _ := json.Marshal(text)
	return encoded
}

// Read asks for one issue.
func (c *channel) Read(ctx context.Context, id, key string) (ticket.Ticket, bool, error) {
	var read issue
	query := url.Values{"fields": {strings.Join(issueFields, ",")}}
	_, _, err := c.api.Do(ctx, ticket.Call{Path: c.issuePath(id, ""), Query: query, Receive: &read})
	if ticket.Missing(err) {
		return ticket.Ticket{}, false, nil
	}
	if err != nil {
		return ticket.Ticket{}, false, err
	}
	return read.ticket(key), true, nil
}

// Find searches the project for the label that is the key, and reads what it finds: the
// search may tell of an issue as it was.
func (c *channel) Find(ctx context.Context, key, known string) (match ticket.Ticket, found bool, err error) {
	match, found, err = c.lookUp(ctx, key, known)
	if err != nil || !found {
		return match, found, err
	}
	match, found, err = c.Read(ctx, match.ID, key)
	return match, found && match.Ours, err
}

// lookUp goes through the search. It has no condition on the resolution or the status:
// those drop issues in which nobody set any. The oldest come first, because a clone has
// the labels too.
func (c *channel) lookUp(ctx context.Context, key, known string) (match ticket.Ticket, found bool, err error) {
	request := searchRequest{
		JQL:    fmt.Sprintf("project = %s AND labels = %s ORDER BY created ASC", quoted(c.options.Project), quoted(key)),
		Fields: issueFields, MaxResults: pageSize,
	}
	if id, err := strconv.ParseInt(known, 10, 64); err == nil && c.options.Deployment == cloud {
		request.Reconcile = []int64{id}
	}
	for range maxPages {
		var answer searchAnswer
		if _, _, err := c.api.Do(ctx, ticket.Call{Method: http.MethodPost, Path: c.search, Send: request, Receive: &answer}); err != nil {
			return ticket.Ticket{}, false, err
		}
		for _, listed := range answer.Issues {
			candidate := listed.ticket(key)
			switch {
			case !candidate.Ours:
			case candidate.Open:
				return candidate, true, nil
			case !found || candidate.ClosedAt.After(match.ClosedAt):
				match, found = candidate, true
			}
		}
		if !request.turn(c.options.Deployment, answer) {
			return match, found, nil
		}
	}
	return ticket.Ticket{}, false, c.failure(fmt.Errorf("search for %s: there are more than %d pages", key, maxPages))
}

// Told looks for the message's mark in the comments.
func (c *channel) Told(ctx context.Context, current ticket.Ticket, story ticket.Story) (bool, error) {
	seen := 0
	for range maxPages {
		var page comments
		query := url.Values{"maxResults": {strconv.Itoa(pageSize)}, "startAt": {strconv.Itoa(seen)}}
		if _, _, err := c.api.Do(ctx, ticket.Call{Path: c.issuePath(current.ID, "/comment"), Query: query, Receive: &page}); err != nil {
			return false, err
		}
		for _, listed := range page.Comments {
			if slices.Contains(marksIn(listed.Body), story.Mark) {
				return true, nil
			}
		}
		seen += len(page.Comments)
		if len(page.Comments) == 0 || seen >= page.Total {
			return false, nil
		}
	}
	return false, c.failure(fmt.Errorf("read the comments of %s: there are more than %d pages", current.Name, maxPages))
}

// Create makes the issue with the key as a label.
func (c *channel) Create(ctx context.Context, story ticket.Story) (ticket.Ticket, string, error) {
	fields := map[string]any{}
	for name, value := range c.options.Fields {
		fields[name] = value
	}
	fields["project"] = map[string]string{"key": c.options.Project}
	fields["issuetype"] = named{c.options.IssueType}
	fields["summary"] = story.Title(maxSummary, func(text string) string { return text })
	fields["description"] = c.text(story)
	fields["labels"] = append([]string{ownLabel, story.Key}, c.options.Labels...)
	if priority := c.options.Priority.Of(story.Severity); priority != "" {
		fields["priority"] = named{priority}
	}
	var made issue
	call := ticket.Call{Method: http.MethodPost, Path: c.base + "/issue", Send: map[string]any{"fields": fields}, Receive: &made}
	_, proof, err := c.api.Do(ctx, call)
	if err == nil && (made.ID == "" || made.Key == "") {
		err = c.api.Unproven(call.Method, call.Path, errors.New("without the key of an issue"))
	}
	if err != nil {
		return ticket.Ticket{}, "", err
	}
	return ticket.Ticket{ID: made.ID, Name: made.Key, Ours: true, Open: true}, proof, nil
}

// Comment adds a comment with the message's mark.
func (c *channel) Comment(ctx context.Context, current ticket.Ticket, story ticket.Story) (string, error) {
	var made comment
	call := ticket.Call{Method: http.MethodPost, Path: c.issuePath(current.ID, "/comment"), Send: newComment{Body: c.text(story)}, Receive: &made}
	_, proof, err := c.api.Do(ctx, call)
	if err == nil && made.ID == "" {
		err = c.api.Unproven(call.Method, call.Path, errors.New("without the id of a comment"))
	}
	return proof, err
}

func (c *channel) failure(err error) error {
	return &alerts.DeliveryError{Channel: c.env.Name, Err: err}
}
