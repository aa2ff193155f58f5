package github

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"lapsewatch/internal/githubissues"
	"lapsewatch/internal/ticket"
)

type newIssue struct {
	Title     string   `json:"title"`
	Body      string   `json:"body"`
	Labels    []string `json:"labels"`
	Assignees []string `json:"assignees,omitempty"`
}

type newComment struct {
	Body string `json:"body"`
}

type stateChange struct {
	State  string `json:"state"`
	Reason string `json:"state_reason,omitempty"`
}

// asTicket is the issue as its life sees it. A pull request with our marker is not ours.
func asTicket(i githubissues.Issue, key string) ticket.Ticket {
	return ticket.Ticket{
		ID: strconv.Itoa(i.Number), Name: fmt.Sprintf("#%d", i.Number),
		Ours: i.PullRequest == nil && slices.Contains(ticket.Submatches(markerLine, i.Body), key),
		Open: i.Open(), ClosedAt: i.ClosedAt, Marks: ticket.Submatches(messageMarkerLine, i.Body),
	}
}

var remedies = map[int]string{
	http.StatusUnprocessableEntity: "look at labels and assignees: each assignee must have access to the repository",
}
