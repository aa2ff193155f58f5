package alertmanager_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts/alertmanager"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/watch"
)

func TestTheSeverityFollowsTheFindingAndTheOldAlertEnds(t *testing.T) {
	tests := []struct {
		name               string
		kind               watch.EventType
		previous, severity watch.Severity
		stands, ends       string
	}{
		{"a new warning stands", watch.Opened, "", watch.Warning, "warning", ""},
		{"a warning that was in order before ends nothing", watch.Opened, watch.OK, watch.Warning, "warning", ""},
		{"a warning that has become critical ends the warning", watch.Worsened, watch.Warning, watch.Critical, "critical", "warning"},
		{"a critical finding that has become a warning ends the critical one", watch.Improved, watch.Critical, watch.Warning, "warning", "critical"},
		{"what still stands stays one alert", watch.Standing, watch.Warning, watch.Warning, "warning", ""},
		{"a reminder stays one alert", watch.Reminder, watch.Critical, watch.Critical, "critical", ""},
		{"what cannot be read counts as a warning", watch.Opened, "", watch.Unknown, "warning", ""},
		{"a warning that cannot be read any more stays one alert", watch.Worsened, watch.Warning, watch.Unknown, "warning", ""},
		{"a critical finding that cannot be read any more stays critical", watch.Worsened, watch.Critical, watch.Unknown, "critical", ""},
		{"a critical finding that can be read again stays one alert", watch.Improved, watch.Critical, watch.Critical, "critical", ""},
		{"a warning ends", watch.Resolved, watch.Warning, watch.OK, "", "warning"},
		{"a critical finding ends", watch.Resolved, watch.Critical, watch.OK, "", "critical"},
		{"what could never be read ends", watch.Resolved, watch.Unknown, watch.OK, "", "warning"},
		{"what is not known to have been told ends as a warning", watch.Resolved, "", watch.OK, "", "warning"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			message := alerttest.Message()
			message.Events = message.Events[:1]
			event := &message.Events[0]
			event.Type, event.Previous, event.Finding.Severity = test.kind, test.previous, test.severity
			_, all := deliver(t, message, nil)
			var stands, ends []string
			for _, alert := range all {
				if alert.EndsAt.After(alerttest.Now()) {
					stands = append(stands, alert.Labels["severity"])
				} else {
					ends = append(ends, alert.Labels["severity"])
				}
			}
			if strings.Join(stands, ",") != test.stands || strings.Join(ends, ",") != test.ends {
				t.Errorf("stands %v and ends %v, want %s and %s", stands, ends, test.stands, test.ends)
			}
		})
	}
}

func TestAnAlertKeepsItsLabelsWhateverIsSaidOfIt(t *testing.T) {
	first := alerttest.Message()
	first.Events = first.Events[:1]
	_, before := deliver(t, first, nil)
	event := first.Events[0]
	days := int64(-3)
	event.ID, event.Type, event.Previous = "another", watch.Standing, watch.Critical
	event.Finding.Message, event.Finding.Reason, event.Finding.DaysLeft = "certificate expired", watch.Expired, &days
	event.Finding.Owners, event.Finding.Link, event.Finding.Identity, event.Finding.Name = nil, "", "new", "the shop"
	first.Events = []watch.Event{event}
	_, after := deliver(t, first, nil)
	stood := before[len(before)-1].Labels
	if got, want := fmt.Sprint(after[0].Labels), fmt.Sprint(stood); got != want {
		t.Errorf("labels %s\nwere   %s", got, want)
	}
}

func TestLabelsOfTheSubjectBecomeNamesThatAlertmanagerTakes(t *testing.T) {
	message := alerttest.Message()
	message.Events = message.Events[:1]
	message.Events[0].Finding.Labels = map[string]string{
		"cost-centre": "42", "cost.centre": "43", "9lives": "cat", "größe": "L", "severity": "none", "empty": "", "": "nameless", "team": "platform",
	}
	_, all := deliver(t, message, func(o *alertmanager.Options) { o.Labels = map[string]string{"team": "security"} })
	got := all[len(all)-1].Labels
	delete(got, "finding")
	want := map[string]string{
		"alertname": "LapsewatchFinding", "check": "public-sites", "kind": "tls", "severity": "critical",
		"cost_centre": "42", "_9lives": "cat", "gr__e": "L", "team": "security",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("labels %v\nwant   %v", got, want)
	}
}

func TestAMessageThatComesTooLateSaysNothingOfWhatIsOpen(t *testing.T) {
	s := newServer(t, take)
	at := alerttest.Now()
	late := env(s.Client())
	late.Now = func() time.Time { return at }
	channel := build(t, late, func(o *alertmanager.Options) { o.URLs = []string{s.URL} })
	message := alerttest.Message()
	s.answer = func(http.ResponseWriter, *http.Request) {}

	at = alerttest.Now().Add(25 * time.Hour)
	receipt, err := channel.Deliver(t.Context(), message)
	if want := "HTTP 200 from " + s.host() + ": 4 open, 2 resolved"; err != nil || receipt.Proof != want {
		t.Errorf("after 25 hours: proof %q, error %v, want %s", receipt.Proof, err, want)
	}
	at = alerttest.Now().Add(26 * time.Hour)
	receipt, err = channel.Deliver(t.Context(), message)
	if want := "HTTP 200 from " + s.host() + ": 0 open, 2 resolved"; err != nil || receipt.Proof != want {
		t.Errorf("after 26 hours: proof %q, error %v, want %s", receipt.Proof, err, want)
	}
	message.Events = message.Events[1:2]
	receipt, err = channel.Deliver(t.Context(), message)
	if want := "nothing to post: what this message says had ended by itself before it could be sent, or is told otherwise since, and later runs tell what stands"; err != nil || receipt.Proof != want {
		t.Errorf("with nothing left to say: proof %q, error %v", receipt.Proof, err)
	}
}
