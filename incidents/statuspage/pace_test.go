package statuspage_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/incidents"
	"lapsewatch/incidents/statuspage"
	"lapsewatch/internal/fakestatuspage"
	"lapsewatch/watch"
)

// environment asks the page without a network, which no test of time may have.
func environment(page *fakestatuspage.Page) incidents.Env {
	answer := func(request *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		page.ServeHTTP(w, request)
		return w.Result(), nil
	}
	return incidents.Env{Source: "example", Env: alerts.Env{
		Name: "status-page", Now: time.Now, Log: slog.New(slog.DiscardHandler), Version: "1.2.3",
		HTTP: &http.Client{Transport: alerttest.RoundTrip(answer)},
		Secrets: func(watch.SecretRef) (watch.Secret, error) {
			return watch.NewSecret("canary-of-" + token), nil
		},
	}}
}

func stubNumber(n int) incidents.Stub {
	at := time.Now()
	key := watch.NewIncidentKey("example", fmt.Sprint("finding ", n), at).String()
	return incidents.Stub{
		Key: key, Mark: key, Phase: watch.Investigating, Title: fmt.Sprint("Finding ", n), Text: "We are looking into it.", StartedAt: at, At: at,
	}
}

func TestF5_FiveHundredStubsTakeNoMoreThanOneRequestASecond(t *testing.T) {
	const stubs = 500
	synctest.Test(t, func(t *testing.T) {
		page := &fakestatuspage.Page{ID: "kctbh9vrtdwd", Token: "canary-of-" + token, Now: time.Now, Limited: true}
		system := build(t, environment(page), "https://api.example", statuspage.Pace)
		for n := range stubs {
			if _, err := system.Create(t.Context(), stubNumber(n)); err != nil {
				t.Fatal(err)
			}
		}
		all, err := system.List(t.Context(), time.Now())
		if err != nil || len(all) != stubs {
			t.Fatalf("%d stubs are listed, error %v; want %d", len(all), err, stubs)
		}
		asked, refused := page.Asked()
		if refused != 0 {
			t.Errorf("%d requests were refused for their rate", refused)
		}
		for first, from := range asked {
			within := 0
			for _, at := range asked[first:] {
				if at.Sub(from) < time.Minute {
					within++
				}
			}
			if within > 60 {
				t.Fatalf("%d requests within the minute from %s", within, from)
			}
		}
	})
}

func TestACallWhoseTurnComesTooLateSaysSoAtOnce(t *testing.T) {
	page := &fakestatuspage.Page{ID: "kctbh9vrtdwd", Token: "canary-of-" + token, Now: time.Now}
	system := build(t, environment(page), "https://api.example", time.Hour)
	if _, err := system.Create(t.Context(), stubNumber(1)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := system.Create(ctx, stubNumber(2))
	failure, ok := errors.AsType[*alerts.DeliveryError](err)
	const want = "deliver by status-page: wait for the turn of one request a second: rate: Wait(n=1) would exceed context deadline"
	if !ok || !failure.Retryable || err.Error() != want {
		t.Errorf("error %v, want a retryable one: %s", err, want)
	}
	if asked, _ := page.Asked(); len(asked) != 1 {
		t.Errorf("%d requests were sent, want one", len(asked))
	}
}
