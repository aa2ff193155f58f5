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

	"lapsewatch/alerts"
	"lapsewatch/alerts/github"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/watch"
)

const repository = "acme/infra"

// fake is the part of GitHub's REST API that the channel uses, with its limits.
type fake struct {
	t     *testing.T
	clock *tickettest.Clock
	// pageSize is below what is asked for, as GitHub may choose.
	pageSize int
	// cursors: lists have cursors and no page numbers, as long ones do.
	cursors bool
	// dropLabels: the token's owner may not set labels.
	dropLabels bool

	mu     sync.Mutex
	issues []*fakeIssue
}

type fakeIssue struct {
	Number    int             `json:"number"`
	State     string          `json:"state"`
	Reason    *string         `json:"state_reason"`
	Title     string          `json:"title"`
	Body      *string         `json:"body"`
	Labels    []fakeLabel     `json:"labels"`
	Assignees []fakeUser      `json:"assignees"`
	ClosedAt  *time.Time      `json:"closed_at"`
	UpdatedAt time.Time       `json:"updated_at"`
	HTMLURL   string          `json:"html_url"`
	Pull      *map[string]any `json:"pull_request,omitempty"`
	comments  []fakeComment
	gone      bool
}

type fakeLabel struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
}

type fakeUser struct {
	Login string `json:"login"`
}

type fakeComment struct {
	ID        int64     `json:"id"`
	Body      string    `json:"body"`
	UpdatedAt time.Time `json:"updated_at"`
}

func newFake(t *testing.T, clock *tickettest.Clock) *fake {
	return &fake{t: t, clock: clock, pageSize: 7}
}

func (f *fake) New(t *testing.T, env alerts.Env, url string) alerts.Channel {
	return build(t, env, func(o *github.Options) { o.URL = url })
}

func build(t *testing.T, env alerts.Env, edit func(*github.Options)) alerts.Channel {
	t.Helper()
	channel, err := github.Kind.Build(options(edit), env)
	if err != nil {
		t.Fatal(err)
	}
	return channel
}

// options decodes as configuration does, on top of the defaults. The pause between
// writes has a test of its own.
func options(edit func(*github.Options)) watch.Decoder {
	return func(into any) error {
		o := into.(*github.Options)
		o.Repository, o.Token.Env, o.Pause = repository, "TOKEN", 1
		edit(o)
		return nil
	}
}

var issuePath = regexp.MustCompile(`^(?:/api/v3)?/repos/acme/infra/issues(?:/([0-9]+))?(/comments)?$`)

func (f *fake) StepOf(r *http.Request, body []byte) tickettest.Step {
	switch {
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/comments"):
		return tickettest.Comments
	case r.Method == http.MethodPost:
		return tickettest.Creates
	case r.Method == http.MethodPatch && strings.Contains(string(body), "closed"):
		return tickettest.Closes
	case r.Method == http.MethodPatch:
		return tickettest.Reopens
	default:
		return ""
	}
}

func (f *fake) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		path := issuePath.FindStringSubmatch(r.URL.Path)
		switch {
		case r.Header.Get("Authorization") != "Bearer secret-of-TOKEN":
			refuse(w, 401, `{"message":"Bad credentials","documentation_url":"https://docs.github.com/rest","status":"401"}`)
		case r.UserAgent() == "" || r.Header.Get("Accept") != "application/vnd.github+json" || r.Header.Get("X-GitHub-Api-Version") != "2022-11-28":
			refuse(w, 403, `{"message":"Request forbidden by administrative rules."}`)
		case path == nil:
			refuse(w, 404, `{"message":"Not Found"}`)
		case path[1] == "" && r.Method == http.MethodGet:
			list(f, w, r, f.filtered(r.URL.Query()))
		case path[1] == "" && r.Method == http.MethodPost:
			f.create(w, r)
		case path[1] != "":
			f.one(w, r, path[1], path[2] != "")
		default:
			refuse(w, 404, `{"message":"Not Found"}`)
		}
	})
}

func refuse(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
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

// strictly refuses what GitHub does not know.
func strictly(w http.ResponseWriter, r *http.Request, into any) bool {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		refuse(w, 400, fmt.Sprintf(`{"message":"Problems parsing JSON: %s"}`, strings.ReplaceAll(err.Error(), `"`, "")))
		return false
	}
	return true
}

func invalid(w http.ResponseWriter, resource, field, message string) {
	refuse(w, 422, fmt.Sprintf(`{"message":"Validation Failed","errors":[{"resource":%q,"code":"custom","field":%q,"message":%q}],"documentation_url":"https://docs.github.com/rest/issues"}`, resource, field, message))
}

func (f *fake) filtered(query url.Values) []*fakeIssue {
	for name := range query {
		if !slices.Contains([]string{"labels", "state", "since", "sort", "direction", "per_page", "page", "after"}, name) {
			f.t.Errorf("GitHub knows no parameter %s", name)
		}
	}
	since, err := time.Parse(time.RFC3339, query.Get("since"))
	if err != nil && query.Has("since") {
		f.t.Error(err)
	}
	var found []*fakeIssue
	for _, issue := range f.issues {
		labelled := true
		for name := range strings.SplitSeq(query.Get("labels"), ",") {
			labelled = labelled && slices.ContainsFunc(issue.Labels, func(l fakeLabel) bool { return l.Name == name })
		}
		if !issue.gone && labelled && issue.State == query.Get("state") && !issue.UpdatedAt.Before(since) {
			found = append(found, issue)
		}
	}
	if query.Get("direction") != "asc" {
		slices.Reverse(found)
	}
	return found
}

// list answers with one page. Its next link leads to another host, which nobody may ask.
func list[T any](f *fake, w http.ResponseWriter, r *http.Request, all []T) {
	query := r.URL.Query()
	place := "page"
	if f.cursors {
		place = "after"
		if query.Has("page") {
			refuse(w, 422, `{"message":"Pagination with the page parameter is not supported for large datasets, please use cursor based pagination (after/before)"}`)
			return
		}
	}
	number, err := strconv.Atoi(strings.TrimPrefix(query.Get(place), "Y3Vyc29y="))
	if err != nil {
		number = 1
	}
	size, err := strconv.Atoi(query.Get("per_page"))
	if err != nil || size > 100 {
		f.t.Errorf("per_page %q", query.Get("per_page"))
	}
	size = min(size, f.pageSize)
	from := min((number-1)*size, len(all))
	to := min(from+size, len(all))
	if to < len(all) {
		next := strconv.Itoa(number + 1)
		if f.cursors {
			next = "Y3Vyc29y=" + next
		}
		query.Set(place, next)
		w.Header().Set("Link", fmt.Sprintf(`<https://evil.example.org%s?%s>; rel="next", <https://evil.example.org/last>; rel="last"`, r.URL.Path, query.Encode()))
	}
	answer(w, 200, append([]T{}, all[from:to]...))
}
