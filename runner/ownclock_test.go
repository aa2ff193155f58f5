package runner

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/watch"
)

// believed is what a single reference says of an own clock that is off by so much.
func believed(offset time.Duration) watch.Reference {
	return watch.Reference{
		Asked: 1, Answered: 1, Agreeing: 1, Majority: true, Offset: offset, Uncertainty: time.Millisecond, At: now,
		Each: []watch.ReferenceAnswer{{Name: "ntp://time.example.com", Offset: offset, Agreeing: true}},
	}
}

func passWith(t *testing.T, clock OwnClock, checks ...Check) Collected {
	t.Helper()
	c := Collection{Checks: checks, Now: now, Deadline: time.Minute, Within: time.Hour, Log: slog.New(slog.DiscardHandler), OwnClock: clock}
	collected, err := c.Collect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = collected.Close() })
	return collected
}

func TestTheReferencesAreAskedBeforeAnyCheckRuns(t *testing.T) {
	var order []string
	ask := func(context.Context) watch.Reference {
		order = append(order, "references")
		return believed(0)
	}
	check := checkFunc(func(context.Context, watch.Sink) error {
		order = append(order, "check")
		return nil
	})
	passWith(t, OwnClock{Ask: ask}, Check{Name: "web", Kind: "tls", Check: check})
	if want := []string{"references", "check"}; !slices.Equal(order, want) {
		t.Errorf("in the order %q, want %q", order, want)
	}
}

func TestTheOwnClockIsASubjectOfTheCheckOnLapsewatchItself(t *testing.T) {
	healthy := checkFunc(func(_ context.Context, sink watch.Sink) error {
		sink(watch.Condition{Subject: watch.Subject{ID: "ledger", Name: "ledger"}, Text: "is sound"})
		return nil
	})
	asked := OwnClock{Ask: func(context.Context) watch.Reference { return believed(0) }}
	tests := map[string]struct {
		clock  OwnClock
		checks []Check
		want   string
	}{
		"beside what else is known of Lapsewatch":       {asked, []Check{{Name: watch.Itself, Kind: watch.Itself, Check: healthy}}, "lapsewatch/ledger ok, lapsewatch/clock ok, lapsewatch/reference/ntp://time.example.com ok"},
		"alone, where there is no ledger":               {asked, nil, "lapsewatch/clock ok, lapsewatch/reference/ntp://time.example.com ok"},
		"and not at all where no references are to ask": {OwnClock{}, nil, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := strings.Split(lines(t, passWith(t, test.clock, test.checks...).Pass), ", ")
			want := strings.Split(test.want, ", ")
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("found %q, want %q", got, want)
			}
		})
	}
}

func TestF7_AClockThatIsSetDuringThePassIsLookedAtOnceMore(t *testing.T) {
	slept := func(time.Time) time.Duration { return 8 * time.Hour }
	tests := map[string]struct {
		// answers are what the references say first, and when they are asked again.
		answers []time.Duration
		stepped func(time.Time) time.Duration
		trusted bool
		asked   int
	}{
		"nothing happened":                                   {[]time.Duration{0}, nil, true, 1},
		"the machine slept and is right":                     {[]time.Duration{0, 0}, slept, true, 2},
		"it was right and was set wrong":                     {[]time.Duration{0, 8 * time.Hour}, slept, false, 2},
		"it was wrong and was set right":                     {[]time.Duration{-8 * time.Hour, 0}, slept, true, 2},
		"it is wrong all the time":                           {[]time.Duration{365 * 24 * time.Hour}, nil, false, 1},
		"set wrong, and there is nobody who could say so":    {nil, slept, false, 0},
		"a leap second, which nobody needs to be told about": {nil, func(time.Time) time.Duration { return -time.Second }, true, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			asked := 0
			clock := OwnClock{Stepped: test.stepped}
			if test.answers != nil {
				clock.Ask = func(context.Context) watch.Reference {
					asked++
					return believed(test.answers[asked-1])
				}
			}
			got := passWith(t, clock).Pass.Clock
			if got.Trusted != test.trusted || asked != test.asked {
				t.Errorf("trusted %t after asking %d times, want %t after %d", got.Trusted, asked, test.trusted, test.asked)
			}
		})
	}
}

func told(events []watch.Event) []string {
	var all []string
	for _, event := range events {
		all = append(all, fmt.Sprintf("%s %s %s", event.Type, event.Finding.ID, event.Finding.Reason))
	}
	return all
}

func TestF7_AWrongOwnClockIsOneFindingNoFalseExpiryAndNoGoodNews(t *testing.T) {
	hook := newReceiver(t, answer(http.StatusNoContent))
	j := job(t, map[string]alerts.Channel{"hook": channel(t, "hook", hook.Server)})
	certificates := j.Checks
	days := func(n int) time.Time { return now.AddDate(0, 0, n) }
	for _, pass := range []struct {
		name string
		// at is what the own clock shows, and off how far that is from the references.
		at     time.Time
		off    time.Duration
		checks []Check
		want   []string
	}{
		{"on the first day the certificate is near its end", now, 0, certificates, []string{"opened web/example.com:443 expires_soon"}},
		{"a year ahead it has not expired: the clock is wrong", days(366), 365 * 24 * time.Hour, certificates, []string{"opened lapsewatch/clock clock_jump"}},
		{"an hour later nothing is new", days(366).Add(time.Hour), 365 * 24 * time.Hour, certificates, nil},
		{"a year behind nothing is renewed, and nothing has gone", days(-363), -365 * 24 * time.Hour, []Check{{Name: "web", Kind: "k", Check: checkFunc(func(context.Context, watch.Sink) error { return nil })}}, []string{"reminder lapsewatch/clock clock_jump"}},
		{"right again, that is told and no more", days(2), 0, certificates, []string{"resolved lapsewatch/clock "}},
		{"reminders go on as they would have", days(7), 0, certificates, []string{"reminder web/example.com:443 expires_soon"}},
	} {
		j.Checks = pass.checks
		j.at(pass.at)
		j.OwnClock = OwnClock{Ask: func(context.Context) watch.Reference { return believed(pass.off) }}
		outcome := run(t, j)
		if got := told(outcome.Events); !slices.Equal(got, pass.want) {
			t.Fatalf("%s: told %q, want %q", pass.name, got, pass.want)
		}
		if outcome.Undelivered > 0 {
			t.Errorf("%s: %d messages were not delivered", pass.name, outcome.Undelivered)
		}
	}
}
