package paging_test

import (
	"testing"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/internal/paging"
	"lapsewatch/watch"
)

func page(message alerts.Message, source string) paging.Page {
	return paging.New(message, alerttest.Env(nil, nil), source)
}

func TestWhatIsKnownOfAFindingDecidesWhichAlertIsItsOwn(t *testing.T) {
	for _, test := range []struct {
		name                         string
		message                      alerts.Message
		ended, critical, wasCritical bool
	}{
		{"a warning", alerttest.Becomes(watch.Opened, "", watch.Warning), false, false, false},
		{"a critical finding", alerttest.Becomes(watch.Worsened, watch.Warning, watch.Critical), false, true, false},
		{"what cannot be read", alerttest.Becomes(watch.Opened, watch.OK, watch.Unknown), false, false, false},
		{"a warning that cannot be read", alerttest.Becomes(watch.Worsened, watch.Warning, watch.Unknown), false, false, false},
		{"what was critical and cannot be read", alerttest.Becomes(watch.Worsened, watch.Critical, watch.Unknown), false, true, true},
		{"what is better than critical", alerttest.Becomes(watch.Improved, watch.Critical, watch.Warning), false, false, true},
		{"what is better than a warning", alerttest.Becomes(watch.Improved, watch.Warning, watch.Notice), true, false, false},
		{"what is resolved", alerttest.Becomes(watch.Resolved, watch.Warning, watch.OK), true, false, false},
		{"what vanished while it was critical", alerttest.Becomes(watch.Resolved, watch.Critical, watch.Critical), true, true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			made := page(test.message, "")
			if made.Ended() != test.ended || made.Critical() != test.critical || made.WasCritical() != test.wasCritical {
				t.Errorf("ended %t, critical %t, was critical %t", made.Ended(), made.Critical(), made.WasCritical())
			}
		})
	}
}

func TestAKeyIsTheFindingsOwnByInstallationAndTest(t *testing.T) {
	opened, ended := alerttest.Becomes(watch.Opened, "", watch.Critical), alerttest.Becomes(watch.Resolved, watch.Critical, watch.OK)
	ended.ID = "another message"
	if page(opened, "").Key() != page(ended, "").Key() {
		t.Error("two events of one finding have different keys")
	}
	test, again := opened, opened
	test.Test, again.Test, again.ID = true, true, "another test"
	seen := map[string]bool{}
	for _, made := range []paging.Page{page(opened, ""), page(opened, "berlin"), page(alerttest.Only(0), ""), page(test, ""), page(again, "")} {
		seen[made.Key()] = true
	}
	if len(seen) != 5 {
		t.Errorf("five findings, installations and tests have %d keys", len(seen))
	}
}
