package reference

import (
	"net/netip"
	"testing"
	"time"

	"lapsewatch/internal/ntp"
	"lapsewatch/watch"
)

func TestF8_ALeapSecondWidensTheUncertaintyAroundTheEndOfTheMonth(t *testing.T) {
	tests := []struct {
		name, at string
		leap     ntp.Leap
		wider    time.Duration
	}{
		{"a day and a second before", "2026-12-30T23:59:59Z", ntp.LastMinute61, 0},
		{"a day before", "2026-12-31T00:00:00Z", ntp.LastMinute61, time.Second},
		{"the second itself", "2026-12-31T23:59:59.9Z", ntp.LastMinute59, time.Second},
		{"just before a day has gone by", "2027-01-01T23:59:59Z", ntp.LastMinute61, time.Second},
		{"a day after", "2027-01-02T00:00:00Z", ntp.LastMinute61, 0},
		{"the end of a short month", "2026-02-28T12:00:00Z", ntp.LastMinute61, time.Second},
		{"nothing is announced", "2026-12-31T23:59:59Z", ntp.NoWarning, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			at, err := time.Parse(time.RFC3339Nano, test.at)
			if err != nil {
				t.Fatal(err)
			}
			// This machine is an hour ahead: the true time counts.
			own := at.Add(time.Hour)
			reply := ntp.Reply{Offset: -time.Hour, Stratum: 1, Leap: test.leap, RootDispersion: time.Millisecond, ServerTime: at}
			quiet := reply
			quiet.Leap = ntp.NoWarning
			got := judge(own, []look{{reply: reply}, {reply: quiet}})
			if got.Offset != time.Hour || got.Uncertainty != time.Millisecond+test.wider {
				t.Errorf("got %v ± %v", got.Offset, got.Uncertainty)
			}
			announced := len(got.Each[0].Observations) == 1 && got.Each[0].Observations[0].Reason == watch.LeapSecond
			if announced != (test.leap != ntp.NoWarning) || len(got.Each[1].Observations) != 0 {
				t.Errorf("observed %+v and %+v", got.Each[0].Observations, got.Each[1].Observations)
			}
		})
	}
}

func TestALiarAnnouncesNoLeapSecond(t *testing.T) {
	at := time.Date(2026, 12, 31, 12, 0, 0, 0, time.UTC)
	good := ntp.Reply{Stratum: 1, RootDispersion: time.Millisecond, ServerTime: at}
	liar := good
	liar.Offset, liar.Leap = time.Hour, ntp.LastMinute61
	got := judge(at, []look{{reply: good}, {reply: liar}, {reply: good}})
	if got.Uncertainty != time.Millisecond || len(got.Each[1].Observations) != 0 || got.Each[1].Agreeing {
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
