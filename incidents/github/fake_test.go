package github_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"lapsewatch/incidents"
	"lapsewatch/incidents/github"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/watch"
)

const repository = "acme/status"

// fake is the part of GitHub's REST API that the status log uses, with its limits.
type fake struct {
	t     *testing.T
	clock *tickettest.Clock
	// public: everybody may read the repository. posts: the configuration asks for that.
	public, posts bool
	// dropLabels: the token's owner may not set labels.
	dropLabels bool
	// author is who the token belongs to, and who opens the next issue with it.
	author fakeAuthor

	mu     sync.Mutex
	issues []*fakeIssue
}

type fakeIssue struct {
	Number   int         `json:"number"`
	State    string      `json:"state"`
	Reason   *string     `json:"state_reason"`
	Title    string      `json:"title"`
	Body     string      `json:"body"`
	HTMLURL  string      `json:"html_url"`
	Labels   []fakeLabel `json:"labels"`
	ClosedAt *time.Time  `json:"closed_at"`
	fakeAuthor
	updated  time.Time
	comments []*fakeComment
	gone     bool
}

type fakeLabel struct {
	Name string `json:"name"`
}

type fakeComment struct {
	ID      int64  `json:"id"`
	Body    string `json:"body"`
	updated time.Time
}

func newFake(t *testing.T, clock *tickettest.Clock) *fake {
	return &fake{t: t, clock: clock, author: asCollaborator}
}

func (f *fake) New(t *testing.T, env incidents.Env, url string) incidents.System {
	return build(t, env, func(o *github.Options) { o.URL, o.PublicRepository = url, f.posts })
}

func build(t *testing.T, env incidents.Env, edit func(*github.Options)) incidents.System {
	t.Helper()
	system, err := github.Kind.Build(func(into any) error {
		o := into.(*github.Options)
		o.Repository, o.Token.Env, o.Pause = repository, "TOKEN", 1
		edit(o)
		return nil
	}, env)
	if err != nil {
		t.Fatal(err)
	}
	return system
}

func (f *fake) Components() []watch.Component { return nil }

func (f *fake) Writes(r *http.Request) bool { return r.Method != http.MethodGet }

var place = regexp.MustCompile(`^/repos/acme/status(?:/issues(?:/([0-9]+)(/comments)?|/comments/([0-9]+))?)?$`)

func (f *fake) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		found := place.FindStringSubmatch(r.URL.Path)
		switch {
		case r.Header.Get("Authorization") != "Bearer canary-of-TOKEN":
			refuse(w, 401, `{"message":"Bad credentials"}`)
		case r.Header.Get("Accept") != "application/vnd.github+json" || r.Header.Get("X-GitHub-Api-Version") != "2022-11-28":
			refuse(w, 403, `{"message":"Request forbidden by administrative rules."}`)
		case r.URL.Path == "/user" && f.author.App != nil:
			refuse(w, 403, `{"message":"Resource not accessible by integration"}`)
		case r.URL.Path == "/user":
			answer(w, 200, f.author.User)
		case found == nil:
			refuse(w, 404, `{"message":"Not Found"}`)
		case !strings.Contains(r.URL.Path, "/issues"):
			answer(w, 200, map[string]any{"full_name": repository, "private": !f.public})
		case found[3] != "":
			f.editComment(w, r, found[3])
		case found[1] != "":
			f.one(w, r, found[1], found[2] != "")
		case r.Method == http.MethodGet:
			list(f.t, w, r, f.filtered(r.URL.Query()))
		default:
			f.create(w, r)
		}
	})
}

func refuse(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body)) // a client that left needs no answer
}

func answer(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	refuse(w, status, string(body))
}

func invalid(w http.ResponseWriter, field, message string) {
	refuse(w, 422, fmt.Sprintf(`{"message":"Validation Failed","errors":[{"resource":"Issue","code":"custom","field":%q,"message":%q}]}`, field, message))
}

type asked struct {
	Title  *string  `json:"title"`
	Body   *string  `json:"body"`
	State  *string  `json:"state"`
	Reason *string  `json:"state_reason"`
	Labels []string `json:"labels"`
}

// take refuses what GitHub does not take.
func take(w http.ResponseWriter, r *http.Request) (wanted asked, ok bool) {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&wanted); err != nil {
		refuse(w, 400, `{"message":"Problems parsing JSON"}`)
		return asked{}, false
	}
	switch {
	case wanted.Title != nil && (strings.TrimSpace(*wanted.Title) == "" || utf8.RuneCountInString(*wanted.Title) > 256):
		invalid(w, "title", "title is too long (maximum is 256 characters)")
	case wanted.Body != nil && utf8.RuneCountInString(*wanted.Body) > 65536:
		invalid(w, "body", "body is too long (maximum is 65536 characters)")
	case slices.ContainsFunc(wanted.Labels, func(l string) bool { return l == "" || utf8.RuneCountInString(l) > 50 }):
		invalid(w, "labels", "name is too long (maximum is 50 characters)")
	case wanted.State != nil && *wanted.State == "closed" && (wanted.Reason == nil || *wanted.Reason != "completed"):
		invalid(w, "state_reason", "is not included in the list")
	default:
		return wanted, true
	}
	return asked{}, false
}

