package pagerduty_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/watch"
)

func TestWhatIsKnownOfAFindingDecidesWhatIsSent(t *testing.T) {
	tests := []struct {
		name    string
		message alerts.Message
		// want are the actions, the levels in the keys and, for triggers, the severities.
		want string
	}{
		{"a new warning pages quietly", alerttest.Becomes(watch.Opened, "", watch.Warning), "trigger warning=warning"},
		{"a new critical finding pages loudly", alerttest.Becomes(watch.Opened, "", watch.Critical), "trigger critical=critical"},
		{"what cannot be read is an error", alerttest.Becomes(watch.Opened, "", watch.Unknown), "trigger warning=error"},
		{"what was in order had no alert", alerttest.Becomes(watch.Opened, watch.OK, watch.Critical), "trigger critical=critical"},
		{"a warning that gets critical is another alert", alerttest.Becomes(watch.Worsened, watch.Warning, watch.Critical), "trigger critical=critical, resolve warning"},
		{"what could not be read and is critical is another alert", alerttest.Becomes(watch.Opened, watch.Unknown, watch.Critical), "trigger critical=critical, resolve warning"},
		{"a warning that gets worse goes on", alerttest.Becomes(watch.Worsened, watch.Warning, watch.Warning), "trigger warning=warning"},
		{"a warning that cannot be read any more goes on as an error", alerttest.Becomes(watch.Worsened, watch.Warning, watch.Unknown), "trigger warning=error"},
		{"what was critical stays so when it cannot be read any more", alerttest.Becomes(watch.Worsened, watch.Critical, watch.Unknown), "trigger critical=critical"},
		{"a reminder repeats the trigger", alerttest.Becomes(watch.Reminder, watch.Critical, watch.Critical), "trigger critical=critical"},
		{"a reminder of what was critical and cannot be read", alerttest.Becomes(watch.Reminder, watch.Critical, watch.Unknown), "trigger critical=critical"},
		{"what got better goes on in the milder alert", alerttest.Becomes(watch.Improved, watch.Critical, watch.Warning), "resolve critical, trigger warning=warning"},
		{"what is critical and readable again goes on", alerttest.Becomes(watch.Improved, watch.Critical, watch.Critical), "trigger critical=critical"},
		{"what got better than a warning is resolved", alerttest.Becomes(watch.Improved, watch.Warning, watch.Notice), "resolve warning"},
		{"what ended as a warning had no critical alert any more", alerttest.Becomes(watch.Resolved, watch.Warning, watch.OK), "resolve warning"},
		{"what ended unread had no critical alert", alerttest.Becomes(watch.Resolved, watch.Unknown, watch.OK), "resolve warning"},
		{"what ended as critical may have both", alerttest.Becomes(watch.Resolved, watch.Critical, watch.OK), "resolve critical, resolve warning"},
		{"what vanished while it was critical may have both", alerttest.Becomes(watch.Resolved, watch.Critical, watch.Critical), "resolve critical, resolve warning"},
		{"a change to critical that never arrived is told again", alerttest.Becomes(watch.Opened, watch.Critical, watch.Critical), "trigger critical=critical, resolve warning"},
		{"a change to a warning that never arrived is told again", alerttest.Becomes(watch.Opened, watch.Warning, watch.Warning), "resolve critical, trigger warning=warning"},
		{"after the loss of the record both may be open", alerttest.Becomes(watch.Reminder, "", watch.Warning), "resolve critical, trigger warning=warning"},
		{"after the loss of the record both may be open, and it is critical", alerttest.Becomes(watch.Reminder, "", watch.Critical), "trigger critical=critical, resolve warning"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			service := newPagerDuty(t)
			alerttest.Deliver(t, service.channel(t, plain), test.message)
			var sent []string
			for _, made := range service.Requests() {
				var event enqueue
				if err := json.Unmarshal(made.Content, &event); err != nil {
					t.Fatal(err)
				}
				said := event.Action + " " + event.DedupKey[strings.LastIndex(event.DedupKey, "-")+1:]
				if event.Action == "trigger" {
					said += "=" + event.Payload.Severity
				}
				sent = append(sent, said)
			}
			if got := strings.Join(sent, ", "); got != test.want {
				t.Errorf("sent %q, want %q", got, test.want)
			}
		})
	}
}

