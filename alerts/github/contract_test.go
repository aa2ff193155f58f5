package github_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/github"
)

var markPattern = regexp.MustCompile(`<!-- lapsewatch-message:([0-9a-z-]+) -->`)

// forgetful takes every issue, and has lost it by the next request, so that each
// delivery of the suite makes one. What becomes of issues that stay has tests of its own.
func forgetful(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodPost:
		refuse(w, http.StatusCreated, `{"number":7,"state":"open","labels":[{"name":"lapsewatch"}]}`)
	case strings.HasSuffix(r.URL.Path, "/issues"):
		refuse(w, http.StatusOK, "[]")
	default:
		refuse(w, http.StatusNotFound, `{"message":"Not Found"}`)
	}
}

func TestTheGitHubChannelKeepsTheContract(t *testing.T) {
	alerttest.RunHTTP(t, alerttest.HTTPSuite{
		New: func(t *testing.T, env alerts.Env, url string) alerts.Channel {
			return build(t, env, func(o *github.Options) { o.URL = url })
		},
		Values: map[string]string{"TOKEN": "github_pat_canary_91be"},
		Accept: forgetful,
		Ignore: func(r *http.Request) bool { return r.Method == http.MethodGet },
		ID: func(_ *http.Request, body []byte) string {
			if found := markPattern.FindSubmatch(unescaped(body)); found != nil {
				return string(found[1])
			}
			return ""
		},
		Texts: func(t *testing.T, attempt alerttest.Attempt) []string {
			var sent struct{ Title, Body string }
			if err := json.Unmarshal(attempt.Content, &sent); err != nil {
				t.Fatal(err)
			}
			return append(shown(t, sent.Body), shown(t, sent.Title)...)
		},
		Forbidden: []string{"javascript:", "<script", "<img", "<iframe", "@everyone", "@org/team", "](http", "http://", "https://evil", "#1", "<a "},
	})
}

// unescaped undoes the escapes with which JSON writes < and >.
func unescaped(body []byte) []byte {
	return []byte(strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(body)))
}

func TestWhatLooksLikeASuccessAndIsNone(t *testing.T) {
	tests := []struct {
		name, answer string
		retry        bool
		want         string
	}{
		{"a login page", "<!DOCTYPE html><title>Sign in</title>", false, "deliver by operations: POST /repos/acme/infra/issues: it answered 201, but with a web page instead of JSON: a login page, a proxy, or something else stands at this URL"},
		{"an answer without a number", `{"message":"ok"}`, true, "deliver by operations: POST /repos/acme/infra/issues: it answered 200, but without the number of an issue"},
		{"an answer that breaks off", `{"number":`, true, "deliver by operations: POST /repos/acme/infra/issues: it answered 201, but not with the JSON of its API: unexpected end of JSON input"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, failure := attempt(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					refuse(w, http.StatusCreated, test.answer)
					return
				}
				forgetful(w, r)
			})
			if failure == nil || failure.Error() != test.want || failure.Retryable != test.retry {
				t.Errorf("error %v\nwant  %s (retryable %t)", failure, test.want, test.retry)
			}
		})
	}
}

func TestARefusalIsToldInGitHubsWordsWithWhatToDo(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"a dead token", 401, `{"message":"Bad credentials","documentation_url":"https://docs.github.com/rest","status":"401"}`, "it answered 401 Unauthorized: Bad credentials: the token is wrong, expired or revoked: make a new one"},
		{"a token without the right", 403, `{"message":"Resource not accessible by personal access token","documentation_url":"https://docs.github.com/rest"}`, "it answered 403 Forbidden: Resource not accessible by personal access token: the token may not do this: it needs to read and write issues of this repository, and the approval of its organization"},
		{"a repository that the token does not see", 404, `{"message":"Not Found","documentation_url":"https://docs.github.com/rest","status":"404"}`, "it answered 404 Not Found: Not Found: no such repository, or the token may not see it: look at repository and at the token's repositories"},
		{"issues that are switched off", 410, `{"message":"Issues has been disabled in this repository."}`, "it answered 410 Gone: Issues has been disabled in this repository: the repository has its issues switched off: switch them on in its settings"},
		{"an assignee without access", 422, `{"message":"Validation Failed","errors":[{"value":"x","resource":"Issue","field":"assignees","code":"invalid"}]}`, "it answered 422 Unprocessable Entity: Validation Failed; assignees invalid: look at labels and assignees: each assignee must have access to the repository"},
		{"a repository that was renamed", 301, `{"message":"Moved Permanently","url":"https://api.github.com/repositories/1"}`, "it answered 301 Moved Permanently to another path: redirects are not followed: the repository was renamed or moved: give its new name"},
		{"words in no form of GitHub's", 500, "Unicorn!", `it answered 500 Internal Server Error: "Unicorn!"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			url, failure := attempt(t, func(w http.ResponseWriter, _ *http.Request) { refuse(w, test.status, test.body) })
			if want := fmt.Sprintf("deliver by operations: ask %s: %s", url, test.want); failure == nil || failure.Error() != want {
				t.Errorf("error %v\nwant  %s", failure, want)
			}
		})
	}
}
