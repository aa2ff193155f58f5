package pagerduty_test

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"

	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/pagerduty"
	"lapsewatch/watch"
)

func TestATestMessageSaysSoAndOpensAnAlertOfItsOwn(t *testing.T) {
	service := newPagerDuty(t)
	channel := service.channel(t, plain)
	message := alerttest.Only(1)
	alerttest.Deliver(t, channel, message)
	message.Test, message.ID = true, "test-1"
	alerttest.Deliver(t, channel, message)
	alerttest.Deliver(t, channel, message)
	golden(t, "test.json", service.Requests()[1].Content)
	if len(service.open) != 2 {
		t.Errorf("open alerts after a test that was sent twice: %v", service.open)
	}
	message.ID = "test-2"
	alerttest.Deliver(t, channel, message)
	if len(service.open) != 3 {
		t.Errorf("open alerts after another test: %v", service.open)
	}
}

func TestTwoInstallationsKeepAlertsOfTheirOwn(t *testing.T) {
	service := newPagerDuty(t)
	for _, source := range []string{"", "berlin", "dublin"} {
		alerttest.Deliver(t, service.channel(t, func(o *pagerduty.Options) { o.Source = source }), alerttest.Only(1))
	}
	if len(service.open) != 3 {
		t.Errorf("three installations have %d alerts: %v", len(service.open), service.open)
	}
	if !bytes.Contains(service.Requests()[1].Content, []byte(`"installation":"berlin"`)) {
		t.Errorf("the event does not name the installation: %s", service.Requests()[1].Content)
	}
}

func TestARenewalIsAChangeEventWhereThatIsAskedFor(t *testing.T) {
	tests := []struct {
		name  string
		edit  func(*pagerduty.Options)
		event func(*watch.Event)
		paths []string
	}{
		{"a renewal that ends it", withChanges, func(*watch.Event) {}, []string{"/v2/enqueue", "/v2/change/enqueue"}},
		{"a renewal that leaves a warning", withChanges, func(e *watch.Event) { e.Type, e.Finding.Severity = watch.Improved, watch.Warning }, []string{"/v2/enqueue", "/v2/change/enqueue"}},
		{"an end without renewal", withChanges, func(e *watch.Event) { e.Why = watch.Removed }, []string{"/v2/enqueue"}},
		{"a renewal when nobody asked", plain, func(*watch.Event) {}, []string{"/v2/enqueue"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			service := newPagerDuty(t)
			receipt := alerttest.Deliver(t, service.channel(t, test.edit), alerttest.Only(4, test.event))
			var paths []string
			for _, made := range service.Requests() {
				paths = append(paths, made.URL.Path)
			}
			if !slices.Equal(paths, test.paths) {
				t.Errorf("calls %v, want %v", paths, test.paths)
			}
			if len(paths) == 2 {
				golden(t, strings.ReplaceAll(test.name, " ", "-")+".json", service.Requests()[1].Content)
				if got, want := receipt.Proof, "; change event: HTTP 202 Accepted: success: Change event processed"; !strings.HasSuffix(got, want) {
					t.Errorf("proof %q, want it to end in %q", got, want)
				}
			}
		})
	}
}

func TestAChangeEventThatFailsIsSentAgainAfterARepeatedResolution(t *testing.T) {
	service := newPagerDuty(t)
	channel := service.channel(t, withChanges)
	service.fail["/v2/change/enqueue"] = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
	_, err := channel.Deliver(t.Context(), alerttest.Only(4))
	want := "the alert event was taken, the change event was not: post to " + service.URL + ": it answered 502 Bad Gateway"
	alerttest.AssertFailure(t, err, want, true, http.StatusBadGateway)
	delete(service.fail, "/v2/change/enqueue")
	alerttest.Deliver(t, channel, alerttest.Only(4))
	if service.changes != 1 || len(service.Requests()) != 4 {
		t.Errorf("%d change events by %d calls, want 1 by 4", service.changes, len(service.Requests()))
	}
}

func TestADateThatStandsForNeverIsNotShown(t *testing.T) {
	service := newPagerDuty(t)
	alerttest.Deliver(t, service.channel(t, plain), alerttest.Only(1, func(event *watch.Event) { event.Finding.NeverExpires = true }))
	for _, field := range []string{`"expires"`, `"days_left"`} {
		if bytes.Contains(service.Requests()[0].Content, []byte(field)) {
			t.Errorf("%s stands in %s", field, service.Requests()[0].Content)
		}
	}
}

func TestAnAlertEndsWithTheWordsThatNobodyWatchesAnyMore(t *testing.T) {
	service := newPagerDuty(t)
	channel := service.channel(t, plain)
	alerttest.Deliver(t, channel, alerttest.Only(1))
	alerttest.Deliver(t, channel, alerttest.Unwatched())
	if sent := string(service.Last(t).Content); len(service.open) != 0 || !strings.Contains(sent, "No longer watched: mail.example.com:587 (its check is not configured any more, or has another name)") {
		t.Errorf("open %v, sent %s", service.open, sent)
	}
}
