package alerttest

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lapsewatch/alerts"
)

// attempt makes one delivery to the service and requires that it fails.
func (s *httpService) attempt(t *testing.T) *alerts.DeliveryError {
	t.Helper()
	trial := trial{suite: s.suite.general(), channel: s.channel(t, slog.New(slog.DiscardHandler)), service: s, log: noLog()}
	_, failure := trial.deliver(t, t.Context(), Message())
	if failure == nil {
		t.Fatal("the attempt counts as delivered")
	}
	return failure
}

func noLog() *strings.Builder { return &strings.Builder{} }

func (h HTTPSuite) statuses(t *testing.T) {
	tests := []struct {
		status    int
		retryable bool
	}{
		{http.StatusBadRequest, false}, {http.StatusUnauthorized, false}, {http.StatusForbidden, false},
		{http.StatusNotFound, false}, {http.StatusGone, false}, {http.StatusRequestEntityTooLarge, false},
		{http.StatusRequestTimeout, true}, {http.StatusTooManyRequests, true}, {http.StatusInternalServerError, true},
		{http.StatusBadGateway, true}, {http.StatusServiceUnavailable, true}, {http.StatusGatewayTimeout, true},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%d %s", test.status, http.StatusText(test.status)), func(t *testing.T) {
			service := h.serve(t)
			service.answerWith(service.refuse(test.status, ""))
			failure := service.attempt(t)
			if failure.Retryable != test.retryable || failure.Status != test.status || failure.RetryAfter != 0 {
				t.Errorf("retryable %t, status %d, retry after %s; want %t, %d, 0s", failure.Retryable, failure.Status, failure.RetryAfter, test.retryable, test.status)
			}
		})
	}
}

func (h HTTPSuite) retryAfter(t *testing.T) {
	tests := []struct {
		name, value string
		want        time.Duration
	}{
		{"whole seconds", "120", 2 * time.Minute},
		{"an HTTP date", time.Now().Add(30 * time.Minute).UTC().Format(http.TimeFormat), 30 * time.Minute},
		{"nothing", "", 0},
		{"a negative number", "-5", 0},
		{"a date in the past", "Mon, 01 Jan 2024 00:00:00 GMT", 0},
		{"thirty years", "1000000000", time.Hour},
		{"more than a number can hold", "99999999999999999999999999", time.Hour},
		{"a date in the year 9999", "Fri, 31 Dec 9999 23:59:59 GMT", time.Hour},
		{"no time at all", "soon", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			service := h.serve(t)
			service.answerWith(service.refuse(http.StatusTooManyRequests, test.value))
			failure := service.attempt(t)
			// A date has whole seconds and was written before the service's own.
			if got := failure.RetryAfter; got > test.want || got < test.want-10*time.Second {
				t.Errorf("retry after %s, want %s", got, test.want)
			}
		})
	}
}

func (h HTTPSuite) redirect(t *testing.T) {
	var followed atomic.Int64
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Add(1) }))
	t.Cleanup(elsewhere.Close)
	for _, status := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			service := h.serve(t)
			service.answerWith(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", elsewhere.URL+r.URL.Path)
				w.WriteHeader(status)
			})
			failure := service.attempt(t)
			if failure.Retryable || failure.Status != status || !strings.Contains(failure.Error(), "redirects are not followed") {
				t.Errorf("want a permanent failure that says why, got %v (retryable %t)", failure, failure.Retryable)
			}
		})
	}
	if got := followed.Load(); got != 0 {
		t.Errorf("%d requests followed the redirect", got)
	}
}

func (h HTTPSuite) bodies(t *testing.T) {
	for _, behaviour := range []Behaviour{Throttles, Fails, Refuses, RefusesCredentials} {
		service := h.serve(t)
		service.Behave(behaviour)
		_ = service.attempt(t)
		if seen, open := service.bodies.seen.Load(), service.bodies.open.Load(); seen < 1 || open != 0 {
			t.Errorf("when the service %s: %d answers, %d bodies left open", behaviour, seen, open)
		}
	}
	service := h.serve(t)
	channel := service.channel(t, slog.New(slog.DiscardHandler))
	message := asToldTo(channel, Message())[0]
	message.Recipient = channel.Recipients()[0]
	if _, err := channel.Deliver(t.Context(), message); err != nil {
		t.Fatal(err)
	}
	if seen, open := service.bodies.seen.Load(), service.bodies.open.Load(); seen < 1 || open != 0 {
		t.Errorf("when the service accepts: %d answers, %d bodies left open", seen, open)
	}
}
