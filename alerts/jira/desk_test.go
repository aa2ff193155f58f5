package jira_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"lapsewatch/internal/ticket/tickettest"
)

func (f *fake) listComments(w http.ResponseWriter, r *http.Request, issue *fakeIssue) {
	from, err := strconv.Atoi(r.URL.Query().Get("startAt"))
	if err != nil {
		f.t.Error(err)
	}
	from = min(from, len(issue.comments))
	page := []any{}
	for i, body := range issue.comments[from:min(from+pageSize, len(issue.comments))] {
		page = append(page, map[string]any{"id": strconv.Itoa(from + i), "body": body})
	}
	answer(w, 200, map[string]any{"startAt": from, "maxResults": pageSize, "total": len(issue.comments), "comments": page})
}

func (f *fake) comment(w http.ResponseWriter, r *http.Request, issue *fakeIssue) {
	var asked struct {
		Body json.RawMessage `json:"body"`
	}
	if !strictly(w, r, &asked) {
		return
	}
	if problem := f.textProblem(asked.Body); problem != "" {
		invalid(w, "comment", problem)
		return
	}
	issue.comments = append(issue.comments, asked.Body)
	answer(w, 201, map[string]string{"id": strconv.Itoa(20000 + len(issue.comments))})
}

func (f *fake) transit(w http.ResponseWriter, r *http.Request, issue *fakeIssue) {
	var asked struct {
		Transition struct {
			ID string `json:"id"`
		} `json:"transition"`
		Fields struct {
			Resolution struct {
				Name string `json:"name"`
			} `json:"resolution"`
		} `json:"fields"`
	}
	if !strictly(w, r, &asked) {
		return
	}
	for _, transition := range f.transitions[issue.status] {
		if transition.id == asked.Transition.ID {
			f.setStatus(issue, cmp.Or(f.movesOn, transition.to))
			issue.resolution = asked.Fields.Resolution.Name
			w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	answer(w, 400, map[string]any{"errorMessages": []string{"It seems that you have tried to perform an illegal workflow operation."}, "errors": map[string]string{}})
}

func (f *fake) setStatus(issue *fakeIssue, status string) {
	f.change(issue, func() {
		issue.status, issue.resolved = status, time.Time{}
		if categories[status] == "done" {
			issue.resolved = f.clock.Now()
		}
	})
}

// textProblem is what Jira says against a text: Cloud wants a document, Data Center
// markup.
func (f *fake) textProblem(raw json.RawMessage) string {
	text := string(raw)
	if !f.cloud && json.Unmarshal(raw, &text) != nil {
		return "Operation value must be a string"
	}
	if utf8.RuneCountInString(text) > 32767 {
		return "The entered text is too long. It exceeds the allowed limit of 32767 characters."
	}
	if !f.cloud {
		return ""
	}
	if err := document(raw); err != nil {
		return "Operation value must be an Atlassian Document (see the Atlassian Document Format): " + err.Error()
	}
	return ""
}

type adfNode struct {
	Type    string    `json:"type"`
	Version int       `json:"version"`
	Text    *string   `json:"text"`
	Content []adfNode `json:"content"`
	Marks   []struct {
		Type  string `json:"type"`
		Attrs *struct {
			Href string `json:"href"`
		} `json:"attrs"`
	} `json:"marks"`
}

// document holds a text to the published schema, of which it knows what is used.
func document(raw json.RawMessage) error {
	var doc adfNode
	if err := json.Unmarshal(raw, &doc); err != nil {
		return err
	}
	if doc.Type != "doc" || doc.Version != 1 || doc.Text != nil || len(doc.Content) == 0 {
		return fmt.Errorf("no document: %s", raw)
	}
	for _, paragraph := range doc.Content {
		if paragraph.Type != "paragraph" || paragraph.Text != nil || len(paragraph.Marks) > 0 {
			return fmt.Errorf("no paragraph: %+v", paragraph)
		}
		for _, text := range paragraph.Content {
			if text.Type != "text" || text.Text == nil || *text.Text == "" || len(text.Content) > 0 {
				return fmt.Errorf("no text: %+v", text)
			}
			for _, mark := range text.Marks {
				if !slices.Contains([]string{"strong", "code", "link"}, mark.Type) || (mark.Type == "link") != (mark.Attrs != nil) {
					return fmt.Errorf("no mark: %+v", mark)
				}
			}
		}
	}
	return nil
}

// readable is a text as people read it; markup of Data Center stays as it is.
func readable(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var doc adfNode
	if json.Unmarshal(raw, &doc) != nil {
		return string(raw)
	}
	var out strings.Builder
	for _, paragraph := range doc.Content {
		for _, text := range paragraph.Content {
			out.WriteString(*text.Text)
		}
		out.WriteString("\n\n")
	}
	return out.String()
}

func (f *fake) Records() []tickettest.Record {
	f.mu.Lock()
	defer f.mu.Unlock()
	var records []tickettest.Record
	for _, issue := range f.issues {
		if issue.gone {
			continue
		}
		record := tickettest.Record{
			Name: issue.key(), Title: issue.summary, Open: categories[issue.status] != "done", Text: readable(issue.description),
			Marks: fmt.Sprintf("labels: %s; assignee: %s; priority: %s", strings.Join(issue.labels, ", "), issue.assignee, issue.priority),
		}
		for _, comment := range issue.comments {
			record.Comments = append(record.Comments, readable(comment))
		}
		records = append(records, record)
	}
	return records
}

func (f *fake) named(name string) *fakeIssue {
	for _, issue := range f.issues {
		if issue.key() == name {
			return issue
		}
	}
	f.t.Fatalf("there is no %s", name)
	return nil
}

func (f *fake) by(name string, hand func(*fakeIssue)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	hand(f.named(name))
}

func (f *fake) Close(name string) { f.by(name, func(i *fakeIssue) { f.setStatus(i, "Done") }) }
func (f *fake) Seal(name string)  { f.by(name, func(i *fakeIssue) { f.setStatus(i, "Archived") }) }
func (f *fake) Delete(name string) {
	f.by(name, func(i *fakeIssue) { i.gone = true })
}

func (f *fake) Edit(name string) {
	f.by(name, func(i *fakeIssue) {
		f.change(i, func() {
			i.summary, i.assignee, i.priority = "the shop's certificate (see the runbook)", "fred", "Highest"
			i.labels = append(slices.Clone(i.labels), "team-platform")
		})
	})
}

func (f *fake) AddForeign(title string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	made := &fakeIssue{id: 10001 + len(f.issues), status: "To Do", summary: title, labels: []string{"lapsewatch"}, description: json.RawMessage("null")}
	f.add(made)
	return made.key()
}
