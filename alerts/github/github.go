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
	"time"

	"lapsewatch/alerts"
	"lapsewatch/internal/githubissues"
	"lapsewatch/internal/ticket"
)

// Kind is the GitHub channel.
var Kind = alerts.Define("github", defaults, New)

type channel struct {
	options Options
	env     alerts.Env
	issues  *githubissues.Client
	life    ticket.Life
}

// New makes a GitHub channel from valid options.
func New(options Options, env alerts.Env) (alerts.Channel, error) {
	c := &channel{options: options, env: env, issues: githubissues.New(env, options.access(), remedies)}
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

// Read asks for one issue. One that was moved to another repository answers with a
// redirect, and is not here any more.
func (c *channel) Read(ctx context.Context, id, key string) (ticket.Ticket, bool, error) {
	var read githubissues.Issue
	err := c.issues.Read(ctx, c.issues.Path("/"+url.PathEscape(id)), &read)
	switch {
	case githubissues.Missing(err):
		return ticket.Ticket{}, false, nil
	case err != nil:
		return ticket.Ticket{}, false, err
	}
	return asTicket(read, key), true, nil
}

// Find looks for the marker in the issues with our label: all that are open, the oldest
// first, and those closed so lately that they would be opened again.
func (c *channel) Find(ctx context.Context, key, _ string) (match ticket.Ticket, found bool, err error) {
	query := url.Values{"labels": {c.options.Labels[0]}, "state": {"open"}, "sort": {"created"}, "direction": {"asc"}}
	err = githubissues.EveryPage(ctx, c.issues, c.issues.Path(""), query, func(listed githubissues.Issue) bool {
		match = asTicket(listed, key)
		found = match.Ours
		return found
	})
	if err != nil || found {
		return match, found, err
	}
	lately := c.env.Now().Add(-time.Duration(c.options.ReopenWithin))
	query = url.Values{"labels": {c.options.Labels[0]}, "state": {"closed"}, "since": {lately.UTC().Format(time.RFC3339)}}
	err = githubissues.EveryPage(ctx, c.issues, c.issues.Path(""), query, func(listed githubissues.Issue) bool {
		if closed := asTicket(listed, key); closed.Ours && (!found || closed.ClosedAt.After(match.ClosedAt)) {
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
	err = githubissues.EveryPage(ctx, c.issues, c.issues.Path("/"+current.ID+"/comments"), query, func(listed githubissues.Comment) bool {
		told = slices.Contains(ticket.Submatches(messageMarkerLine, listed.Body), story.Mark)
		return told
	})
	return told, err
}

// Create makes the issue with its markers.
func (c *channel) Create(ctx context.Context, story ticket.Story) (ticket.Ticket, string, error) {
	markers := marker(story.Key) + "\n" + messageMarker(story.Mark)
	fresh := newIssue{
		Title: story.Title(githubissues.MaxTitle, githubissues.Quote), Labels: c.options.Labels, Assignees: c.options.Assignees,
		Body: story.Text(githubissues.MaxBody-len(markers), render) + markers,
	}
	var made githubissues.Issue
	proof, err := c.issues.Write(ctx, ticket.Call{Method: http.MethodPost, Path: c.issues.Path(""), Send: fresh, Receive: &made})
	if err != nil {
		return ticket.Ticket{}, "", err
	}
	if made.Number <= 0 {
		return ticket.Ticket{}, "", c.issues.Unproven(http.MethodPost, c.issues.Path(""), errors.New("without the number of an issue"))
	}
	if !made.Labelled(c.options.Labels[0]) {
		c.env.Log.Warn("GitHub left out the label by which the issue is found again: the token's owner needs the right to triage", "channel", c.env.Name, "issue", made.Number, "label", c.options.Labels[0])
	}
	return asTicket(made, story.Key), proof, nil
}

// Comment adds a comment with the message's marker.
func (c *channel) Comment(ctx context.Context, current ticket.Ticket, story ticket.Story) (string, error) {
	marker := messageMarker(story.Mark)
	var made githubissues.Comment
	call := ticket.Call{
		Method: http.MethodPost, Path: c.issues.Path("/" + current.ID + "/comments"),
		Send: newComment{Body: story.Text(githubissues.MaxBody-len(marker), render) + marker}, Receive: &made,
	}
	proof, err := c.issues.Write(ctx, call)
	if err == nil && made.ID == 0 {
		err = c.issues.Unproven(call.Method, call.Path, errors.New("without the id of a comment"))
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
	var changed githubissues.Issue
	call := ticket.Call{Method: http.MethodPatch, Path: c.issues.Path("/" + current.ID), Send: change, Receive: &changed}
	proof, err := c.issues.Write(ctx, call)
	if err == nil && changed.State != change.State {
		err = c.issues.Unproven(call.Method, call.Path, fmt.Errorf("the issue is not %s", change.State))
	}
	return proof, err
}
