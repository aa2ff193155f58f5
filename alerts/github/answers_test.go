package github_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

func (f *fake) create(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Title     string   `json:"title"`
		Body      string   `json:"body"`
		Labels    []string `json:"labels"`
		Assignees []string `json:"assignees"`
	}
	if !strictly(w, r, &asked) {
		return
	}
	switch {
	case strings.TrimSpace(asked.Title) == "":
		invalid(w, "Issue", "title", "title can't be blank")
	case utf8.RuneCountInString(asked.Title) > 256:
		invalid(w, "Issue", "title", "title is too long (maximum is 256 characters)")
	case utf8.RuneCountInString(asked.Body) > 65536:
		invalid(w, "Issue", "body", "body is too long (maximum is 65536 characters)")
	case slices.Contains(asked.Assignees, "stranger"):
		refuse(w, 422, `{"message":"Validation Failed","errors":[{"value":"stranger","resource":"Issue","field":"assignees","code":"invalid"}]}`)
	default:
		made := f.add(asked.Title, asked.Body, asked.Labels)
		for _, login := range asked.Assignees {
			made.Assignees = append(made.Assignees, fakeUser{login})
		}
		answer(w, 201, made)
	}
}

func (f *fake) add(title, body string, labels []string) *fakeIssue {
	number := len(f.issues) + 1
	made := &fakeIssue{
		Number: number, State: "open", Title: title, Body: &body, UpdatedAt: f.clock.Now(),
		HTMLURL: fmt.Sprintf("https://github.com/%s/issues/%d", repository, number), Labels: []fakeLabel{},
	}
	if body == "" {
		made.Body = nil
	}
	if !f.dropLabels {
		for _, name := range labels {
			made.Labels = append(made.Labels, fakeLabel{7, name})
		}
	}
	f.issues = append(f.issues, made)
	return made
}

func (f *fake) one(w http.ResponseWriter, r *http.Request, number string, comments bool) {
	at, err := strconv.Atoi(number)
	if err != nil || at < 1 || at > len(f.issues) {
		refuse(w, 404, `{"message":"Not Found"}`)
		return
	}
	issue := f.issues[at-1]
	switch {
	case issue.gone:
		refuse(w, 410, `{"message":"This issue was deleted"}`)
	case comments && r.Method == http.MethodGet:
		f.listComments(w, r, issue)
	case comments:
		f.comment(w, r, issue)
	case r.Method == http.MethodGet:
		answer(w, 200, issue)
	default:
		f.change(w, r, issue)
	}
}

func (f *fake) listComments(w http.ResponseWriter, r *http.Request, issue *fakeIssue) {
	since, err := time.Parse(time.RFC3339, r.URL.Query().Get("since"))
	if err != nil {
		f.t.Error(err)
	}
	list(f, w, r, slices.DeleteFunc(slices.Clone(issue.comments), func(c fakeComment) bool { return c.UpdatedAt.Before(since) }))
}

func (f *fake) comment(w http.ResponseWriter, r *http.Request, issue *fakeIssue) {
	var asked struct {
		Body string `json:"body"`
	}
	if !strictly(w, r, &asked) {
		return
	}
	if utf8.RuneCountInString(asked.Body) > 65536 || asked.Body == "" {
		invalid(w, "IssueComment", "data", "Body is too long (maximum is 65536 characters)")
		return
	}
	made := fakeComment{int64(issue.Number*1000 + len(issue.comments) + 1), asked.Body, f.clock.Now()}
	issue.comments, issue.UpdatedAt = append(issue.comments, made), made.UpdatedAt
	answer(w, 201, made)
}

func (f *fake) change(w http.ResponseWriter, r *http.Request, issue *fakeIssue) {
	var asked struct {
		State  string  `json:"state"`
		Reason *string `json:"state_reason"`
	}
	if !strictly(w, r, &asked) {
		return
	}
	if asked.State == "closed" && (asked.Reason == nil || *asked.Reason != "completed") || asked.State == "open" && asked.Reason != nil {
		invalid(w, "Issue", "state_reason", "is not included in the list")
		return
	}
	f.set(issue, asked.State)
	answer(w, 200, issue)
}

func (f *fake) set(issue *fakeIssue, state string) {
	now := f.clock.Now()
	issue.State, issue.UpdatedAt, issue.ClosedAt = state, now, nil
	if state == "closed" {
		issue.ClosedAt = &now
	}
}
