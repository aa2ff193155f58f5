package jira_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/jira"
	"lapsewatch/watch"
)

var deployments = map[string]bool{"cloud": true, "data-center": false}

// forgetful takes every issue, and has lost it by the next request, so that each
// delivery of the suite makes one. What becomes of issues that stay has tests of its own.
func forgetful(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.Contains(r.URL.Path, "/search"):
		refuse(w, http.StatusOK, `{"issues":[],"isLast":true,"total":0}`)
	case r.Method == http.MethodPost:
		refuse(w, http.StatusCreated, `{"id":"10001","key":"OPS-1","self":"https://example.atlassian.net/rest/api/3/issue/10001"}`)
	default:
		refuse(w, http.StatusNotFound, `{"errorMessages":["Issue does not exist or you do not have permission to see it."],"errors":{}}`)
	}
}

var messageMark = regexp.MustCompile(`Message ([0-9a-z-]+)`)

func TestTheJiraChannelKeepsTheContract(t *testing.T) {
	for name, cloud := range deployments {
		t.Run(name, func(t *testing.T) {
			alerttest.RunHTTP(t, alerttest.HTTPSuite{
				New: func(t *testing.T, env alerts.Env, url string) alerts.Channel {
					return build(t, env, cloud, func(o *jira.Options) { o.URL = url })
				},
				Values: map[string]string{"TOKEN": "ATATT3x-canary-77aa"},
				Accept: forgetful,
				Ignore: func(r *http.Request) bool {
					return r.Method == http.MethodGet || strings.Contains(r.URL.Path, "/search")
				},
				ID: func(_ *http.Request, body []byte) string {
					if found := messageMark.FindSubmatch(body); found != nil {
						return string(found[1])
					}
					return ""
				},
				Texts: func(t *testing.T, attempt alerttest.Attempt) []string {
					var sent struct {
						Fields struct {
							Summary     string
							Description json.RawMessage
						}
					}
					if err := json.Unmarshal(attempt.Content, &sent); err != nil {
						t.Fatal(err)
					}
					if cloud {
						// A text node shows what it holds, whatever that is.
						return []string{sent.Fields.Summary, readable(sent.Fields.Description)}
					}
					return []string{sent.Fields.Summary, wikiShown(t, readable(sent.Fields.Description))}
				},
				Forbidden: []string{"javascript:"},
			})
		})
	}
}

// attempt delivers one message to a service that answers so.
func attempt(t *testing.T, cloud bool, handler http.HandlerFunc) (url string, failure *alerts.DeliveryError) {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	env := alerts.Env{
		Name: alerttest.ChannelName, Now: alerttest.Now, Log: slog.New(slog.DiscardHandler), HTTP: server.Client(), Version: "1.2.3",
		Secrets: func(watch.SecretRef) (watch.Secret, error) { return watch.NewSecret("secret-of-TOKEN"), nil },
	}
	channel := build(t, env, cloud, func(o *jira.Options) { o.URL = server.URL })
	message := alerttest.Message()
	message.Events = message.Events[:1]
	_, err := channel.Deliver(t.Context(), message)
	failure, _ = errors.AsType[*alerts.DeliveryError](err)
	return server.URL, failure
}

func TestWhatLooksLikeASuccessAndIsNone(t *testing.T) {
	const created = "deliver by operations: POST /rest/api/3/issue: "
	tests := []struct {
		name, header, answer string
		retry                bool
		want                 string
	}{
		{"a login page", "", "\n\n<!DOCTYPE html><title>Log in</title>", false, created + "it answered 201, but with a web page instead of JSON: a login page, a proxy, or something else stands at this URL"},
		{"an answer without a key", "", `{"id":"10001"}`, true, created + "it answered 200, but without the key of an issue"},
		{"an answer to nobody, because the token has expired", "AUTHENTICATED_FAILED", `{"id":"10001","key":"OPS-1"}`, false, created + "it answered 201, but as to nobody (X-Seraph-LoginReason: AUTHENTICATED_FAILED): the token is wrong, expired or revoked: make a new one"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, failure := attempt(t, true, func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/issue") {
					w.Header().Set("X-Seraph-LoginReason", test.header)
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

// A list that is empty because nobody signed in must not count as "nothing open".
func TestAnEmptyListForNobodyIsNoAnswer(t *testing.T) {
	tests := []struct {
		name, header, value, want string
		cloud                     bool
	}{
		{"in the cloud", "X-Seraph-LoginReason", "AUTHENTICATED_FAILED", "deliver by operations: POST /rest/api/3/search/jql: it answered 200, but as to nobody (X-Seraph-LoginReason: AUTHENTICATED_FAILED): the token is wrong, expired or revoked: make a new one", true},
		{"in a data center", "X-AUSERNAME", "anonymous", "deliver by operations: POST /rest/api/2/search: it answered 200, but as to nobody (X-AUSERNAME: anonymous): the token is wrong, expired or revoked: make a new one", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, failure := attempt(t, test.cloud, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set(test.header, test.value)
				forgetful(w, r)
			})
			if failure == nil || failure.Error() != test.want || failure.Retryable {
				t.Errorf("error %v\nwant  %s", failure, test.want)
			}
		})
	}
}

func TestARefusalIsToldInJirasWordsWithWhatToDo(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"a field that the project demands", 400, `{"errorMessages":[],"errors":{"priority":"Priority is required.","components":"Component/s is required."}}`, "it answered 400 Bad Request: components: Component/s is required.; priority: Priority is required."},
		{"a project that is not there", 400, `{"errorMessages":["The value 'OPS' does not exist for the field 'project'."],"errors":{}}`, "it answered 400 Bad Request: The value 'OPS' does not exist for the field 'project'."},
		{"a dead token", 401, `{"message":"Client must be authenticated to access this resource.","status-code":401}`, "it answered 401 Unauthorized: Client must be authenticated to access this resource.: the token is wrong, expired or revoked, or not that of this account: make a new one"},
		{"an account that may not", 403, `{"errorMessages":["You do not have permission to create issues in this project."]}`, "it answered 403 Forbidden: You do not have permission to create issues in this project.: the account may not do this in the project, or has to answer a CAPTCHA: sign in with it once in a browser"},
		{"a path that is not there", 404, "<html>dead link</html>", `it answered 404 Not Found: "<html>dead link</html>": look at url (with the context path of a server), at deployment, and at what the account may see`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			url, failure := attempt(t, true, func(w http.ResponseWriter, _ *http.Request) { refuse(w, test.status, test.body) })
			if want := fmt.Sprintf("deliver by operations: post to %s: %s", url, test.want); failure == nil || failure.Error() != want {
				t.Errorf("error %v\nwant  %s", failure, want)
			}
		})
	}
}

func TestACommentWithoutAnIDIsAFailure(t *testing.T) {
	f, office := open(t, func(*jira.Options) {})
	office.Tell(t, office.Message(1, watch.Opened, shop, watch.Warning, 21))
	office.Desk = &lying{f}
	_, err := office.Try(t, office.Message(2, watch.Worsened, shop, watch.Critical, 20))
	if want := "deliver by operations: POST /rest/api/3/issue/10001/comment: it answered 200, but without the id of a comment"; err == nil || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
}

// lying takes no comment and says that it does.
type lying struct{ *fake }

func (l *lying) Handler() http.Handler {
	next := l.fake.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/comment") {
			refuse(w, http.StatusOK, "{}")
			return
		}
		next.ServeHTTP(w, r)
	})
}