func (f *fake) create(w http.ResponseWriter, r *http.Request) {
	wanted, ok := take(w, r)
	if !ok || wanted.Title == nil {
		return
	}
	made := f.add(*wanted.Title, "")
	made.fakeAuthor = f.author
	f.apply(made, wanted)
	answer(w, 201, made)
}

func (f *fake) add(title, body string) *fakeIssue {
	made := &fakeIssue{
		Number: len(f.issues) + 1, State: "open", Title: title, Body: body, updated: f.clock.Now(),
		HTMLURL: fmt.Sprintf("https://github.com/%s/issues/%d", repository, len(f.issues)+1), Labels: []fakeLabel{}, fakeAuthor: asStranger,
	}
	f.issues = append(f.issues, made)
	return made
}

func (f *fake) apply(issue *fakeIssue, wanted asked) {
	issue.updated = f.clock.Now()
	if wanted.Title != nil {
		issue.Title = strings.TrimSpace(*wanted.Title)
	}
	if wanted.Body != nil {
		issue.Body = *wanted.Body
	}
	if wanted.Labels != nil && !f.dropLabels {
		issue.Labels = []fakeLabel{}
		for _, name := range wanted.Labels {
			issue.Labels = append(issue.Labels, fakeLabel{name})
		}
	}
	if wanted.State != nil {
		issue.State, issue.ClosedAt = *wanted.State, nil
		if *wanted.State == "closed" {
			now := f.clock.Now()
			issue.ClosedAt = &now
		}
	}
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
		if wanted, ok := take(w, r); ok {
			f.apply(issue, wanted)
			answer(w, 200, issue)
		}
	}
}

func (f *fake) listComments(w http.ResponseWriter, r *http.Request, issue *fakeIssue) {
	since, err := time.Parse(time.RFC3339, r.URL.Query().Get("since"))
	if err != nil && r.URL.Query().Has("since") {
		f.t.Error(err)
	}
	list(f.t, w, r, slices.DeleteFunc(slices.Clone(issue.comments), func(c *fakeComment) bool { return c.updated.Before(since) }))
}

func (f *fake) comment(w http.ResponseWriter, r *http.Request, issue *fakeIssue) {
	wanted, ok := take(w, r)
	if !ok || wanted.Body == nil {
		return
	}
	made := &fakeComment{ID: int64(issue.Number*1000 + len(issue.comments) + 1), Body: *wanted.Body, updated: f.clock.Now()}
	issue.comments = append(issue.comments, made)
	answer(w, 201, made)
}

func (f *fake) editComment(w http.ResponseWriter, r *http.Request, id string) {
	wanted, ok := take(w, r)
	if !ok || wanted.Body == nil {
		return
	}
	for _, issue := range f.issues {
		for _, comment := range issue.comments {
			if strconv.FormatInt(comment.ID, 10) == id {
				comment.Body, comment.updated = *wanted.Body, f.clock.Now()
				answer(w, 200, comment)
				return
			}
		}
	}
	refuse(w, 404, `{"message":"Not Found"}`)
}

func (f *fake) filtered(query url.Values) []*fakeIssue {
	since, err := time.Parse(time.RFC3339, query.Get("since"))
	if err != nil && query.Has("since") {
		f.t.Error(err)
	}
	var found []*fakeIssue
	for _, issue := range f.issues {
		labelled := slices.ContainsFunc(issue.Labels, func(l fakeLabel) bool { return l.Name == query.Get("labels") })
		if !issue.gone && labelled && issue.State == query.Get("state") && !issue.updated.Before(since) {
			found = append(found, issue)
		}
	}
	return found
}

// list answers with one page of three. Its next link leads to another host, which nobody
// may ask.
func list[T any](t *testing.T, w http.ResponseWriter, r *http.Request, all []T) {
	query := r.URL.Query()
	number, err := strconv.Atoi(query.Get("page"))
	if err != nil {
		number = 1
	}
	if size, err := strconv.Atoi(query.Get("per_page")); err != nil || size > 100 {
		t.Errorf("per_page %q", query.Get("per_page"))
	}
	const size = 3
	from := min((number-1)*size, len(all))
	to := min(from+size, len(all))
	if to < len(all) {
		query.Set("page", strconv.Itoa(number+1))
		w.Header().Set("Link", fmt.Sprintf(`<https://evil.example.org%s?%s>; rel="next"`, r.URL.Path, query.Encode()))
	}
	answer(w, 200, append([]T{}, all[from:to]...))
}
