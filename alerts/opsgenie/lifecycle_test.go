package opsgenie_test

import (
	"bytes"
	"testing"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/opsgenie"
	"lapsewatch/watch"
)

func TestATestMessageSaysSoAndOpensAnAlertOfItsOwn(t *testing.T) {
	t.Parallel()
	service := newService(t)
	channel := service.channel(t, plain)
	message := alerttest.Only(1)
	message.Test, message.ID = true, "test-1"
	alerttest.Deliver(t, channel, message)
	golden(t, "test.txt", service.transcript(t))
	alerttest.Deliver(t, channel, message)
	message.ID = "test-2"
	alerttest.Deliver(t, channel, message)
	message.Test = false
	alerttest.Deliver(t, channel, message)
	if got := service.priorities(); got != "P3×1+0 P3×1+0 P3×2+0" {
		t.Errorf("open alerts: %s", got)
	}
}

func TestTwoInstallationsKeepAlertsOfTheirOwn(t *testing.T) {
	t.Parallel()
	service := newService(t)
	for _, source := range []string{"", "berlin", "dublin"} {
		alerttest.Deliver(t, service.channel(t, func(o *opsgenie.Options) { o.Source = source }), alerttest.Only(1))
	}
	if len(service.open) != 3 {
		t.Errorf("three installations have %d alerts", len(service.open))
	}
}

func TestAFindingGoesOnInTheAlertOfItsPriority(t *testing.T) {
	t.Parallel()
	service := newService(t)
	channel := service.channel(t, plain)
	steps := []struct {
		name    string
		message alerts.Message
		// open are the alerts after it: priority × count + notes.
		open string
	}{
		{"a warning opens an alert", alerttest.Becomes(watch.Opened, "", watch.Warning), "P3×1+0"},
		{"a reminder is counted", alerttest.Becomes(watch.Reminder, watch.Warning, watch.Warning), "P3×2+0"},
		{"worse at the same priority is counted and noted", alerttest.Becomes(watch.Worsened, watch.Warning, watch.Warning), "P3×3+1"},
		{"not readable any more is counted and noted", alerttest.Becomes(watch.Worsened, watch.Warning, watch.Unknown), "P3×4+2"},
		{"critical is a new alert in place of the milder one", alerttest.Becomes(watch.Worsened, watch.Warning, watch.Critical), "P1×1+0"},
		{"what was critical stays urgent when it cannot be read", alerttest.Becomes(watch.Worsened, watch.Critical, watch.Unknown), "P1×2+1"},
		{"readable again and milder goes back", alerttest.Becomes(watch.Improved, watch.Critical, watch.Warning), "P3×1+0"},
		{"the end closes it", alerttest.Becomes(watch.Resolved, watch.Warning, watch.OK), ""},
		{"a repeated end finds nothing and is no failure", alerttest.Becomes(watch.Resolved, watch.Warning, watch.OK), ""},
		{"what cannot be read opens an alert", alerttest.Becomes(watch.Opened, "", watch.Unknown), "P3×1+0"},
		{"and is replaced once it is read to be critical", alerttest.Becomes(watch.Opened, watch.Unknown, watch.Critical), "P1×1+0"},
		{"what vanished while it was critical is closed", alerttest.Becomes(watch.Resolved, watch.Critical, watch.Critical), ""},
		{"a warning opens another alert", alerttest.Becomes(watch.Opened, watch.OK, watch.Warning), "P3×1+0"},
		{"better than a warning is the end", alerttest.Becomes(watch.Improved, watch.Warning, watch.Notice), ""},
	}
	for _, step := range steps {
		alerttest.Deliver(t, channel, step.message)
		if got := service.priorities(); got != step.open {
			t.Fatalf("%s: open are %q, want %q", step.name, got, step.open)
		}
	}
}

func TestADateThatStandsForNeverIsNotShown(t *testing.T) {
	t.Parallel()
	service := newService(t)
	alerttest.Deliver(t, service.channel(t, plain), alerttest.Only(1, func(event *watch.Event) { event.Finding.NeverExpires = true }))
	for _, field := range []string{`"expires"`, `"days_left"`} {
		if bytes.Contains(service.Requests()[0].Content, []byte(field)) {
			t.Errorf("%s stands in %s", field, service.Requests()[0].Content)
		}
	}
}

func TestAnAlertEndsWithTheWordsThatNobodyWatchesAnyMore(t *testing.T) {
	t.Parallel()
	service := newService(t)
	channel := service.channel(t, plain)
	alerttest.Deliver(t, channel, alerttest.Only(1))
	alerttest.Deliver(t, channel, alerttest.Unwatched())
	closes := service.Requests()[len(service.Requests())-2].Content
	if len(service.open) != 0 || !bytes.Contains(closes, []byte("No longer watched: mail.example.com:587 (its check is not configured any more, or has another name)")) {
		t.Errorf("open %v, sent %s", service.open, closes)
	}
}

// A failure between the calls repeats all of them.
func TestANoteIsNotRepeatedByALaterCallOfTheSameMessage(t *testing.T) {
	t.Parallel()
	service := newService(t)
	channel := service.channel(t, hastily)
	alerttest.Deliver(t, channel, alerttest.Only(1))
	worse := alerttest.Becomes(watch.Worsened, watch.Warning, watch.Warning)
	service.fail["/close"] = alerttest.Says(500, "")
	if failure := alerttest.Failure(t, channel, worse); !failure.Retryable {
		t.Errorf("the failure is permanent: %v", failure)
	}
	delete(service.fail, "/close")
	alerttest.Deliver(t, channel, worse)
	if got := service.priorities(); got != "P3×3+1" {
		t.Errorf("open alerts: %s", got)
	}
}
