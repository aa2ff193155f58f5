package policy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"lapsewatch/watch"
)

// dying is a certificate of a year that ends at the instant, judged as of then.
func dying(notAfter, now time.Time) watch.Finding {
	return Judge{}.Finding(Origin{Check: "web", Kind: "tls"}, watch.Credential{
		Subject: watch.Subject{ID: "a", Name: "a:443"}, Form: watch.Certificate, Identity: "a", NotBefore: notAfter.AddDate(-1, 0, 0), NotAfter: notAfter,
	}, now)
}

func TestADateThatNobodyCanLookAtDrawsNearerAllTheSame(t *testing.T) {
	notAfter := at("2026-06-30T12:00:00Z")
	unreachable := func(time.Time) *watch.Finding {
		finding := Judge{}.Finding(Origin{Check: "web", Kind: "tls"}, watch.Problem{Subject: watch.Subject{ID: "a", Name: "a:443"}, Reason: watch.TimedOut}, notAfter)
		return &finding
	}
	unlisted := func(time.Time) *watch.Finding { return nil }
	for _, row := range []struct {
		name  string
		sees  func(time.Time) *watch.Finding
		since int
		told  string
	}{
		{"out of reach before its month began", unreachable, -40, "-40 opened, -33 reminder, -26 reminder, -19 reminder, -12 reminder, -7 worsened, -6 reminder, -5 reminder, -4 reminder, -3 reminder, -2 reminder, -1 reminder, 0 worsened, 1 reminder, 2 reminder"},
		{"out of reach after the warning", unreachable, -8, "-31 opened, -24 reminder, -17 reminder, -10 reminder, -8 worsened, -7 worsened, -6 reminder, -5 reminder, -4 reminder, -3 reminder, -2 reminder, -1 reminder, 0 worsened, 1 reminder, 2 reminder"},
		{"not listed any more before its month began", unlisted, -40, "-31 opened, -24 reminder, -17 reminder, -10 reminder, -7 worsened, -6 reminder, -5 reminder, -4 reminder, -3 reminder, -2 reminder, -1 reminder, 0 worsened, 1 reminder, 2 reminder"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var known *Known
			var told []string
			for day := -42; day <= 2; day++ {
				now := notAfter.AddDate(0, 0, day)
				finding := dying(notAfter, now)
				seen := &finding
				if day >= row.since {
					seen = row.sees(now)
				}
				var after Known
				var event *watch.Event
				if seen == nil {
					after, event = Telling{}.Unseen(*known, now)
				} else {
					after, event = Telling{}.Compare(known, *seen, now)
				}
				known = &after
				if event != nil {
					told = append(told, fmt.Sprintf("%d %s", day, event.Type))
				}
			}
			if got := strings.Join(told, ", "); got != row.told {
				t.Errorf("told %s\nwant %s", got, row.told)
			}
		})
	}
}

func TestWhatIsToldOfADateThatNobodyCouldLookAt(t *testing.T) {
	notAfter := at("2026-06-30T12:00:00Z")
	before := dying(notAfter, notAfter.AddDate(0, 0, -40))
	known, event := Telling{}.Unseen(Known{Finding: before}, notAfter.Add(time.Hour))
	if event == nil || event.Type != watch.Opened || event.Finding.Severity != watch.Critical || event.Finding.Reason != watch.Expired ||
		event.Finding.Message != "could not be looked at this time; when it was last read, its notAfter was 2026-06-30 12:00 UTC, 1 h ago" {
		t.Errorf("told %+v", event)
	}
	if known.Finding.Message != before.Message {
		t.Errorf("what was last read became %q", known.Finding.Message)
	}
	if _, event := (Telling{}).Compare(&known, dying(notAfter, notAfter.Add(2*time.Hour)), notAfter.Add(2*time.Hour)); event != nil {
		t.Errorf("seen again and as told, it is told again: %+v", event)
	}
	for name, finding := range map[string]watch.Finding{
		"what is known to be unused": {ID: "a", Severity: watch.Notice, Reason: watch.Superseded, NotAfter: notAfter, WarnFrom: notAfter.AddDate(0, -1, 0)},
		"what a rule made a notice":  {ID: "a", Severity: watch.Notice, Reason: watch.ExpiresSoon, NotAfter: notAfter, WarnFrom: notAfter.AddDate(0, -1, 0)},
		"what never expires":         {ID: "a", Severity: watch.OK, NeverExpires: true, NotAfter: notAfter, WarnFrom: notAfter.AddDate(0, -1, 0)},
	} {
		if _, event := (Telling{}).Unseen(Known{Finding: finding}, notAfter.AddDate(0, 0, 1)); event != nil {
			t.Errorf("%s is told: %+v", name, event)
		}
	}
}