func TestWhatBecomesCriticalPagesThoughTheWarningWasAcknowledged(t *testing.T) {
	service := newPagerDuty(t)
	channel := service.channel(t, plain)
	steps := []struct {
		name    string
		message alerts.Message
		// open are the incidents after it, and pages what people were told of.
		open, pages string
	}{
		{"a warning pages quietly", alerttest.Becomes(watch.Opened, "", watch.Warning), "warning=warning", "warning"},
		{"a reminder pages nobody", alerttest.Becomes(watch.Reminder, watch.Warning, watch.Warning), "warning=warning", ""},
		{"worse and still a warning pages nobody", alerttest.Becomes(watch.Worsened, watch.Warning, watch.Warning), "warning=warning", ""},
		{"not readable any more pages nobody", alerttest.Becomes(watch.Worsened, watch.Warning, watch.Unknown), "warning=error", ""},
		{"critical pages loudly", alerttest.Becomes(watch.Worsened, watch.Warning, watch.Critical), "critical=critical", "critical"},
		{"critical and not readable any more goes on", alerttest.Becomes(watch.Worsened, watch.Critical, watch.Unknown), "critical=critical", ""},
		{"a reminder of it pages nobody", alerttest.Becomes(watch.Reminder, watch.Critical, watch.Unknown), "critical=critical", ""},
		{"readable again and milder pages quietly", alerttest.Becomes(watch.Improved, watch.Critical, watch.Warning), "warning=warning", "warning"},
		{"the end resolves it", alerttest.Becomes(watch.Resolved, watch.Warning, watch.OK), "", ""},
		{"a repeated end changes nothing", alerttest.Becomes(watch.Resolved, watch.Warning, watch.OK), "", ""},
		{"what cannot be read pages", alerttest.Becomes(watch.Opened, watch.OK, watch.Unknown), "warning=error", "error"},
		{"read to be critical it pages again", alerttest.Becomes(watch.Opened, watch.Unknown, watch.Critical), "critical=critical", "critical"},
		{"what vanished while it was critical is resolved", alerttest.Becomes(watch.Resolved, watch.Critical, watch.Critical), "", ""},
	}
	for _, step := range steps {
		alerttest.Deliver(t, channel, step.message)
		if open, pages := service.state(), service.pages(); open != step.open || pages != step.pages {
			t.Fatalf("%s: open are %q and paged was %q, want %q and %q", step.name, open, pages, step.open, step.pages)
		}
	}
}

func TestWhereverAnAttemptBreaksOffWhatIsCriticalHasAnIncidentAndTheNextOneMendsIt(t *testing.T) {
	warning, critical := alerttest.Becomes(watch.Opened, "", watch.Warning), alerttest.Becomes(watch.Opened, "", watch.Critical)
	unreadable := alerttest.Becomes(watch.Opened, "", watch.Unknown)
	tests := []struct {
		name          string
		before, after alerts.Message
		// between are the incidents after the first event, and open those at the end.
		between, open string
	}{
		{"a warning becomes critical", warning, alerttest.Becomes(watch.Worsened, watch.Warning, watch.Critical), "critical=critical warning=warning", "critical=critical"},
		{"what could not be read is critical", unreadable, alerttest.Becomes(watch.Opened, watch.Unknown, watch.Critical), "critical=critical warning=error", "critical=critical"},
		{"what is critical becomes a warning", critical, alerttest.Becomes(watch.Improved, watch.Critical, watch.Warning), "", "warning=warning"},
		{"what is critical ends", critical, alerttest.Becomes(watch.Resolved, watch.Critical, watch.OK), "", ""},
	}
	for _, test := range tests {
		for number, taken := range map[int][]bool{1: {false, true}, 2: {false, true}} {
			for _, taken := range taken {
				t.Run(fmt.Sprintf("%s, reply %d is lost, its event taken: %t", test.name, number, taken), func(t *testing.T) {
					service := newPagerDuty(t)
					channel := service.channel(t, plain)
					alerttest.Deliver(t, channel, test.before)
					want := map[bool]string{false: service.state(), true: test.between}[taken]
					if number == 2 {
						want = map[bool]string{false: test.between, true: test.open}[taken]
					}
					service.pages()
					service.breaksOff, service.taken = number, taken
					failure := alerttest.Failure(t, channel, test.after)
					if got := service.state(); !failure.Retryable || got != want {
						t.Errorf("open in between: %q, want %q (retryable %t)", got, want, failure.Retryable)
					}
					alerttest.Deliver(t, channel, test.after)
					if got := service.state(); got != test.open {
						t.Errorf("open after the repetition: %q, want %q", got, test.open)
					}
					if got, _, _ := strings.Cut(test.open, "="); service.pages() != got {
						t.Errorf("people were not told exactly once of %q", got)
					}
				})
			}
		}
	}
}

func TestAnErrorSaysWhichOfTheTwoAlertsIsNotAsItShouldBe(t *testing.T) {
	service := newPagerDuty(t)
	service.fail["/v2/enqueue"] = func(w http.ResponseWriter, _ *http.Request) {
		if len(service.Requests()) == 2 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		answer(w, http.StatusAccepted, map[string]any{"status": "success", "dedup_key": dedupKeyOf(t, service.Last(t).Content)})
	}
	_, err := service.channel(t, plain).Deliver(t.Context(), alerttest.Becomes(watch.Worsened, watch.Warning, watch.Critical))
	alerttest.AssertFailure(t, err, "the event for the critical alert was taken, that for the other was not: post to "+service.URL+": it answered 502 Bad Gateway", true, http.StatusBadGateway)
}

func dedupKeyOf(t *testing.T, body []byte) string {
	t.Helper()
	var event enqueue
	if err := json.Unmarshal(body, &event); err != nil {
		t.Fatal(err)
	}
	return event.DedupKey
}

func TestTheReceiptHoldsWhatPagerDutySaidToEachEvent(t *testing.T) {
	service := newPagerDuty(t)
	receipt := alerttest.Deliver(t, service.channel(t, plain), alerttest.Becomes(watch.Worsened, watch.Warning, watch.Critical))
	const said = "HTTP 202 Accepted: success: Event processed, dedup_key lapsewatch-7a2ac40a59a442cc10280fe99a5ec348"
	if want := said + "-critical; " + said + "-warning"; receipt.Proof != want {
		t.Errorf("proof %q\nwant  %q", receipt.Proof, want)
	}
}
