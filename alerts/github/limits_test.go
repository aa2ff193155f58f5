package github_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/github"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/watch"
)

// first is the message of the first event.
func first(message alerts.Message) alerts.Message {
	message.Events = message.Events[:1]
	return message
}

// attempt delivers one message to a service that answers so.
func attempt(t *testing.T, handler http.HandlerFunc) (url string, failure *alerts.DeliveryError) {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	env := alerts.Env{
		Name: alerttest.ChannelName, Now: alerttest.Now, Log: slog.New(slog.DiscardHandler), HTTP: server.Client(), Version: "1.2.3",
		Secrets: func(watch.SecretRef) (watch.Secret, error) { return watch.NewSecret("secret-of-TOKEN"), nil },
	}
	channel := build(t, env, func(o *github.Options) { o.URL = server.URL })
	_, err := channel.Deliver(t.Context(), first(alerttest.Message()))
	failure, _ = errors.AsType[*alerts.DeliveryError](err)
	return server.URL, failure
}

func TestARateLimitIsWaitedForAsGitHubAsks(t *testing.T) {
	const date = "Sun, 22 Nov 2026 06:00:00 GMT"
	reset := strconv.FormatInt(alerttest.Now().Add(17*time.Minute).Unix(), 10)
	const secondary = `{"message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}`
	tests := []struct {
		name   string
		status int
		header map[string]string
		body   string
		retry  bool
		after  time.Duration
	}{
		{"a secondary limit that says how long", 403, map[string]string{"Retry-After": "30"}, secondary, true, 30 * time.Second},
		{"the same as 429", 429, map[string]string{"Retry-After": "30"}, secondary, true, 30 * time.Second},
		{"a secondary limit that does not say", 403, nil, secondary, true, time.Minute},
		{"the same as 429", 429, nil, secondary, true, time.Minute},
		{"the hourly limit", 403, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset, "Date": date}, `{"message":"API rate limit exceeded"}`, true, 17 * time.Minute},
		{"the hourly limit as 429", 429, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset, "Date": date}, `{}`, true, 17 * time.Minute},
		{"a reset in a thousand years is capped", 403, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "33000000000"}, "", true, time.Hour},
		{"a reset in the past", 403, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1", "Date": date}, "", true, time.Second},
		{"a reset that is no number", 403, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "soon"}, "", true, time.Minute},
		{"a wait that is no number", 403, map[string]string{"Retry-After": "soon"}, "", true, time.Minute},
		{"a wait beyond all numbers", 403, map[string]string{"Retry-After": "99999999999999999999"}, "", true, time.Minute},
		{"a 403 that is no limit", 403, map[string]string{"X-RateLimit-Remaining": "4999"}, `{"message":"Resource not accessible by integration"}`, false, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, failure := attempt(t, func(w http.ResponseWriter, _ *http.Request) {
				for name, value := range test.header {
					w.Header().Set(name, value)
				}
				refuse(w, test.status, test.body)
			})
			if failure == nil || failure.Retryable != test.retry || failure.RetryAfter != test.after || failure.Status != test.status {
				t.Errorf("failure %+v, want retryable %t after %s", failure, test.retry, test.after)
			}
		})
	}
}

// direct answers without a network, which the time of a bubble cannot wait for.
type direct struct {
	handler http.Handler
	writes  []time.Time
}

func (d *direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet {
		d.writes = append(d.writes, time.Now())
	}
	recorder := httptest.NewRecorder()
	d.handler.ServeHTTP(recorder, r)
	return recorder.Result(), nil
}

func TestBetweenTwoWritesIsTheSecondThatGitHubAsksFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := tickettest.NewClock(alerttest.Now())
		transport := &direct{handler: newFake(t, clock).Handler()}
		env := alerts.Env{
			Name: alerttest.ChannelName, Now: clock.Now, Log: slog.New(slog.DiscardHandler), HTTP: &http.Client{Transport: transport},
			Secrets: func(watch.SecretRef) (watch.Secret, error) { return watch.NewSecret("secret-of-TOKEN"), nil },
			Memory:  alerttest.NewMemory(), Version: "1.2.3",
		}
		channel := build(t, env, func(o *github.Options) { o.Pause = watch.Duration(time.Second) })
		for _, event := range alerttest.Message().Events[:4] {
			message := alerttest.Message()
			message.Events = []watch.Event{event}
			if _, err := channel.Deliver(t.Context(), message); err != nil {
				t.Fatal(err)
			}
		}
		if len(transport.writes) != 4 {
			t.Fatalf("%d writes", len(transport.writes))
		}
		for i, at := range transport.writes[1:] {
			if pause := at.Sub(transport.writes[i]); pause < time.Second {
				t.Errorf("only %s between writes %d and %d", pause, i, i+1)
			}
		}
	})
}

