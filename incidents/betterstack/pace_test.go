package betterstack_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/incidents"
	"lapsewatch/internal/fakebetterstack"
	"lapsewatch/watch"
)

func TestAListThatIsLongIsReadAtFiveRequestsASecond(t *testing.T) {
	const reports = 100
	synctest.Test(t, func(t *testing.T) {
		page := fakebetterstack.New("123456", "secret", time.Now, website)
		for range reports {
			page.Add("manual", "Theirs", "We are looking into it.")
		}
		var asked []time.Time
		system := desk{page}.New(t, incidents.Env{Source: "example", Env: alerts.Env{
			Name: "page", Now: time.Now, Log: slog.New(slog.DiscardHandler),
			// No network: time stands still for one.
			HTTP: &http.Client{Transport: alerttest.RoundTrip(func(request *http.Request) (*http.Response, error) {
				asked = append(asked, time.Now())
				w := httptest.NewRecorder()
				page.ServeHTTP(w, request)
				return w.Result(), nil
			})},
			Secrets: func(watch.SecretRef) (watch.Secret, error) { return watch.NewSecret("secret"), nil },
		}}, "https://uptime.example")
		if _, err := system.List(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
		if len(asked) != reports+1 {
			t.Errorf("%d requests, want one for the list and one for each of %d reports", len(asked), reports)
		}
		if took, want := asked[len(asked)-1].Sub(asked[0]), 200*time.Millisecond*(reports+1-30); took != want {
			t.Errorf("they took %s, want %s: 30 at once and then five a second", took, want)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := system.List(ctx, time.Now())
		failure, ok := errors.AsType[*alerts.DeliveryError](err)
		const want = "deliver by page: wait for the turn of five requests a second: rate: Wait(n=1) would exceed context deadline"
		if !ok || !failure.Retryable || err.Error() != want {
			t.Errorf("error %v, want a retryable one: %s", err, want)
		}
	})
}
