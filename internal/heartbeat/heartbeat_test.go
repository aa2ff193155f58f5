package heartbeat_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/internal/heartbeat"
	"lapsewatch/internal/httpsend"
	"lapsewatch/watch"
)

const secretPath = "/0d5f8e4a-canary"

// service is a dead man's switch that records what it hears.
type service struct {
	*httptest.Server
	log    bytes.Buffer
	mu     sync.Mutex
	heard  []string
	runs   map[string]bool
	answer func(w http.ResponseWriter, pings int)
}

func start(t *testing.T) *service {
	t.Helper()
	s := &service{runs: map[string]bool{}, answer: func(w http.ResponseWriter, _ int) { _, _ = io.WriteString(w, "OK") }}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.heard = append(s.heard, fmt.Sprintf("%s %s %s", r.Method, r.URL.Path, body))
		s.runs[r.URL.Query().Get("rid")] = true
		s.answer(w, len(s.heard))
	}))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func (s *service) pinger(edit func(*heartbeat.Options)) *heartbeat.Pinger {
	options := heartbeat.Defaults()
	options.URLFrom = watch.SecretRef{Env: "HEARTBEAT"}
	if edit != nil {
		edit(&options)
	}
	made := heartbeat.New(options, alerts.Env{
		Now: time.Now, HTTP: s.Client(), Log: slog.New(slog.NewTextHandler(&s.log, nil)), Version: "1.2.3",
		Secrets: func(watch.SecretRef) (watch.Secret, error) { return watch.NewSecret(s.URL + secretPath), nil },
	})
	made.Pause = func(context.Context, time.Duration) {}
	return made
}

func TestTheSwitchHearsOfTheStartAndTheEndOfOneRun(t *testing.T) {
	s := start(t)
	pinger := s.pinger(nil)
	pinger.Start(t.Context())()
	pinger.Success(t.Context(), "told mail: 1 change\n")
	pinger.Fail(t.Context(), "a check could read nothing")
	want := []string{"POST " + secretPath + "/start ", "POST " + secretPath + " told mail: 1 change\n", "POST " + secretPath + "/fail a check could read nothing"}
	if !slices.Equal(s.heard, want) {
		t.Errorf("heard %q\nwant  %q", s.heard, want)
	}
	if len(s.runs) != 1 || s.runs[""] {
		t.Errorf("the run ids are %v, want one for all", s.runs)
	}
	if s.log.Len() > 0 {
		t.Errorf("logged %s", s.log.String())
	}
}

func TestAServiceThatKnowsNoStartIsSpared(t *testing.T) {
	s := start(t)
	s.pinger(func(o *heartbeat.Options) { o.NoStart = true }).Start(t.Context())()
	if len(s.heard) != 0 {
		t.Errorf("heard %q", s.heard)
	}
}

func TestAPingThatFailsIsTriedAgainAndLoggedAndHoldsNothing(t *testing.T) {
	for _, row := range []struct {
		name   string
		answer func(w http.ResponseWriter, pings int)
		pings  int
		log    string
	}{
		{"the third try is heard", func(w http.ResponseWriter, pings int) {
			if pings < 3 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		}, 3, ""},
		{"no try is heard", func(w http.ResponseWriter, _ int) { w.WriteHeader(http.StatusBadGateway) }, 3, "it answered 502 Bad Gateway"},
		{"an unknown switch is not tried again", func(w http.ResponseWriter, _ int) { w.WriteHeader(http.StatusNotFound) }, 1, "it answered 404 Not Found"},
		{"an unknown switch that says OK", func(w http.ResponseWriter, _ int) { _, _ = io.WriteString(w, "OK (not found)") }, 1, `the service answered \"OK (not found)\": the ping was not recorded`},
		{"too many pings", func(w http.ResponseWriter, _ int) { _, _ = io.WriteString(w, "OK (rate limited)\n") }, 1, `the service answered \"OK (rate limited)\": the ping was not recorded`},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := start(t)
			s.answer = row.answer
			s.pinger(nil).Success(t.Context(), "")
			if len(s.heard) != row.pings {
				t.Errorf("%d pings, want %d", len(s.heard), row.pings)
			}
			log := s.log.String()
			if (row.log == "") != (log == "") || !strings.Contains(log, row.log) {
				t.Errorf("logged %s", log)
			}
			if strings.Contains(log, "canary") {
				t.Errorf("the log holds the secret URL: %s", log)
			}
		})
	}
}

func TestARunThatWasStoppedIsHeardOf(t *testing.T) {
	s := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.pinger(nil).Fail(ctx, "interrupted")
	if len(s.heard) != 1 {
		t.Errorf("heard %q", s.heard)
	}
}

func TestALongBodyIsCut(t *testing.T) {
	s := start(t)
	s.pinger(nil).Success(t.Context(), strings.Repeat("ä", 20_000))
	if got := len(s.heard[0]); got > 10_100 {
		t.Errorf("sent %d bytes", got)
	}
}

func TestWithoutASwitchNobodyIsPinged(*testing.T) {
	var none *heartbeat.Pinger
	none.Start(context.Background())()
	none.Success(context.Background(), "")
	none.Fail(context.Background(), "")
}

func TestOptionsAreThoseOfAnEndpoint(t *testing.T) {
	options := heartbeat.Defaults()
	if err := options.Validate(); err == nil || !strings.Contains(err.Error(), "url: want exactly one of url and url_from") {
		t.Errorf("without a URL: %v", err)
	}
	options.Endpoint = httpsend.Endpoint{URL: "https://hc-ping.com/x", Timeout: options.Timeout}
	if err := errors.Join(options.Validate()); err != nil {
		t.Error(err)
	}
}