func TestAPauseThatTheAttemptHasNoTimeForIsLeftToTheNext(t *testing.T) {
	office := tickettest.Open(t, newFake(t, tickettest.NewClock(alerttest.Now())), tickettest.NewClock(alerttest.Now()))
	channel := build(t, office.Env(), func(o *github.Options) { o.URL, o.Pause = office.URL, watch.Duration(time.Minute) })
	if _, err := channel.Deliver(t.Context(), office.Message(1, watch.Opened, "a.example.com:443", watch.Warning, 21)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, err := channel.Deliver(ctx, office.Message(2, watch.Opened, "b.example.com:443", watch.Warning, 21))
	failure, ok := errors.AsType[*alerts.DeliveryError](err)
	if !ok || !failure.Retryable || !strings.Contains(failure.Error(), "wait before the next write") {
		t.Errorf("error %v", err)
	}
}

func TestALabelThatGitHubLeavesOutIsSaidInTheLog(t *testing.T) {
	clock := tickettest.NewClock(alerttest.Now())
	f := newFake(t, clock)
	f.dropLabels = true
	office := tickettest.Open(t, f, clock)
	log := &bytes.Buffer{}
	env := office.Env()
	env.Log = slog.New(slog.NewTextHandler(log, nil))
	channel := f.New(t, env, office.URL)
	if _, err := channel.Deliver(t.Context(), first(alerttest.Message())); err != nil {
		t.Fatal(err)
	}
	if want := "GitHub left out the label by which the issue is found again: the token's owner needs the right to triage"; !strings.Contains(log.String(), want) {
		t.Errorf("log %s", log)
	}
}

func TestAnIssueThatMovedToAnotherRepositoryIsMadeAnew(t *testing.T) {
	clock := tickettest.NewClock(alerttest.Now())
	f := newFake(t, clock)
	office := tickettest.Open(t, f, clock)
	office.Tell(t, office.Message(1, watch.Opened, "a.example.com:443", watch.Warning, 21))
	f.issues[0].gone = true
	moved := &movedDesk{fake: f}
	office.Desk = moved
	clock.Advance(time.Hour)
	office.Tell(t, office.Message(2, watch.Reminder, "a.example.com:443", watch.Warning, 21))
	if records := office.Records(); len(records) != 1 || records[0].Name != "#2" {
		t.Errorf("records %+v", records)
	}
}

// movedDesk answers for the first issue as GitHub does once it was transferred.
type movedDesk struct{ *fake }

func (m *movedDesk) Handler() http.Handler {
	next := m.fake.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/issues/1") {
			w.Header().Set("Location", "https://evil.example.org/repositories/2/issues/9")
			refuse(w, http.StatusMovedPermanently, `{"message":"Moved Permanently"}`)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func TestA9_AnIssueStaysWithinGitHubsLimits(t *testing.T) {
	for _, kind := range []watch.EventType{watch.Opened, watch.Worsened, watch.Resolved} {
		clock := tickettest.NewClock(alerttest.Now())
		office := tickettest.Open(t, newFake(t, clock), clock)
		office.Tell(t, tickettest.Longest(kind))
		for _, record := range office.Records() {
			if got := utf8.RuneCountInString(record.Title); got > 256 || !strings.HasSuffix(record.Title, " expires 2026-12-13") {
				t.Errorf("a title of %d characters: %s", got, record.Title)
			}
		}
	}
}

func TestAPullRequestWithOurMarkerIsNoTicket(t *testing.T) {
	clock := tickettest.NewClock(alerttest.Now())
	f := newFake(t, clock)
	office := tickettest.Open(t, f, clock)
	office.Tell(t, office.Message(1, watch.Opened, "a.example.com:443", watch.Warning, 21))
	f.issues[0].Pull = &map[string]any{"url": "https://api.github.com/repos/acme/infra/pulls/1"}
	clock.Advance(time.Hour)
	office.Tell(t, office.Message(2, watch.Worsened, "a.example.com:443", watch.Critical, 20))
	if records := office.Records(); len(records) != 1 || records[0].Name != "#2" {
		t.Errorf("records %+v", records)
	}
}

func TestAPageOfLongIssuesIsRead(t *testing.T) {
	clock := tickettest.NewClock(alerttest.Now())
	f := newFake(t, clock)
	office := tickettest.Open(t, f, clock)
	for range 6 {
		f.add("a long one", strings.Repeat("word ", 12000), []string{"lapsewatch"})
	}
	office.Tell(t, office.Message(1, watch.Opened, "a.example.com:443", watch.Warning, 21))
	office.Forget()
	clock.Advance(time.Hour)
	office.Tell(t, office.Message(2, watch.Worsened, "a.example.com:443", watch.Critical, 20))
	if got := len(office.Records()); got != 7 {
		t.Errorf("%d issues", got)
	}
}

func TestAnAnswerThatDoesNotProveTheStepIsAFailure(t *testing.T) {
	tests := []struct {
		name, path, answer string
		kind               watch.EventType
		want               string
	}{
		{"a comment without an id", "/comments", `{"body":"x"}`, watch.Worsened, "deliver by operations: POST /repos/acme/infra/issues/1/comments: it answered 200, but without the id of a comment"},
		{"an issue that stays open", "/issues/1", `{"number":1,"state":"open"}`, watch.Resolved, "deliver by operations: PATCH /repos/acme/infra/issues/1: it answered 200, but the issue is not closed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			clock := tickettest.NewClock(alerttest.Now())
			office := tickettest.Open(t, newFake(t, clock), clock)
			office.Tell(t, office.Message(1, watch.Opened, "a.example.com:443", watch.Warning, 21))
			office.Desk = &lying{fake: office.Desk.(*fake), path: test.path, answer: test.answer}
			_, err := office.Try(t, office.Message(2, test.kind, "a.example.com:443", watch.Critical, 20))
			if err == nil || err.Error() != test.want {
				t.Errorf("error %v\nwant  %s", err, test.want)
			}
		})
	}
}

// lying answers writes to a path with a success of its own.
type lying struct {
	*fake
	path, answer string
}

func (l *lying) Handler() http.Handler {
	next := l.fake.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && strings.HasSuffix(r.URL.Path, l.path) {
			refuse(w, http.StatusOK, l.answer)
			return
		}
		next.ServeHTTP(w, r)
	})
}
