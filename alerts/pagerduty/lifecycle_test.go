package pagerduty_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"lapsewatch/alerts/pagerduty"
	"lapsewatch/watch"
)

func TestATestMessageSaysSoAndOpensAnAlertOfItsOwn(t *testing.T) {
	service := newPagerDuty(t)
	channel := service.channel(t, plain)
	message := only(1, asItIs)
	deliver(t, channel, message)
	message.Test, message.ID = true, "test-1"
	deliver(t, channel, message)
	deliver(t, channel, message)
	golden(t, "test.json", service.calls[1].body)
	if len(service.open) != 2 {
		t.Errorf("open alerts after a test that was sent twice: %v", service.open)
	}
	message.ID = "test-2"
	deliver(t, channel, message)
	if len(service.open) != 3 {
		t.Errorf("open alerts after another test: %v", service.open)
	}
}

func TestWhatHappensDecidesActionAndSeverity(t *testing.T) {
	tests := []struct {
		name             string
		kind             watch.EventType
		previous, now    watch.Severity
		action, severity string
	}{
		{"a new warning pages quietly", watch.Opened, "", watch.Warning, "trigger", "warning"},
		{"a new critical finding pages loudly", watch.Opened, "", watch.Critical, "trigger", "critical"},
		{"what cannot be read is an error", watch.Opened, "", watch.Unknown, "trigger", "error"},
		{"a warning that gets critical raises the severity", watch.Worsened, watch.Warning, watch.Critical, "trigger", "critical"},
		{"a warning that cannot be read any more is an error", watch.Worsened, watch.Warning, watch.Unknown, "trigger", "error"},
		{"what was critical stays so when it cannot be read any more", watch.Worsened, watch.Critical, watch.Unknown, "trigger", "critical"},
		{"a reminder repeats the trigger", watch.Reminder, watch.Critical, watch.Critical, "trigger", "critical"},
		{"what got better is still open", watch.Improved, watch.Critical, watch.Warning, "trigger", "warning"},
		{"what got better than a warning is resolved", watch.Improved, watch.Warning, watch.Notice, "resolve", "info"},
		{"what ended is resolved", watch.Resolved, watch.Warning, watch.OK, "resolve", "info"},
		{"what vanished while it was critical is resolved", watch.Resolved, watch.Critical, watch.Critical, "resolve", "info"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			service := newPagerDuty(t)
			deliver(t, service.channel(t, plain), only(1, func(event *watch.Event) {
				event.Type, event.Previous, event.Finding.Severity = test.kind, test.previous, test.now
			}))
			var sent enqueue
			if err := json.Unmarshal(service.calls[0].body, &sent); err != nil {
				t.Fatal(err)
			}
			if sent.Action != test.action || sent.Payload.Severity != test.severity {
				t.Errorf("%s with severity %s, want %s with %s", sent.Action, sent.Payload.Severity, test.action, test.severity)
			}
		})
	}
}

func TestOneFindingIsOneAlertFromItsBeginningToItsEnd(t *testing.T) {
	service := newPagerDuty(t)
	channel := service.channel(t, plain)
	for _, kind := range []watch.EventType{watch.Opened, watch.Reminder, watch.Worsened} {
		deliver(t, channel, only(1, func(event *watch.Event) { event.Type = kind }))
		if len(service.open) != 1 {
			t.Fatalf("after an event of type %s these are open: %v", kind, service.open)
		}
	}
	deliver(t, channel, only(1, func(event *watch.Event) { event.Type = watch.Resolved }))
	deliver(t, channel, only(1, func(event *watch.Event) { event.Type = watch.Resolved }))
	if len(service.open) != 0 {
		t.Errorf("still open: %v", service.open)
	}
}

func TestTwoInstallationsKeepAlertsOfTheirOwn(t *testing.T) {
	service := newPagerDuty(t)
	for _, source := range []string{"", "berlin", "dublin"} {
		deliver(t, service.channel(t, func(o *pagerduty.Options) { o.Source = source }), only(1, asItIs))
	}
	if len(service.open) != 3 {
		t.Errorf("three installations have %d alerts: %v", len(service.open), service.open)
	}
	if !bytes.Contains(service.calls[1].body, []byte(`"installation":"berlin"`)) {
		t.Errorf("the event does not name the installation: %s", service.calls[1].body)
	}
}

func TestARenewalIsAChangeEventWhereThatIsAskedFor(t *testing.T) {
	tests := []struct {
		name  string
		edit  func(*pagerduty.Options)
		event func(*watch.Event)
		paths []string
	}{
		{"a renewal that ends it", withChanges, asItIs, []string{"/v2/enqueue", "/v2/change/enqueue"}},
		{"a renewal that leaves a warning", withChanges, func(e *watch.Event) { e.Type, e.Finding.Severity = watch.Improved, watch.Warning }, []string{"/v2/enqueue", "/v2/change/enqueue"}},
		{"an end without renewal", withChanges, func(e *watch.Event) { e.Why = watch.Removed }, []string{"/v2/enqueue"}},
		{"a renewal when nobody asked", plain, asItIs, []string{"/v2/enqueue"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			service := newPagerDuty(t)
			receipt := deliver(t, service.channel(t, test.edit), only(4, test.event))
			var paths []string
			for _, made := range service.calls {
				paths = append(paths, made.path)
			}
			if !slices.Equal(paths, test.paths) {
				t.Errorf("calls %v, want %v", paths, test.paths)
			}
			if len(paths) == 2 {
				golden(t, strings.ReplaceAll(test.name, " ", "-")+".json", service.calls[1].body)
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
	_, err := channel.Deliver(t.Context(), only(4, asItIs))
	want := "deliver by operations: the alert event was taken, the change event was not: post to " + service.URL + ": it answered 502 Bad Gateway"
	assertFailure(t, err, want, true, http.StatusBadGateway)
	delete(service.fail, "/v2/change/enqueue")
	deliver(t, channel, only(4, asItIs))
	if service.changes != 1 || len(service.calls) != 4 {
		t.Errorf("%d change events by %d calls, want 1 by 4", service.changes, len(service.calls))
	}
}

func TestADateThatStandsForNeverIsNotShown(t *testing.T) {
	service := newPagerDuty(t)
	deliver(t, service.channel(t, plain), only(1, func(event *watch.Event) { event.Finding.NeverExpires = true }))
	for _, field := range []string{`"expires"`, `"days_left"`} {
		if bytes.Contains(service.calls[0].body, []byte(field)) {
			t.Errorf("%s stands in %s", field, service.calls[0].body)
		}
	}
}
