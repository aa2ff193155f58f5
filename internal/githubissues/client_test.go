package githubissues_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/internal/githubissues"
	"lapsewatch/internal/httpsend"
	"lapsewatch/internal/ticket"
	"lapsewatch/watch"
)

// client asks a server that answers as told.
func client(t *testing.T, answer http.HandlerFunc) (*githubissues.Client, func() []string) {
	t.Helper()
	var asked []string
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.RequestURI())
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	env := alerts.Env{
		Name: "log", Now: alerttest.Now, HTTP: server.Client(),
		Secrets: func(watch.SecretRef) (watch.Secret, error) { return watch.NewSecret("canary-of-TOKEN"), nil },
	}
	access := githubissues.Access{
		Endpoint: httpsend.Endpoint{URL: server.URL, Timeout: httpsend.DefaultTimeout}, Repository: "acme/status",
		Token: watch.SecretRef{Env: "TOKEN"}, Pause: 1,
	}
	if err := access.Validate(); err != nil {
		t.Fatal(err)
	}
	return githubissues.New(env, access, map[int]string{http.StatusUnprocessableEntity: "look at labels"}), func() []string { return asked }
}

func requireFailure(t *testing.T, err error, want alerts.DeliveryError, text string) {
	t.Helper()
	failure, ok := errors.AsType[*alerts.DeliveryError](err)
	if !ok || failure.Status != want.Status || failure.Retryable != want.Retryable || failure.RetryAfter != want.RetryAfter || !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "canary") {
		t.Errorf("error %v (%+v)\nwant %s, status %d, retryable %t after %s", err, failure, text, want.Status, want.Retryable, want.RetryAfter)
	}
}

func TestARepositoryIsPrivateOnlyWhereGitHubSaysSo(t *testing.T) {
	for body, want := range map[string]string{
		`{"private":true}`: "true", `{"private":false}`: "false",
		`{}`: "without saying whether the repository is private", `{"private":null}`: "without saying whether the repository is private",
	} {
		c, asked := client(t, alerttest.Says(http.StatusOK, body))
		private, err := c.Private(t.Context())
		if got := fmt.Sprint(private); err == nil && got != want || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %t, error %v, want %s", body, private, err, want)
		}
		if got := asked(); !slices.Equal(got, []string{"GET /repos/acme/status"}) {
			t.Errorf("asked %q", got)
		}
	}
}

func TestAnAccountHasAnID(t *testing.T) {
	c, asked := client(t, alerttest.Says(http.StatusOK, `{"id":7,"type":"User","login":"lapsewatch"}`))
	if account, err := c.Account(t.Context()); err != nil || account.ID != 7 || account.Bot() {
		t.Errorf("account %+v, error %v", account, err)
	}
	if got := asked(); !slices.Equal(got, []string{"GET /user"}) {
		t.Errorf("asked %q", got)
	}
	c, _ = client(t, alerttest.Says(http.StatusOK, `{"login":"lapsewatch"}`))
	_, err := c.Account(t.Context())
	requireFailure(t, err, alerts.DeliveryError{Status: http.StatusOK, Retryable: true}, "without the id of an account")
}

func TestEveryPageIsReadFromTheSameHost(t *testing.T) {
	c, asked := client(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("page") + r.URL.Query().Get("after") {
		case "":
			w.Header().Set("Link", `<https://evil.example.org/x?page=2&token=x>; rel="next", <https://evil.example.org/>; rel="last"`)
			_, _ = w.Write([]byte(`[{"number":1}]`))
		case "2":
			w.Header().Set("Link", `<https://evil.example.org/x?after=c3>; rel="next"`)
			_, _ = w.Write([]byte(`[{"number":2}]`))
		default:
			_, _ = w.Write([]byte(`[{"number":3}]`))
		}
	})
	var numbers []int
	visit := func(issue githubissues.Issue) bool {
		numbers = append(numbers, issue.Number)
		return false
	}
	if err := githubissues.EveryPage(t.Context(), c, c.Path(""), url.Values{"state": {"open"}}, visit); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"GET /repos/acme/status/issues?per_page=100&state=open", "GET /repos/acme/status/issues?page=2&per_page=100&state=open",
		"GET /repos/acme/status/issues?after=c3&per_page=100&state=open",
	}
	if got := asked(); !slices.Equal(got, want) || !slices.Equal(numbers, []int{1, 2, 3}) {
		t.Errorf("read %v, asked %q", numbers, got)
	}
}

func TestAListThatNeverEndsIsLeft(t *testing.T) {
	c, asked := client(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", `<https://api.example.org/x?page=2>; rel="next"`)
		_, _ = w.Write([]byte(`[{"number":1}]`))
	})
	err := githubissues.EveryPage(t.Context(), c, c.Path(""), url.Values{}, func(githubissues.Issue) bool { return false })
	requireFailure(t, err, alerts.DeliveryError{}, "it has more than 5000 entries: close what is done, or use a label of its own")
	if count := len(asked()); count != 50 {
		t.Errorf("%d requests", count)
	}
}

