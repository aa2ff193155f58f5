package jira_test

import (
	"strings"
	"testing"

	"lapsewatch/alerts"
	"lapsewatch/alerts/jira"
	"lapsewatch/watch"
)

func TestWrongOptionsAreRefusedWithTheirPlace(t *testing.T) {
	const reference = "a secret is given by reference: want exactly one of {file: PATH} or {env: NAME}"
	tests := []struct {
		name string
		edit func(*jira.Options)
		want string
	}{
		{"no URL", func(o *jira.Options) { o.URL = "" }, "url: want exactly one of url and url_from"},
		{"no deployment", func(o *jira.Options) { o.Deployment = "" }, "deployment: want cloud or data-center"},
		{"another deployment", func(o *jira.Options) { o.Deployment = "server" }, "deployment: want cloud or data-center"},
		{"the cloud without an address", func(o *jira.Options) { o.Email = "" }, "email: want the address of the account whose API token it is"},
		{"an address that breaks basic authentication", func(o *jira.Options) { o.Email = "a:b@example.com" }, "email: want the address of the account whose API token it is"},
		{"a data center with an address", func(o *jira.Options) { o.Deployment = "data-center" }, "email: leave it out: a personal access token says itself whose it is"},
		{"no token", func(o *jira.Options) { o.Token = watch.SecretRef{} }, "token: " + reference},
		{"a project by name", func(o *jira.Options) { o.Project = "Operations" }, "project: want the key of a project, in capital letters, such as OPS"},
		{"A6 a project that ends its value", func(o *jira.Options) { o.Project = `OPS" OR project = "HR` }, "project: want the key of a project, in capital letters, such as OPS"},
		{"no issue type", func(o *jira.Options) { o.IssueType = "" }, "issue_type: want the name of a type, such as Task"},
		{"a transition of two lines", func(o *jira.Options) { o.DoneTransition = "Do\nne" }, "done_transition: want one line of at most 255 characters"},
		{"a label with a space", func(o *jira.Options) { o.Labels = []string{"a b"} }, "labels[0]: want 1 to 255 visible characters and no space"},
		{"many labels", func(o *jira.Options) { o.Labels = strings.Split(strings.Repeat("x,", 50)+"x", ",") }, "labels: want at most 50"},
		{"a field of the channel's own", func(o *jira.Options) { o.Fields = map[string]any{"summary": "x", "labels": "y"} }, "fields.labels: the channel sets it itself\nfields.summary: the channel sets it itself"},
		{"a field that is no JSON", func(o *jira.Options) { o.Fields = map[string]any{"x": map[any]any{1: 2}} }, "fields: want what JSON can hold: names that are texts, and values of texts, numbers, lists and such mappings"},
		{"a source of two lines", func(o *jira.Options) { o.Source = "a\nb" }, "source: want one line of at most 100 visible characters"},
		{"no time to reopen", func(o *jira.Options) { o.ReopenWithin = 0 }, "reopen_within: want more than 0, such as 7d"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := jira.Kind.Build(options(true, func(o *jira.Options) {
				o.URL = "https://example.atlassian.net"
				test.edit(o)
			}), alerts.Env{})
			if err == nil || err.Error() != test.want {
				t.Errorf("error %v\nwant  %s", err, test.want)
			}
		})
	}
}
