package jira_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/jira"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/watch"
)

const (
	// lag is how long the search does not know of what was written.
	lag = 10 * time.Second
	// pageSize is below what is asked for, as Jira may choose.
	pageSize = 3
)

// fake is the part of Jira's REST API that the channel uses, with its limits and its
// search that lags behind.
type fake struct {
	t     *testing.T
	clock *tickettest.Clock
	cloud bool
	// transitions leave a status for another; nil are those of the usual workflow.
	transitions map[string][]fakeTransition
	// movesOn is the status that the workflow itself gives an issue after a transition.
	movesOn string

	mu     sync.Mutex
	issues []*fakeIssue
}

type fakeTransition struct{ id, name, to string }

// categories of the statuses.
var categories = map[string]string{"To Do": "new", "In Progress": "indeterminate", "Done": "done", "Archived": "done"}

var workflow = map[string][]fakeTransition{
	"To Do":       {{"11", "Start", "In Progress"}, {"31", "Resolve", "Done"}},
	"In Progress": {{"31", "Resolve", "Done"}},
	"Done":        {{"51", "Start again", "In Progress"}, {"41", "Reopen", "To Do"}},
}

type fakeIssue struct {
	id          int
	summary     string
	description json.RawMessage
	labels      []string
	assignee    string
	priority    string
	further     map[string]json.RawMessage
	status      string
	resolution  string
	resolved    time.Time
	comments    []json.RawMessage
	gone        bool
	// indexed is what the search knows, from changed plus lag on.
	changed time.Time
	before  *fakeIssue
}

func (i *fakeIssue) key() string { return "OPS-" + strconv.Itoa(i.id-10000) }

// change notes that the search still tells of the issue as it was.
func (f *fake) change(issue *fakeIssue, edit func()) {
	if f.indexed(issue) == issue {
		was := *issue
		issue.before = &was
	}
	edit()
	issue.changed = f.clock.Now()
}

func newFake(t *testing.T, clock *tickettest.Clock, cloud bool) *fake {
	return &fake{t: t, clock: clock, cloud: cloud, transitions: workflow}
}

func (f *fake) New(t *testing.T, env alerts.Env, url string) alerts.Channel {
	return build(t, env, f.cloud, func(o *jira.Options) { o.URL = url + "/jira" })
}

func build(t *testing.T, env alerts.Env, cloud bool, edit func(*jira.Options)) alerts.Channel {
	t.Helper()
	channel, err := jira.Kind.Build(options(cloud, edit), env)
	if err != nil {
		t.Fatal(err)
	}
	return channel
}

// options decodes as configuration does, on top of the defaults.
func options(cloud bool, edit func(*jira.Options)) watch.Decoder {
	return func(into any) error {
		o := into.(*jira.Options)
		o.Project, o.Token.Env, o.Deployment = "OPS", "TOKEN", "data-center"
		if cloud {
			o.Deployment, o.Email = "cloud", "bot@example.com"
		}
		edit(o)
		return nil
	}
}

func (f *fake) base() string {
	if f.cloud {
		return "/jira/rest/api/3"
	}
	return "/jira/rest/api/2"
}

func (f *fake) StepOf(r *http.Request, body []byte) tickettest.Step {
	switch {
	case r.Method != http.MethodPost || strings.Contains(r.URL.Path, "/search"):
		return ""
	case strings.HasSuffix(r.URL.Path, "/comment"):
		return tickettest.Comments
	case strings.HasSuffix(r.URL.Path, "/transitions") && strings.Contains(string(body), `"31"`):
		return tickettest.Closes
	case strings.HasSuffix(r.URL.Path, "/transitions"):
		return tickettest.Reopens
	default:
		return tickettest.Creates
	}
}

var issuePath = regexp.MustCompile(`^/issue/([0-9]+)(/comment|/transitions)?$`)

