// Package github keeps one issue for each finding in a repository of github.com or
// GitHub Enterprise Server (https://docs.github.com/en/rest/issues/issues). Issues are
// found by a label and a hidden marker in their text, never by title or by search. It
// writes no title, label or assignee once an issue is made, and it speaks no GraphQL.
package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"lapsewatch/alerts"
	"lapsewatch/internal/httpsend"
	"lapsewatch/internal/ticket"
	"lapsewatch/watch"
)

// Kind is the GitHub channel.
var Kind = alerts.Define("github", defaults, New)

const (
	// The limits of an issue, in characters, which only its errors tell:
	// https://github.com/dead-claudia/github-limits
	maxTitle, maxBody = 256, 65536
	// apiVersion is understood by github.com and by every supported Enterprise Server.
	apiVersion = "2022-11-28"
)

type channel struct {
	options Options
	env     alerts.Env
	api     ticket.API
	life    ticket.Life
	pace    *rate.Limiter
}

// New makes a GitHub channel from valid options.
func New(options Options, env alerts.Env) (alerts.Channel, error) {
	c := &channel{options: options, env: env, pace: rate.NewLimiter(rate.Every(time.Duration(options.Pause)), 1)}
	c.api = ticket.API{
		Env: env, Sender: httpsend.New(env, options.Or(publicAPI)), Authorize: c.authorize,
		Header:   http.Header{"Accept": {"application/vnd.github+json"}, "X-Github-Api-Version": {apiVersion}},
		Words:    words,
		Verdict:  c.verdict,
		Remedies: remedies,
	}
	c.life = ticket.Life{Env: env, Service: c, Place: "github " + options.Repository, Source: options.Source, ReopenWithin: time.Duration(options.ReopenWithin)}
	return c, nil
}

// Recipients is the single repository.
func (c *channel) Recipients() []string { return []string{""} }

// Manner asks for one event in each message: there is an issue for each finding.
func (c *channel) Manner() alerts.Manner { return alerts.Manner{Singly: true} }

// Deliver brings the finding's issue up to date. The proof is GitHub's answer.
func (c *channel) Deliver(ctx context.Context, message alerts.Message) (alerts.Receipt, error) {
	return c.life.Deliver(ctx, message)
}

func (c *channel) authorize(header http.Header) ([]watch.Secret, error) {
	token, err := c.env.Secrets(c.options.Token)
	if err != nil {
		return nil, fmt.Errorf("read the token: %w", err)
	}
	header.Set("Authorization", "Bearer "+strings.TrimSpace(token.Reveal()))
	return []watch.Secret{token}, nil
}

func (c *channel) path(rest string) string {
	return "/repos/" + c.options.Repository + "/issues" + rest
}

// Read asks for one issue. One that was moved to another repository answers with a
// redirect, and is not here any more.
func (c *channel) Read(ctx context.Context, id, key string) (ticket.Ticket, bool, error) {
	var read issue
	_, _, err := c.api.Do(ctx, ticket.Call{Path: c.path("/" + url.PathEscape(id)), Receive: &read})
	switch {
	case ticket.Missing(err) || moved(err):
		return ticket.Ticket{}, false, nil
	case err != nil:
		return ticket.Ticket{}, false, err
	}
	return read.ticket(key), true, nil
}

func moved(err error) bool {
	failure, ok := errors.AsType[*alerts.DeliveryError](err)
	return ok && failure.Status == http.StatusMovedPermanently
}

// Find looks for the marker in the issues with our label: all that are open, the oldest
// first, and those closed so lately that they would be opened again.
func (c *channel) Find(ctx context.Context, key, _ string) (match ticket.Ticket, found bool, err error) {
	query := url.Values{"labels": {c.options.Labels[0]}, "state": {"open"}, "sort": {"created"}, "direction": {"asc"}}
	err = everyPage(ctx, c.api, c.path(""), query, func(listed issue) bool {
		match = listed.ticket(key)
		found = match.Ours
		return found
	})
	if err != nil || found {
		return match, found, err
	}
	lately := c.env.Now().Add(-time.Duration(c.options.ReopenWithin))
	query = url.Values{"labels": {c.options.Labels[0]}, "state": {"closed"}, "since": {lately.UTC().Format(time.RFC3339)}}
	err = everyPage(ctx, c.api, c.path(""), query, func(listed issue) bool {
		if closed := listed.ticket(key); closed.Ours && (!found || closed.ClosedAt.After(match.ClosedAt)) {
			match, found = closed, true
		}
		return false
	})
	return match, found, err
}

