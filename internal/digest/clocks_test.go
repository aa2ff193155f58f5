package digest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/internal/digest"
	"lapsewatch/watch"
)

func clock(kind watch.EventType, name string, severity watch.Severity, offset any) watch.Event {
	return watch.Event{Type: kind, Finding: watch.Finding{
		ID: "fleet/" + name, Check: "fleet", Kind: "clock", Name: name, Severity: severity, Message: "clock as found",
		Details: map[string]any{"offset_seconds": offset, "uncertainty_seconds": 0.001, "warn_seconds": 1.0, "critical_seconds": int64(30)},
	}}
}

func TestTheClocksOfAMessageStandInAPlot(t *testing.T) {
	message := alerttest.Message()
	message.Events = append(message.Events,
		clock(watch.Opened, "db-7.example.com", watch.Critical, int64(365*86400)),
		clock(watch.Reminder, "app-1.example.com", watch.Warning, 1.5),
		clock(watch.Resolved, "mended.example.com", watch.OK, 0.001),
	)
	want := []string{
		"2 clocks (- behind the references, + ahead): 1 critical, 1 warning",
		"",
		"# db-7.example.com  |    :      .      :    |                   # +365 d",
		"! app-1.example.com |    :      .      !    |                     +1.5 s",
		"                    -----+------+------------+---------+--------+",
		"                       -1 s     0         +1 min     +1 d    +1 y",
		"",
		"# critical, ! warning",
		": warning from 1 s, | critical from 30 s",
	}
	for shown := range 3 {
		got := digest.New(message, alerttest.Env(nil, nil), shown).Clocks
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("of %d shown (-want +got):\n%s", shown, diff)
		}
	}
}

func TestAMessageWithoutAnyOffsetHasNoPlot(t *testing.T) {
	unread := clock(watch.Opened, "silent.example.com", watch.Unknown, nil)
	over := clock(watch.Resolved, "mended.example.com", watch.OK, 0.001)
	for name, events := range map[string][]watch.Event{
		"certificates": alerttest.Message().Events, "a clock that nobody could read": {unread}, "a clock that is right again": {over}, "nothing": nil,
	} {
		if got := digest.New(alerts.Message{Events: events}, alerts.Env{}, 9).Clocks; got != nil {
			t.Errorf("%s: %q", name, got)
		}
	}
}