func TestPagesThatAreTooLongAreAskedForAgainAndShorter(t *testing.T) {
	c, asked := client(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("per_page") != "4" {
			_, _ = w.Write([]byte(`[{"body":"` + strings.Repeat("x", 16<<20) + `"}]`))
			return
		}
		_, _ = w.Write([]byte(`[{"number":1}]`))
	})
	count := 0
	err := githubissues.EveryPage(t.Context(), c, c.Path(""), url.Values{}, func(githubissues.Issue) bool { count++; return false })
	if err != nil || count != 1 || len(asked()) != 3 {
		t.Errorf("error %v, %d issues, asked %q", err, count, asked())
	}
}

func TestAnAnswerThatIsNoListIsAFailure(t *testing.T) {
	for _, body := range []string{"null", "{}", "<html>Sign in</html>", `[{"number":`} {
		c, _ := client(t, alerttest.Says(http.StatusOK, body))
		if err := githubissues.EveryPage(t.Context(), c, c.Path(""), url.Values{}, func(githubissues.Issue) bool { return false }); err == nil {
			t.Errorf("%s is a list", body)
		}
	}
}

func TestLimitsAreWaitedForAsGitHubAsks(t *testing.T) {
	tests := []struct {
		name   string
		status int
		header map[string]string
		body   string
		want   time.Duration
	}{
		{"a 403 that says how long", 403, map[string]string{"Retry-After": "90"}, `{"message":"You have exceeded a secondary rate limit."}`, 90 * time.Second},
		{"a 403 whose wait is no number", 403, map[string]string{"Retry-After": "soon"}, `{}`, time.Minute},
		{"a 429 that says how long", 429, map[string]string{"Retry-After": "90"}, `{}`, 90 * time.Second},
		{"a limit that is reset", 403, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": fmt.Sprint(alerttest.Now().Add(5 * time.Minute).Unix()), "Date": alerttest.Now().Format(http.TimeFormat)}, `{}`, 5 * time.Minute},
		{"a limit whose reset is no number", 429, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "x"}, `{}`, time.Minute},
		{"a limit that only words tell", 403, nil, `{"message":"You have exceeded a secondary rate limit."}`, time.Minute},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, _ := client(t, func(w http.ResponseWriter, r *http.Request) {
				for name, value := range test.header {
					w.Header().Set(name, value)
				}
				alerttest.Says(test.status, test.body)(w, r)
			})
			_, err := c.Private(t.Context())
			requireFailure(t, err, alerts.DeliveryError{Status: test.status, Retryable: true, RetryAfter: test.want}, "")
		})
	}
}

func TestARefusalIsToldWithWhatToDo(t *testing.T) {
	tests := []struct {
		status int
		body   string
		want   string
	}{
		{401, `{"message":"Bad credentials."}`, "Bad credentials: the token is wrong, expired or revoked: make a new one"},
		{403, `{"message":"Resource not accessible by personal access token"}`, "the token may not do this: it needs to read and write issues of this repository"},
		{410, `{"message":"Issues are disabled for this repo"}`, "switch them on in its settings"},
		{422, `{"message":"Validation Failed","errors":[{"field":"title","code":"custom","message":"is too long"}]}`, "Validation Failed; title custom is too long: look at labels"},
	}
	for _, test := range tests {
		c, _ := client(t, alerttest.Says(test.status, test.body))
		_, err := c.Write(t.Context(), ticket.Call{Method: http.MethodPost, Path: c.Path(""), Send: map[string]string{"title": "x"}, Receive: &githubissues.Issue{}})
		requireFailure(t, err, alerts.DeliveryError{Status: test.status}, test.want)
		if githubissues.Missing(err) != (test.status == http.StatusGone) {
			t.Errorf("%d: missing %t", test.status, githubissues.Missing(err))
		}
	}
}

func TestAnIssueThatWasMovedIsMissing(t *testing.T) {
	c, _ := client(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "https://evil.example.org/")
		w.WriteHeader(http.StatusMovedPermanently)
	})
	err := c.Read(t.Context(), c.Path("/1"), &githubissues.Issue{})
	requireFailure(t, err, alerts.DeliveryError{Status: http.StatusMovedPermanently}, "the repository was renamed or moved: give its new name")
	if !githubissues.Missing(err) {
		t.Error("it is not missing")
	}
}

func TestWrongAccessIsNamedWithItsPlaces(t *testing.T) {
	err := errors.Join(
		githubissues.Access{Repository: "acme/..", Endpoint: httpsend.Endpoint{Timeout: httpsend.DefaultTimeout}}.Validate(),
		githubissues.ValidateLabels(nil), githubissues.ValidateLabels([]string{"a,b"}),
	)
	for _, want := range []string{"repository: want owner/name", "token: ", "pause: want more than 0 and at most 1m", "labels: want at least one", "labels[0]: want 1 to 50 visible characters and no comma"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

func TestAnIssueKnowsItsLabelsInAnyCase(t *testing.T) {
	issue := githubissues.Issue{State: "open", Labels: []githubissues.Label{{Name: "Incident"}}}
	if !issue.Open() || !issue.Labelled("incident") || issue.Labelled("other") {
		t.Errorf("%+v", issue)
	}
}
