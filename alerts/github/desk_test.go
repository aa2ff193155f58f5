package github_test

import (
	"strconv"
	"strings"

	"lapsewatch/internal/ticket/tickettest"
)

func (f *fake) Records() []tickettest.Record {
	f.mu.Lock()
	defer f.mu.Unlock()
	var records []tickettest.Record
	for _, issue := range f.issues {
		if issue.gone || issue.Pull != nil {
			continue
		}
		record := tickettest.Record{Name: "#" + strconv.Itoa(issue.Number), Title: issue.Title, Open: issue.State == "open", Marks: marks(issue)}
		if issue.Body != nil {
			record.Text = *issue.Body
		}
		for _, comment := range issue.comments {
			record.Comments = append(record.Comments, comment.Body)
		}
		records = append(records, record)
	}
	return records
}

func marks(issue *fakeIssue) string {
	var labels, assignees []string
	for _, label := range issue.Labels {
		labels = append(labels, label.Name)
	}
	for _, user := range issue.Assignees {
		assignees = append(assignees, user.Login)
	}
	return "labels: " + strings.Join(labels, ", ") + "; assignees: " + strings.Join(assignees, ", ")
}

// named finds the issue that a test names.
func (f *fake) named(name string) *fakeIssue {
	number, err := strconv.Atoi(strings.TrimPrefix(name, "#"))
	if err != nil {
		f.t.Fatal(err)
	}
	return f.issues[number-1]
}

func (f *fake) Close(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.set(f.named(name), "closed")
}

func (f *fake) Delete(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.named(name).gone = true
}

func (f *fake) Edit(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	issue := f.named(name)
	issue.Title, issue.Assignees = "the shop's certificate (see the runbook)", []fakeUser{{"octocat"}}
	issue.Labels = append(issue.Labels, fakeLabel{8, "team: platform"})
}

func (f *fake) AddForeign(title string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return "#" + strconv.Itoa(f.add(title, "", []string{"lapsewatch"}).Number)
}