// clocks is how far the clocks of GitHub and of this machine may differ.
const clocks = 24 * time.Hour

// Told looks for the message's marker in the comments since the message was made.
func (c *channel) Told(ctx context.Context, current ticket.Ticket, story ticket.Story) (told bool, err error) {
	query := url.Values{"since": {story.CreatedAt.Add(-clocks).Format(time.RFC3339)}}
	err = everyPage(ctx, c.api, c.path("/"+current.ID+"/comments"), query, func(listed comment) bool {
		told = slices.Contains(ticket.Submatches(messageMarkerLine, listed.Body), story.Mark)
		return told
	})
	return told, err
}

// Create makes the issue with its markers.
func (c *channel) Create(ctx context.Context, story ticket.Story) (ticket.Ticket, string, error) {
	markers := marker(story.Key) + "\n" + messageMarker(story.Mark)
	fresh := newIssue{
		Title: story.Title(maxTitle, quote), Labels: c.options.Labels, Assignees: c.options.Assignees,
		Body: story.Text(maxBody-len(markers), render) + markers,
	}
	var made issue
	proof, err := c.write(ctx, ticket.Call{Method: http.MethodPost, Path: c.path(""), Send: fresh, Receive: &made})
	if err != nil {
		return ticket.Ticket{}, "", err
	}
	if made.Number <= 0 {
		return ticket.Ticket{}, "", c.api.Unproven(http.MethodPost, c.path(""), errors.New("without the number of an issue"))
	}
	if !slices.ContainsFunc(made.Labels, func(l label) bool { return strings.EqualFold(l.Name, c.options.Labels[0]) }) {
		c.env.Log.Warn("GitHub left out the label by which the issue is found again: the token's owner needs the right to triage", "channel", c.env.Name, "issue", made.Number, "label", c.options.Labels[0])
	}
	return made.ticket(story.Key), proof, nil
}

// Comment adds a comment with the message's marker.
func (c *channel) Comment(ctx context.Context, current ticket.Ticket, story ticket.Story) (string, error) {
	marker := messageMarker(story.Mark)
	var made comment
	call := ticket.Call{
		Method: http.MethodPost, Path: c.path("/" + current.ID + "/comments"),
		Send: newComment{Body: story.Text(maxBody-len(marker), render) + marker}, Receive: &made,
	}
	proof, err := c.write(ctx, call)
	if err == nil && made.ID == 0 {
		err = c.api.Unproven(call.Method, call.Path, errors.New("without the id of a comment"))
	}
	return proof, err
}

// Close marks the issue as completed.
func (c *channel) Close(ctx context.Context, current ticket.Ticket, _ ticket.Story) (string, error) {
	return c.change(ctx, current, stateChange{State: "closed", Reason: "completed"})
}

// Reopen opens the issue again.
func (c *channel) Reopen(ctx context.Context, current ticket.Ticket) error {
	_, err := c.change(ctx, current, stateChange{State: "open"})
	return err
}

func (c *channel) change(ctx context.Context, current ticket.Ticket, change stateChange) (string, error) {
	var changed issue
	call := ticket.Call{Method: http.MethodPatch, Path: c.path("/" + current.ID), Send: change, Receive: &changed}
	proof, err := c.write(ctx, call)
	if err == nil && changed.State != change.State {
		err = c.api.Unproven(call.Method, call.Path, fmt.Errorf("the issue is not %s", change.State))
	}
	return proof, err
}

// write keeps the pause between writes.
func (c *channel) write(ctx context.Context, call ticket.Call) (string, error) {
	if err := c.pace.Wait(ctx); err != nil {
		return "", &alerts.DeliveryError{Channel: c.env.Name, Retryable: true, Err: fmt.Errorf("wait before the next write: %w", err)}
	}
	_, proof, err := c.api.Do(ctx, call)
	return proof, err
}
