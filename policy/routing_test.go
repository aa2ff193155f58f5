package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lapsewatch/watch"
)

func tellings(digests []Digest) string {
	var told []string
	for _, digest := range digests {
		var names []string
		for _, event := range digest.Events {
			names = append(names, event.Finding.Name)
		}
		told = append(told, fmt.Sprintf("%s/%s:%s", digest.Channel, digest.Recipient, strings.Join(names, "+")))
	}
	return strings.Join(told, " ")
}

func TestRoutesLeadToChannelsOwnersAndTheDefault(t *testing.T) {
	now := at("2026-11-22T06:00:00Z")
	event := func(name string, severity watch.Severity, owners ...string) watch.Event {
		return watch.Event{ID: name, Type: watch.Opened, At: now, Finding: watch.Finding{ID: name, Name: name, Check: "web", Severity: severity, Owners: owners}}
	}
	standing := event("still", watch.Warning)
	standing.Type = watch.Standing
	events := []watch.Event{event("owned", watch.Warning, "ada@example.com"), event("orphan", watch.Critical), event("foreign", watch.Warning, "eve@evil.example"), standing}
	mail := Destination{Channel: "mail", Recipients: []string{"ops@example.com"}, Reach: func(owner string) (string, bool) { return owner, strings.HasSuffix(owner, "@example.com") }}
	ownersOnly := Destination{Channel: "owners", Reach: mail.Reach}
	pager := Destination{Channel: "pager", Recipients: []string{""}, Singly: true}
	prometheus := Destination{Channel: "prometheus", Recipients: []string{""}, Standing: true}
	everything := Match{}
	for _, row := range []struct {
		name         string
		routing      Routing
		destinations []Destination
		told         string
	}{
		{"a channel that is told singly gets one message for each event", Routing{}, []Destination{pager}, "pager/:orphan pager/:foreign pager/:owned"},
		{"only a channel that wants it hears of what stands", Routing{}, []Destination{prometheus, pager},
			"prometheus/:orphan+foreign+owned+still pager/:orphan pager/:foreign pager/:owned"},
		{"owner tells owners and leaves the channel's own recipients out",
			Routing{Routes: []Route{{Match: everything, To: []string{Owner}}}}, []Destination{mail}, "mail/ada@example.com:owned"},
		{"what no owner can be told of goes to the default",
			Routing{Routes: []Route{{Match: everything, To: []string{Owner}}}, Default: []string{"pager"}}, []Destination{mail, pager}, "mail/ada@example.com:owned pager/:orphan pager/:foreign"},
		{"the default may be the channel by which owners are told",
			Routing{Routes: []Route{{Match: everything, To: []string{Owner}}}, Default: []string{"mail"}}, []Destination{mail}, "mail/ops@example.com:orphan+foreign mail/ada@example.com:owned"},
		{"what no route matches goes to the default",
			Routing{Routes: []Route{{Match: Match{Severity: watch.Critical}, To: []string{"pager"}}}, Default: []string{"mail"}}, []Destination{mail, pager}, "mail/ops@example.com:foreign+owned pager/:orphan"},
		{"a default channel that forgets hears of what stands", Routing{Routes: []Route{{Match: Match{Check: "other"}, To: []string{"pager"}}}, Default: []string{"prometheus"}},
			[]Destination{prometheus, pager}, "prometheus/:orphan+foreign+owned+still"},
		{"a channel without recipients of its own reaches nobody by itself",
			Routing{Default: []string{"pager"}}, []Destination{ownersOnly, pager}, "owners/ada@example.com:owned pager/:orphan pager/:foreign pager/:owned"},
		{"a route by owner", Routing{Routes: []Route{{Match: Match{Owner: "*@example.com"}, To: []string{"pager"}}}}, []Destination{mail, pager}, "pager/:owned"},
		{"what would reach nobody is left to be raised again", Routing{Routes: []Route{{Match: Match{Check: "other"}, To: []string{"pager"}}}}, []Destination{pager}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := tellings(Plan(slices.Clone(events), row.routing, row.destinations, now)); got != row.told {
				t.Errorf("told %s\nwant %s", got, row.told)
			}
		})
	}
}

func TestWhatFailedForGoodIsPlannedForAnotherUnderTheSameIDEachTime(t *testing.T) {
	now := at("2026-11-22T06:00:00Z")
	failed := Digest{ID: "f", Channel: "mail", Recipient: "ops@example.com", CreatedAt: now, Events: []watch.Event{
		{ID: "1", Finding: watch.Finding{Name: "a"}}, {ID: "2", Finding: watch.Finding{Name: "b"}},
	}}
	pager, chat := Destination{Channel: "pager", Recipients: []string{""}, Singly: true}, Destination{Channel: "chat", Recipients: []string{"x", "y"}}
	made := append(Instead(failed, pager, "meant for mail", now), Instead(failed, chat, "meant for mail", now)...)
	if got, want := tellings(made), "pager/:a pager/:b chat/x:a+b chat/y:a+b"; got != want {
		t.Errorf("told %s\nwant %s", got, want)
	}
	again := append(Instead(failed, pager, "meant for mail", now.AddDate(0, 0, 1)), Instead(failed, chat, "meant for mail", now)...)
	ids := map[string]bool{}
	for i, digest := range made {
		if digest.ID != again[i].ID || digest.Note != "meant for mail" {
			t.Errorf("planned as %+v, and again as %+v", digest, again[i])
		}
		ids[digest.ID] = true
	}
	still := failed
	still.Events = []watch.Event{{ID: "3", Type: watch.Standing, Finding: watch.Finding{Name: "c"}}}
	if got := tellings(Instead(still, chat, "", now)); got != "" {
		t.Errorf("people are told of what stands: %s", got)
	}
	if got := tellings(Instead(still, Destination{Channel: "prometheus", Recipients: []string{""}, Standing: true}, "", now)); got != "prometheus/:c" {
		t.Errorf("a service that forgets is told %s", got)
	}
	itself := Destination{Channel: "mail", Recipients: []string{"Ops@example.com", "dev@example.com"}}
	if got := tellings(Instead(failed, itself, "", now)); got != "mail/dev@example.com:a+b" {
		t.Errorf("in the place of one mailbox %s is told", got)
	}
	other := failed
	other.ID = "g"
	ids[Instead(other, chat, "", now)[0].ID] = true
	if len(ids) != len(made)+1 {
		t.Errorf("%d ids for %d digests", len(ids), len(made)+1)
	}
}

