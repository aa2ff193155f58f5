package alertmanager_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alertmanager"
	"lapsewatch/alerts/alerttest"
)

func answerWith(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if status == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", "90")
		}
		w.WriteHeader(status)
	}
}

func TestAMessageIsDeliveredOnlyOnceEveryReplicaHasIt(t *testing.T) {
	tests := []struct {
		name       string
		a, b       http.HandlerFunc
		want       string
		retryable  bool
		retryAfter time.Duration
		status     int
	}{
		{"one of two is down", take, answerWith(503), "deliver by operations: 1 of 2 replicas took it (A): post to https://B: it answered 503 Service Unavailable", true, 0, 503},
		{"one of two has gone for good", answerWith(404), take, "deliver by operations: 1 of 2 replicas took it (B): post to https://A: it answered 404 Not Found", false, 0, 404},
		{"one has gone for good and one is down", answerWith(404), answerWith(429), "deliver by operations: post to https://A: it answered 404 Not Found; post to https://B: it answered 429 Too Many Requests", true, 90 * time.Second, 404},
		{"both have gone for good", answerWith(404), answerWith(401), "deliver by operations: post to https://A: it answered 404 Not Found; post to https://B: it answered 401 Unauthorized", false, 0, 404},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a, b := newServer(t, test.a), newServer(t, test.b)
			channel := build(t, env(a.Client()), func(o *alertmanager.Options) { o.URLs = []string{a.URL, b.URL} })
			_, err := channel.Deliver(t.Context(), alerttest.Message())
			failure, ok := errors.AsType[*alerts.DeliveryError](err)
			if !ok {
				t.Fatalf("error %v", err)
			}
			if got := strings.NewReplacer(a.host(), "A", b.host(), "B").Replace(failure.Error()); got != test.want {
				t.Errorf("error %s\nwant  %s", got, test.want)
			}
			if failure.Retryable != test.retryable || failure.RetryAfter != test.retryAfter || failure.Status != test.status {
				t.Errorf("retryable %t after %s, status %d", failure.Retryable, failure.RetryAfter, failure.Status)
			}
			if len(a.bodies) != 1 || len(b.bodies) != 1 {
				t.Errorf("%d and %d posts", len(a.bodies), len(b.bodies))
			}
		})
	}
}

func TestTheReceiptNamesEveryReplica(t *testing.T) {
	a, b := newServer(t, take), newServer(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })
	channel := build(t, env(a.Client()), func(o *alertmanager.Options) { o.URLs = []string{a.URL, b.URL} })
	receipt, err := channel.Deliver(t.Context(), alerttest.Message())
	if want := "HTTP 200 from " + a.host() + ", HTTP 202 from " + b.host() + ": 4 open, 2 resolved"; err != nil || receipt.Proof != want {
		t.Errorf("proof %q, error %v\nwant  %s", receipt.Proof, err, want)
	}
}

func TestARefusalSaysWhatAlertmanagerSaid(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`"invalid label set"`))
	})
	channel := build(t, env(s.Client()), func(o *alertmanager.Options) { o.URLs = []string{s.URL} })
	_, err := channel.Deliver(t.Context(), alerttest.Message())
	if want := "deliver by operations: post to " + s.URL + `: it answered 400 Bad Request: "\"invalid label set\""`; err == nil || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
}

func TestTheRequestIsAuthorisedWithWhatTheSecretHoldsNow(t *testing.T) {
	s := newServer(t, take)
	channel := build(t, env(s.Client()), func(o *alertmanager.Options) {
		o.URLs, o.Username, o.Password.Env = []string{s.URL}, "lapsewatch", "ROTATED"
	})
	_, err := channel.Deliver(t.Context(), alerttest.Message())
	failure, _ := errors.AsType[*alerts.DeliveryError](err)
	if want := "deliver by operations: read password: read secret from environment variable ROTATED: it is not set"; failure == nil || failure.Error() != want || failure.Retryable {
		t.Errorf("error %v\nwant  %s", err, want)
	}
	keep(t, "ROTATED", "canary:pässword")
	if _, err := channel.Deliver(t.Context(), alerttest.Message()); err != nil {
		t.Fatal(err)
	}
	request := http.Request{Header: s.header}
	if user, password, ok := request.BasicAuth(); !ok || user != "lapsewatch" || password != "canary:pässword" {
		t.Errorf("user %q, password %q", user, password)
	}
}

func TestALoginThatTheServerRepeatsStandsInNoError(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte("no entry with " + r.Header.Get("Authorization")))
	})
	keep(t, "ROTATED", "canary:pässword")
	channel := build(t, env(s.Client()), func(o *alertmanager.Options) {
		o.URLs, o.Username, o.Password.Env = []string{s.URL}, "lapsewatch", "ROTATED"
	})
	_, err := channel.Deliver(t.Context(), alerttest.Message())
	if want := "deliver by operations: post to " + s.URL + `: it answered 403 Forbidden: "no entry with Basic <redacted>"`; err == nil || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
}
