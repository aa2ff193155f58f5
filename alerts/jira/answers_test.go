package jira_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

func (f *fake) create(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Fields map[string]json.RawMessage `json:"fields"`
	}
	if !strictly(w, r, &asked) {
		return
	}
	made := &fakeIssue{id: 10001 + len(f.issues), status: "To Do", further: map[string]json.RawMessage{}}
	for name, raw := range asked.Fields {
		var err error
		var named struct{ Key, Name string }
		switch name {
		case "summary":
			err = json.Unmarshal(raw, &made.summary)
		case "labels":
			err = json.Unmarshal(raw, &made.labels)
		case "description":
			made.description = raw
		case "project", "issuetype", "priority":
			err = json.Unmarshal(raw, &named)
			if name == "priority" {
				made.priority = named.Name
			}
			if name == "issuetype" && named.Name != "Task" {
				invalid(w, "issuetype", "Specify a valid issue type")
				return
			}
		case "components", "customfield_10010":
			made.further[name] = raw
		default:
			invalid(w, name, fmt.Sprintf("Field '%s' cannot be set. It is not on the appropriate screen, or unknown.", name))
			return
		}
		if err != nil {
			invalid(w, name, "data was not of the right form")
			return
		}
	}
	if problem := f.textProblem(made.description); problem != "" {
		invalid(w, "description", problem)
		return
	}
	if made.summary == "" || strings.ContainsAny(made.summary, "\r\n") || utf8.RuneCountInString(made.summary) >= 255 {
		invalid(w, "summary", "Summary must be less than 255 characters.")
		return
	}
	f.add(made)
	answer(w, 201, map[string]string{"id": strconv.Itoa(made.id), "key": made.key(), "self": "https://example.atlassian.net/rest/api/3/issue/10001"})
}

func (f *fake) add(issue *fakeIssue) {
	issue.changed = f.clock.Now()
	f.issues = append(f.issues, issue)
}

func (f *fake) one(w http.ResponseWriter, r *http.Request, id, part string) {
	number, err := strconv.Atoi(id)
	if err != nil || number <= 10000 || number > 10000+len(f.issues) || f.issues[number-10001].gone {
		refuse(w, 404, `{"errorMessages":["Issue does not exist or you do not have permission to see it."],"errors":{}}`)
		return
	}
	issue := f.issues[number-10001]
	switch {
	case part == "" && r.Method == http.MethodGet:
		answer(w, 200, f.shown(issue))
	case part == "/comment" && r.Method == http.MethodGet:
		f.listComments(w, r, issue)
	case part == "/comment":
		f.comment(w, r, issue)
	case part == "/transitions" && r.Method == http.MethodGet:
		offered := []any{}
		for _, transition := range f.transitions[issue.status] {
			offered = append(offered, map[string]any{
				"id": transition.id, "name": transition.name,
				"to": map[string]any{"name": transition.to, "statusCategory": map[string]any{"key": categories[transition.to]}},
			})
		}
		answer(w, 200, map[string]any{"expand": "transitions", "transitions": offered})
	case part == "/transitions":
		f.transit(w, r, issue)
	}
}