func TestAMatchThatTakesAllIsKnown(t *testing.T) {
	for _, row := range []struct {
		match Match
		all   bool
	}{
		{Match{}, true}, {Match{Severity: watch.Warning}, true}, {Match{Severity: watch.Notice}, true},
		{Match{Severity: watch.Critical}, false}, {Match{Check: "web"}, false}, {Match{Kind: "tls"}, false}, {Match{Name: "*"}, false},
		{Match{Owner: "*"}, false}, {Match{Reason: watch.Expired}, false}, {Match{Labels: []LabelMatch{{Name: "team", Value: "x"}}}, false},
	} {
		if got := row.match.TakesAll(); got != row.all {
			t.Errorf("%+v takes all: %t", row.match, got)
		}
	}
}

func TestLapsewatchJudgesItself(t *testing.T) {
	now := at("2026-11-22T06:00:00Z")
	ago := func(days int) (instant []time.Time) {
		for range days {
			instant = append(instant, now.AddDate(0, 0, -len(instant)-1))
		}
		return instant
	}
	judge := func(condition watch.Condition) string {
		finding := Judge{}.Finding(Origin{Check: watch.Itself, Kind: watch.Itself}, condition, now)
		return fmt.Sprintf("%s %s/%s: %s", finding.Name, finding.Severity, finding.Reason, finding.Message)
	}
	for _, row := range []struct {
		name      string
		condition watch.Condition
		want      string
	}{
		{"a channel that owes nothing", ChannelHealth{Channel: "mail", LastSent: now.AddDate(0, 0, -1)}.Condition(now),
			"channel mail ok/: owes nothing, and delivered last at 2026-11-21 06:00 UTC"},
		{"a channel that was never used", ChannelHealth{Channel: "mail"}.Condition(now), "channel mail ok/: owes nothing"},
		{"a message that has waited for hours only", ChannelHealth{Channel: "mail", Owed: 1, OldestOwed: now.Add(-3 * 3600e9), LastError: "busy"}.Condition(now),
			"channel mail ok/: has 1 message that waits to be sent"},
		{"a message that the service refused in the run before", ChannelHealth{Channel: "mail", Owed: 1, Refused: 1, OldestOwed: now.Add(-3 * 3600e9), LastError: "404 no_service"}.Condition(now),
			"channel mail critical/delivery_failing: has failed to deliver for good: 1 message waits for somebody to mend it; the last error: 404 no_service"},
		{"messages that have waited for a day", ChannelHealth{Channel: "mail", Owed: 2, OldestOwed: now.AddDate(0, 0, -1), LastError: "535 wrong password"}.Condition(now),
			"channel mail critical/delivery_failing: has failed to deliver: 2 messages wait since 2026-11-21 06:00 UTC; the last error: 535 wrong password"},
		{"a message that was given up", ChannelHealth{Channel: "mail", Lost: 1, LastError: "no such channel"}.Condition(now),
			"channel mail critical/delivery_failing: 1 message was given up within the last week; the last error: no such channel"},
		{"the first run", RunHealth{}.Condition(now), "scheduled runs ok/: this is the first run"},
		{"runs that end", RunHealth{Judged: ago(4), Ended: []bool{true, true, true, true}}.Condition(now), "scheduled runs ok/: the last complete run judged at 2026-11-21 06:00 UTC"},
		{"one run that was killed is an accident", RunHealth{Judged: ago(3), Ended: []bool{false, true, true}}.Condition(now), "scheduled runs ok/: the last complete run judged at 2026-11-20 06:00 UTC"},
		{"two runs in a row that did not end", RunHealth{Judged: ago(3), Ended: []bool{false, false, true}}.Condition(now),
			"scheduled runs warning/run_overdue: the last complete run judged at 2026-11-19 06:00 UTC; the 2 since then did not come to their end"},
		{"no run that ever ended", RunHealth{Judged: ago(2), Ended: []bool{false, false}}.Condition(now), "scheduled runs warning/run_overdue: none of the last 2 runs came to its end"},
		{"a gap of several days in daily runs", RunHealth{Judged: ago(9)[4:], Ended: []bool{true, true, true, true, true}}.Condition(now),
			"scheduled runs warning/run_overdue: the last complete run judged at 2026-11-17 06:00 UTC; until now none was made, though they are usually 24 hours apart"},
		{"a sound ledger", RecordCondition(""), "ledger ok/: is sound"},
		{"a ledger that cannot be used", RecordCondition("was damaged"), "ledger critical/record_unusable: was damaged"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := judge(row.condition); got != row.want {
				t.Errorf("got  %s\nwant %s", got, row.want)
			}
		})
	}
}