func (f *fake) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		authorization := "Bearer secret-of-TOKEN"
		if f.cloud {
			authorization = "Basic Ym90QGV4YW1wbGUuY29tOnNlY3JldC1vZi1UT0tFTg=="
		}
		path, ours := strings.CutPrefix(r.URL.Path, f.base())
		one := issuePath.FindStringSubmatch(path)
		switch {
		case !ours:
			refuse(w, 404, "<html>dead link</html>")
		case r.Header.Get("Authorization") != authorization:
			// Whoever signs in badly is nobody, and sees an empty list.
			w.Header().Set("X-Seraph-LoginReason", "AUTHENTICATED_FAILED")
			refuse(w, 200, `{"issues":[],"isLast":true}`)
		case r.Method == http.MethodPost && path == map[bool]string{true: "/search/jql", false: "/search"}[f.cloud]:
			f.search(w, r)
		case r.Method == http.MethodPost && path == "/issue":
			f.create(w, r)
		case one != nil:
			f.one(w, r, one[1], one[2])
		default:
			refuse(w, 410, `{"errorMessages":["The requested API has been removed. Please migrate to the /rest/api/3/search/jql API."],"errors":{}}`)
		}
	})
}

func refuse(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

func answer(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	refuse(w, status, string(body))
}

func invalid(w http.ResponseWriter, field, message string) {
	answer(w, 400, map[string]any{"errorMessages": []string{}, "errors": map[string]string{field: message}})
}

// strictly refuses what Jira does not know.
func strictly(w http.ResponseWriter, r *http.Request, into any) bool {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		answer(w, 400, map[string]any{"errorMessages": []string{"Invalid request payload: " + err.Error()}})
		return false
	}
	return true
}

var jql = regexp.MustCompile(`^project = "OPS" AND labels = "(lapsewatch-[0-9a-f]{32})" ORDER BY created ASC$`)

func (f *fake) search(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		JQL       string   `json:"jql"`
		Fields    []string `json:"fields"`
		Max       int      `json:"maxResults"`
		StartAt   *int     `json:"startAt"`
		PageToken *string  `json:"nextPageToken"`
		Reconcile []int    `json:"reconcileIssues"`
	}
	if !strictly(w, r, &asked) {
		return
	}
	query := jql.FindStringSubmatch(asked.JQL)
	if query == nil || len(asked.Fields) == 0 || f.cloud && asked.StartAt != nil || !f.cloud && (asked.PageToken != nil || asked.Reconcile != nil) {
		answer(w, 400, map[string]any{"errorMessages": []string{"Error in the JQL Query or its paging."}})
		return
	}
	var found []any
	for _, issue := range f.issues {
		known := f.indexed(issue)
		if slices.Contains(asked.Reconcile, issue.id) {
			known = issue
		}
		if known != nil && !issue.gone && slices.Contains(known.labels, query[1]) {
			found = append(found, f.shown(known))
		}
	}
	from := 0
	switch {
	case asked.StartAt != nil:
		from = *asked.StartAt
	case asked.PageToken != nil:
		from, _ = strconv.Atoi(strings.TrimPrefix(*asked.PageToken, "token-"))
	}
	from = min(from, len(found))
	to := min(from+pageSize, len(found))
	page := map[string]any{"issues": append([]any{}, found[from:to]...)}
	if !f.cloud {
		page["startAt"], page["maxResults"], page["total"] = from, pageSize, len(found)
	} else if page["isLast"] = to == len(found); to < len(found) {
		page["nextPageToken"] = fmt.Sprint("token-", to)
	}
	answer(w, 200, page)
}

// indexed is what the search knows of an issue.
func (f *fake) indexed(issue *fakeIssue) *fakeIssue {
	if issue.changed.IsZero() || f.clock.Now().Sub(issue.changed) >= lag {
		return issue
	}
	return issue.before
}

// date is how Jira writes an instant.
const date = "2006-01-02T15:04:05.000-0700"

func (f *fake) shown(issue *fakeIssue) map[string]any {
	fields := map[string]any{
		"labels": issue.labels, "description": issue.description, "resolutiondate": nil,
		"status":  map[string]any{"name": issue.status, "statusCategory": map[string]any{"id": 2, "key": categories[issue.status]}},
		"updated": issue.changed.Format(date),
	}
	if !issue.resolved.IsZero() {
		fields["resolutiondate"] = issue.resolved.Format(date)
	}
	return map[string]any{"id": strconv.Itoa(issue.id), "key": issue.key(), "self": "https://example.atlassian.net/x", "fields": fields}
}
