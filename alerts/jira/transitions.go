package jira

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
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
	return c.move(ctx, current, chosen, fields)
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
	_, err = c.move(ctx, current, chosen, nil)
	return err
}

// transitions are those that the workflow offers the account now.
func (c *channel) transitions(ctx context.Context, current ticket.Ticket) ([]transition, error) {
	var offered transitions
	_, _, err := c.api.Do(ctx, ticket.Call{Path: c.issuePath(current.ID, "/transitions"), Receive: &offered})
	return offered.Transitions, err
}

// choose prefers the name, and without one the categories in their order.
func choose(offered []transition, name string, categories ...string) (transition, bool) {
	for _, category := range categories {
		for _, candidate := range offered {
			if name != "" && strings.EqualFold(candidate.Name, name) || name == "" && candidate.To.Category.Key == category {
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
	return fmt.Sprintf("no transition is named %q: %s; look at %s", name, there, option)
}

func (c *channel) move(ctx context.Context, current ticket.Ticket, chosen transition, fields map[string]named) (string, error) {
	change := move{Fields: fields}
	change.Transition.ID = chosen.ID
	_, proof, err := c.api.Do(ctx, ticket.Call{Method: http.MethodPost, Path: c.issuePath(current.ID, "/transitions"), Send: change})
	return proof, err
}
