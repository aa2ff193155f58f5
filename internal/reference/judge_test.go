package reference

import (
	"net/netip"
	"testing"
	"time"

	"lapsewatch/internal/ntp"
	"lapsewatch/watch"
)

func TestF8_ALeapSecondGivesClocksASecondAroundTheEndOfTheMonth(t *testing.T) {
	const plus, minus, none = ntp.LastMinute61, ntp.LastMinute59, ntp.NoWarning
	tests := []struct {
		name, at string
		// leaps are what the members of the majority announce.
		leaps []ntp.Leap
		slack time.Duration
	}{
		{"a day and a second before", "2026-12-30T23:59:59Z", []ntp.Leap{plus, plus, plus}, 0},
		{"a day before", "2026-12-31T00:00:00Z", []ntp.Leap{plus, plus, plus}, time.Second},
		{"the second itself", "2026-12-31T23:59:59.9Z", []ntp.Leap{minus, minus, minus}, time.Second},
		{"just before a day has gone by", "2027-01-01T23:59:59Z", []ntp.Leap{plus, plus, plus}, time.Second},
		{"a day after", "2027-01-02T00:00:00Z", []ntp.Leap{plus, plus, plus}, 0},
		{"the end of a short month", "2026-02-28T12:00:00Z", []ntp.Leap{plus, plus, plus}, time.Second},
		{"nobody announces it", "2026-12-31T23:59:59Z", []ntp.Leap{none, none, none}, 0},
		{"one of three announces it", "2026-12-31T23:59:59Z", []ntp.Leap{plus, none, none}, 0},
		{"two of three announce it", "2026-12-31T23:59:59Z", []ntp.Leap{plus, none, plus}, time.Second},
		{"two of four announce it", "2026-12-31T23:59:59Z", []ntp.Leap{plus, none, plus, none}, 0},
		{"they do not agree which", "2026-12-31T23:59:59Z", []ntp.Leap{plus, minus, none}, 0},
		{"the only one announces it", "2026-12-31T23:59:59Z", []ntp.Leap{plus}, time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			at, err := time.Parse(time.RFC3339Nano, test.at)
			if err != nil {
				t.Fatal(err)
			}
			// This machine is an hour ahead: the true time counts.
			own := at.Add(time.Hour)
			looks := make([]look, len(test.leaps))
			for i, leap := range test.leaps {
				looks[i].reply = ntp.Reply{Offset: -time.Hour, Stratum: 1, Leap: leap, RootDispersion: time.Millisecond, ServerTime: at}
			}
			got := judge(own, looks)
			if got.Offset != time.Hour || got.Uncertainty != time.Millisecond || got.Slack != test.slack {
				t.Errorf("got %v ± %v, slack %v, want %v", got.Offset, got.Uncertainty, got.Slack, test.slack)
			}
			for i, each := range got.Each {
				announced := len(each.Observations) == 1 && each.Observations[0].Reason == watch.LeapSecond
				if announced != (test.leaps[i] != none) {
					t.Errorf("%d: observed %+v", i, each.Observations)
				}
			}
		})
	}
}

func TestF8_LiarsAnnounceNoLeapSecond(t *testing.T) {
	at := time.Date(2026, 12, 31, 12, 0, 0, 0, time.UTC)
	good := ntp.Reply{Stratum: 1, RootDispersion: time.Millisecond, ServerTime: at}
	announcing, liar := good, good
	announcing.Leap = ntp.LastMinute61
	liar.Offset, liar.Leap = time.Hour, ntp.LastMinute61
	// Three of five announce it, of which one belongs to the majority.
	got := judge(at, []look{{reply: good}, {reply: liar}, {reply: good}, {reply: liar}, {reply: announcing}})
	if got.Uncertainty != time.Millisecond || got.Slack != 0 || len(got.Each[1].Observations) != 0 || got.Each[1].Agreeing || len(got.Each[4].Observations) != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestASmearingReferenceIsObserved(t *testing.T) {
	at := time.Date(2026, 12, 31, 12, 0, 0, 0, time.UTC)
	got := judge(at, []look{{name: "ntp://a", from: netip.MustParseAddrPort("192.0.2.1:123"),
		reply: ntp.Reply{Stratum: 2, ReferenceID: [4]byte{127, 127, 1, 255}, RootDispersion: time.Millisecond, ServerTime: at}}})
	want := watch.Observation{Reason: watch.LeapSmear, Text: "spreads leap seconds over hours, so that it differs from those that step by up to a second"}
	if observed := got.Each[0].Observations; len(observed) != 1 || observed[0] != want {
		t.Errorf("observed %+v", observed)
	}
}
