package opsgenie_test

import (
	"bytes"
	"testing"

	"lapsewatch/alerts"
	"lapsewatch/alerts/opsgenie"
	"lapsewatch/watch"
)

func TestATestMessageSaysSoAndOpensAnAlertOfItsOwn(t *testing.T) {
	t.Parallel()
	service := newService(t)
	channel := service.channel(t, plain)
	message := only(1, asItIs)
	message.Test, message.ID = true, "test-1"
	deliver(t, channel, message)
	golden(t, "test.txt", service.transcript(t))
	deliver(t, channel, message)
	message.ID = "test-2"
	deliver(t, channel, message)
	message.Test = false
	deliver(t, channel, message)
	if got := service.priorities(); got != "P3×1+0 P3×1+0 P3×2+0" {
		t.Errorf("open alerts: %s", got)
	}
}

func TestTwoInstallationsKeepAlertsOfTheirOwn(t *testing.T) {
	t.Parallel()
	service := newService(t)
	for _, source := range []string{"", "berlin", "dublin"} {
		deliver(t, service.channel(t, func(o *opsgenie.Options) { o.Source = source }), only(1, asItIs))
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
		{"a warning opens an alert", becomes(watch.Opened, "", watch.Warning), "P3×1+0"},
		{"a reminder is counted", becomes(watch.Reminder, watch.Warning, watch.Warning), "P3×2+0"},
		{"worse at the same priority is counted and noted", becomes(watch.Worsened, watch.Warning, watch.Warning), "P3×3+1"},
		{"not readable any more is counted and noted", becomes(watch.Worsened, watch.Warning, watch.Unknown), "P3×4+2"},
		{"critical is a new alert in place of the milder one", becomes(watch.Worsened, watch.Warning, watch.Critical), "P1×1+0"},
		{"what was critical stays urgent when it cannot be read", becomes(watch.Worsened, watch.Critical, watch.Unknown), "P1×2+1"},
		{"readable again and milder goes back", becomes(watch.Improved, watch.Critical, watch.Warning), "P3×1+0"},
		{"the end closes it", becomes(watch.Resolved, watch.Warning, watch.OK), ""},
		{"a repeated end finds nothing and is no failure", becomes(watch.Resolved, watch.Warning, watch.OK), ""},
		{"what cannot be read opens an alert", becomes(watch.Opened, "", watch.Unknown), "P3×1+0"},
		{"and is replaced once it is read to be critical", becomes(watch.Opened, watch.Unknown, watch.Critical), "P1×1+0"},
		{"what vanished while it was critical is closed", becomes(watch.Resolved, watch.Critical, watch.Critical), ""},
		{"a warning opens another alert", becomes(watch.Opened, watch.OK, watch.Warning), "P3×1+0"},
		{"better than a warning is the end", becomes(watch.Improved, watch.Warning, watch.Notice), ""},
	}
	for _, step := range steps {
		deliver(t, channel, step.message)
		if got := service.priorities(); got != step.open {
			t.Fatalf("%s: open are %q, want %q", step.name, got, step.open)
		}
	}
}

func becomes(kind watch.EventType, previous, now watch.Severity) alerts.Message {
	return only(1, func(event *watch.Event) {
		event.Type, event.Previous, event.Finding.Severity = kind, previous, now
	})
}

func TestADateThatStandsForNeverIsNotShown(t *testing.T) {
	t.Parallel()
	service := newService(t)
	deliver(t, service.channel(t, plain), only(1, func(event *watch.Event) { event.Finding.NeverExpires = true }))
	for _, field := range []string{`"expires"`, `"days_left"`} {
		if bytes.Contains(service.calls[0].body, []byte(field)) {
			t.Errorf("%s stands in %s", field, service.calls[0].body)
		}
	}
}
