package jira

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/ticket"
)

// Close takes the configured transition, or the first to a status that counts as done.
func (c *channel) Close(ctx context.Context, current ticket.Ticket, _ ticket.Story) (string, error) {
	offered, err := c.transitions(ctx, current)
	if err != nil {
		return "", err
	}
	chosen, ok := choose(offered, c.options.DoneTransition, done)
	if !ok {
		return "", c.failure(fmt.Errorf("close %s: %s", cmp.Or(current.Name, current.ID), refusal("done_transition", c.options.DoneTransition, "counts as done", offered)))
	}
	var fields map[string]named
	if c.options.Resolution != "" {
		fields = map[string]named{"resolution": {c.options.Resolution}}
	}
	proof, err := c.move(ctx, current, chosen, fields)
	if err == nil {
		err = c.confirm(ctx, current, chosen, false)
	}
	return proof, err
}

// Reopen takes the configured transition, or the first to a status that counts as to do,
// or else as in progress. Where no transition leads out of what is done, it cannot.
func (c *channel) Reopen(ctx context.Context, current ticket.Ticket) error {
	offered, err := c.transitions(ctx, current)
	if err != nil {
		return err
	}
	chosen, ok := choose(offered, c.options.ReopenTransition, toDo, inProgress)
	if !ok {
		if _, some := choose(offered, "", toDo, inProgress); some {
			return c.failure(fmt.Errorf("open %s again: %s", current.Name, refusal("reopen_transition", c.options.ReopenTransition, "is not done", offered)))
		}
		return ticket.ErrFinal
	}
	if _, err = c.move(ctx, current, chosen, nil); err != nil {
		return err
	}
	return c.confirm(ctx, current, chosen, true)
}

// transitions are those that the workflow offers the account now.
func (c *channel) transitions(ctx context.Context, current ticket.Ticket) ([]transition, error) {
	var offered transitions
	_, _, err := c.api.Do(ctx, ticket.Call{Path: c.issuePath(current.ID, "/transitions"), Receive: &offered})
	return offered.Transitions, err
}

// choose takes the first that leads to the categories in their order, of those with the
// name if there is one.
func choose(offered []transition, name string, categories ...string) (transition, bool) {
	for _, category := range categories {
		for _, candidate := range offered {
			if candidate.To.Category.Key == category && (name == "" || strings.EqualFold(candidate.Name, name)) {
				return candidate, true
			}
		}
	}
	return transition{}, false
}

const (
	shownName  = 60
	shownNames = 20
)

// refusal says what is offered instead.
func refusal(option, name, category string, offered []transition) string {
	var names []string
	for _, candidate := range offered[:min(len(offered), shownNames)] {
		names = append(names, fmt.Sprintf("%q", clean.Text(candidate.Name, shownName)))
	}
	there := "the workflow offers the account none from here"
	if len(names) > 0 {
		there = "from here the workflow offers " + strings.Join(names, ", ")
	}
	if name == "" {
		return fmt.Sprintf("no transition leads to a status that %s: %s; give the name of one as %s", category, there, option)
	}
	for _, candidate := range offered {
		if strings.EqualFold(candidate.Name, name) {
			return fmt.Sprintf("the transition %q leads to the status %q, which does not do, because a status is wanted that %s: %s; look at %s",
				clean.Text(candidate.Name, shownName), clean.Text(candidate.To.Name, shownName), category, there, option)
		}
	}
	return fmt.Sprintf("no transition is named %q: %s; look at %s", name, there, option)
}

// confirm looks whether the issue is where the transition leads: a workflow may move it
// on, or back.
func (c *channel) confirm(ctx context.Context, current ticket.Ticket, chosen transition, open bool) error {
	var read issue
	call := ticket.Call{Path: c.issuePath(current.ID, ""), Query: url.Values{"fields": {"status"}}, Receive: &read}
	if _, _, err := c.api.Do(ctx, call); err != nil {
		return err
	}
	if (read.Fields.Status.Category.Key != done) == open {
		return nil
	}
	return c.failure(fmt.Errorf("transition %q of %s: the issue has the status %q after it: the workflow moves it on by itself",
		clean.Text(chosen.Name, shownName), cmp.Or(current.Name, current.ID), clean.Text(read.Fields.Status.Name, shownName)))
}

func (c *channel) move(ctx context.Context, current ticket.Ticket, chosen transition, fields map[string]named) (string, error) {
	change := move{Fields: fields}
	change.Transition.ID = chosen.ID
	_, proof, err := c.api.Do(ctx, ticket.Call{Method: http.MethodPost, Path: c.issuePath(current.ID, "/transitions"), Send: change})
	return proof, err
}
