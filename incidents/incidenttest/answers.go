package incidenttest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
)

// refuse answers with the status and repeats all that it was sent, as a hostile service may.
func refuse(status int, retryAfter string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // of a client that left, what came
		said := r.URL.RequestURI() + " " + string(body)
		for name, values := range r.Header {
			said += " " + name + ": " + strings.Join(values, " ")
		}
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.Header().Set("X-You-Sent", strings.Join(strings.Fields(said), " "))
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"message":%q,"error":%q,"errors":[%q]}`, said, said, said)
	}
}

// eachFails answers every call alike, and gives each call's failure to the check.
func (s Suite) eachFails(t *testing.T, answer http.HandlerFunc, except []string, check func(t *testing.T, failure *alerts.DeliveryError)) {
	t.Helper()
	o := s.open(t)
	for _, operation := range o.operations(t) {
		excepted := false
		for _, name := range except {
			excepted = excepted || operation.name == name
		}
		if excepted {
			continue
		}
		t.Run(operation.name, func(t *testing.T) {
			o.answerWith(answer)
			defer o.answerWith(nil)
			check(t, o.failure(t, operation.call(t.Context(), o.System(t))))
		})
	}
}

func (s Suite) statuses(t *testing.T) {
	tests := []struct {
		status    int
		retryable bool
	}{
		{http.StatusBadRequest, false}, {http.StatusUnauthorized, false}, {http.StatusForbidden, false},
		{http.StatusNotFound, false}, {http.StatusGone, false}, {http.StatusRequestEntityTooLarge, false},
		{http.StatusUnprocessableEntity, false}, {http.StatusRequestTimeout, true},
		{http.StatusInternalServerError, true}, {http.StatusBadGateway, true},
		{http.StatusServiceUnavailable, true}, {http.StatusGatewayTimeout, true},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%d %s", test.status, http.StatusText(test.status)), func(t *testing.T) {
			var except []string
			if test.status == http.StatusNotFound || test.status == http.StatusGone {
				// There this is no failure, but says that nothing is there.
				except = []string{"read"}
			}
			s.eachFails(t, refuse(test.status, ""), except, func(t *testing.T, failure *alerts.DeliveryError) {
				if failure.Retryable != test.retryable || failure.Status != test.status || failure.RetryAfter != 0 {
					t.Errorf("retryable %t, status %d, retry after %s; want %t, %d, 0s\n%v", failure.Retryable, failure.Status, failure.RetryAfter, test.retryable, test.status, failure)
				}
			})
		})
	}
}

func (s Suite) retryAfter(t *testing.T) {
	tests := []struct {
		name, value string
		want        time.Duration
	}{
		{"whole seconds", "120", 2 * time.Minute},
		{"an HTTP date", time.Now().Add(30 * time.Minute).UTC().Format(http.TimeFormat), 30 * time.Minute},
		{"nothing", "", s.Throttled},
		{"a negative number", "-5", s.Throttled},
		{"a date in the past", "Mon, 01 Jan 2024 00:00:00 GMT", s.Throttled},
		{"thirty years", "1000000000", time.Hour},
		{"more than a number can hold", "99999999999999999999999999", time.Hour},
		{"no time at all", "soon", s.Throttled},
	}
	for _, status := range []int{http.StatusTooManyRequests, enhanceYourCalm} {
		for _, test := range tests {
			t.Run(fmt.Sprintf("%d with %s", status, test.name), func(t *testing.T) {
				s.eachFails(t, refuse(status, test.value), nil, func(t *testing.T, failure *alerts.DeliveryError) {
					// A date has whole seconds and was written before the service's own.
					if got := failure.RetryAfter; got > test.want || got < test.want-patience {
						t.Errorf("retry after %s, want %s", got, test.want)
					}
					if !failure.Retryable || failure.Status != status {
						t.Errorf("retryable %t, status %d; want true, %d", failure.Retryable, failure.Status, status)
					}
				})
			})
		}
	}
}

// enhanceYourCalm is how Statuspage limits its rate.
const enhanceYourCalm = 420

func (s Suite) redirect(t *testing.T) {
	var followed atomic.Int64
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Add(1) }))
	t.Cleanup(elsewhere.Close)
	for _, status := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			answer := func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", elsewhere.URL+r.URL.Path)
				w.WriteHeader(status)
			}
			s.eachFails(t, answer, nil, func(t *testing.T, failure *alerts.DeliveryError) {
				if failure.Retryable || failure.Status != status || !strings.Contains(failure.Error(), "redirects are not followed") {
					t.Errorf("want a permanent failure that says why, got %v (retryable %t)", failure, failure.Retryable)
				}
			})
		})
	}
	if got := followed.Load(); got != 0 {
		t.Errorf("%d requests followed the redirect", got)
	}
}

// unproven: a draft or a note may be proved by the status alone, but a page of the web
// proves nothing.
func (s Suite) unproven(t *testing.T) {
	t.Run("a login page", func(t *testing.T) {
		answer := alerttest.Says(http.StatusOK, "<!DOCTYPE html><html>Sign in \x1b[31m</html>")
		s.eachFails(t, answer, nil, func(t *testing.T, failure *alerts.DeliveryError) {
			if failure.Retryable || strings.Contains(failure.Error(), "\x1b") {
				t.Errorf("want a permanent failure without escapes, got %q (retryable %t)", failure, failure.Retryable)
			}
		})
	})
	for name, answer := range map[string]http.HandlerFunc{
		"broken JSON":         alerttest.Says(http.StatusOK, `{"id":`),
		"half an answer":      alerttest.BreaksOff(`{"id":`),
		"nothing":             alerttest.Says(http.StatusOK, ""),
		"null":                alerttest.Says(http.StatusOK, "null"),
		"an empty object":     alerttest.Says(http.StatusOK, "{}"),
		"a number":            alerttest.Says(http.StatusOK, "42"),
		"an error with a 200": alerttest.Says(http.StatusOK, `{"error":"not today"}`),
	} {
		t.Run(name, func(t *testing.T) {
			s.eachFails(t, answer, nil, func(t *testing.T, failure *alerts.DeliveryError) {
				if !failure.Retryable {
					t.Errorf("the failure is permanent: %v", failure)
				}
			})
		})
	}
}

func (s Suite) blackHole(t *testing.T) {
	over := make(chan struct{})
	defer close(over)
	hang := func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-over:
		}
		// To return would be an answer.
		panic(http.ErrAbortHandler)
	}
	s.leaves(t, hang, 300*time.Millisecond, true)
}

func (s Suite) endless(t *testing.T) {
	babble := func(w http.ResponseWriter, r *http.Request) {
		_, err := io.WriteString(w, "[")
		for filler := strings.Repeat(`"on and on",`, 1<<10); err == nil && r.Context().Err() == nil; {
			_, err = io.WriteString(w, filler)
		}
	}
	s.leaves(t, babble, patience, false)
}

// leaves requires that every call comes back with an error, whatever the service does.
func (s Suite) leaves(t *testing.T, answer http.HandlerFunc, after time.Duration, retryable bool) {
	o := s.open(t)
	for _, operation := range o.operations(t) {
		t.Run(operation.name, func(t *testing.T) {
			o.answerWith(answer)
			defer o.answerWith(nil)
			ctx, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			ended := make(chan error, 1)
			system := o.System(t)
			go func() { ended <- operation.call(ctx, system) }()
			select {
			case err := <-ended:
				if failure := o.failure(t, err); retryable && !failure.Retryable {
					t.Errorf("the failure is permanent: %v", failure)
				}
			case <-time.After(2 * patience):
				t.Fatalf("the call still runs after %s", 2*patience)
			}
		})
	}
}
