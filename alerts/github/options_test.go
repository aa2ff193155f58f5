package github_test

import (
	"strings"
	"testing"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/github"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/watch"
)

func TestWrongOptionsAreRefusedWithTheirPlace(t *testing.T) {
	const reference = "a secret is given by reference: want exactly one of {file: PATH} or {env: NAME}"
	tests := []struct {
		name string
		edit func(*github.Options)
		want string
	}{
		{"a URL without TLS", func(o *github.Options) { o.URL = "http://ghe.example.com/api/v3" }, "url: want https; allow_insecure_http accepts http"},
		{"two URLs", func(o *github.Options) { o.URL, o.URLFrom.Env = "https://ghe.example.com", "X" }, "url: want exactly one of url and url_from"},
		{"no repository", func(o *github.Options) { o.Repository = "" }, "repository: want owner/name, such as acme/infrastructure"},
		{"a repository with its host", func(o *github.Options) { o.Repository = "github.com/acme/infra" }, "repository: want owner/name, such as acme/infrastructure"},
		{"a repository that leads elsewhere", func(o *github.Options) { o.Repository = "acme/.." }, "repository: want owner/name, such as acme/infrastructure"},
		{"no token", func(o *github.Options) { o.Token = watch.SecretRef{} }, "token: " + reference},
		{"no label", func(o *github.Options) { o.Labels = nil }, "labels: want at least one, by which issues are found again, and at most 100"},
		{"a label with a comma", func(o *github.Options) { o.Labels = []string{"a", "b,c"} }, "labels[1]: want 1 to 50 visible characters and no comma"},
		{"a long label", func(o *github.Options) { o.Labels = []string{strings.Repeat("x", 51)} }, "labels[0]: want 1 to 50 visible characters and no comma"},
		{"an assignee as a mention", func(o *github.Options) { o.Assignees = []string{"@octocat"} }, "assignees[0]: want a login name, without @"},
		{"many assignees", func(o *github.Options) { o.Assignees = strings.Split("a,b,c,d,e,f,g,h,i,j,k", ",") }, "assignees: want at most 10"},
		{"a source of two lines", func(o *github.Options) { o.Source = "a\nb" }, "source: want one line of at most 100 visible characters"},
		{"no time to reopen", func(o *github.Options) { o.ReopenWithin = 0 }, "reopen_within: want more than 0, such as 7d"},
		{"no pause", func(o *github.Options) { o.Pause = 0 }, "pause: want more than 0 and at most 1m"},
		{"a long pause", func(o *github.Options) { o.Pause = watch.Duration(1e12) }, "pause: want more than 0 and at most 1m"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := github.Kind.Build(options(test.edit), alerts.Env{})
			if err == nil || err.Error() != test.want {
				t.Errorf("error %v\nwant  %s", err, test.want)
			}
		})
	}
}

func TestTheAPIOfGitHubComIsTheDefault(t *testing.T) {
	if _, err := github.Kind.Build(options(func(o *github.Options) {
		if o.URL != "" || len(o.Labels) != 1 || o.Labels[0] != "lapsewatch" {
			t.Errorf("defaults %+v", o)
		}
	}), alerts.Env{}); err != nil {
		t.Error(err)
	}
}

func TestAListThatIsTooLongIsAnErrorAndMakesNoSecondIssue(t *testing.T) {
	clock := tickettest.NewClock(alerttest.Now())
	f := newFake(t, clock)
	f.pageSize = 1
	office := tickettest.Open(t, f, clock)
	for range 60 {
		office.AddForeign("one of many")
	}
	_, err := office.Try(t, office.Message(1, watch.Opened, "a.example.com:443", watch.Warning, 21))
	if want := "deliver by operations: read the list at /repos/acme/infra/issues: it has more than 5000 entries: close what is done, or use a label of its own"; err == nil || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
	if got := len(office.Records()); got != 60 {
		t.Errorf("%d issues", got)
	}
}
