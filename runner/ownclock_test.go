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

// believed is what four references say of an own clock that is off by so much.
func believed(offset time.Duration) watch.Reference {
	reference := watch.Reference{Asked: 4, Answered: 4, Agreeing: 4, Majority: true, Offset: offset, Uncertainty: time.Millisecond, At: now}
	for _, host := range []string{"a", "b", "c", "d"} {
		reference.Each = append(reference.Each, watch.ReferenceAnswer{Name: "ntp://" + host, Offset: offset, Agreeing: true})
	}
	return reference
}

// few are less than overrule the own clock.
func few(n int, offset time.Duration) watch.Reference {
	reference := believed(offset)
	reference.Asked, reference.Answered, reference.Agreeing, reference.Each = n, n, n, reference.Each[:n]
	return reference
}

// silentReferences is that none of them answers.
func silentReferences() watch.Reference {
	return watch.Reference{Asked: 4, Why: "none of 4 references answered", At: now}
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
	const own = "lapsewatch/clock ok, lapsewatch/reference/ntp://a ok, lapsewatch/reference/ntp://b ok, lapsewatch/reference/ntp://c ok, lapsewatch/reference/ntp://d ok"
	asked := OwnClock{Ask: func(context.Context) watch.Reference { return believed(0) }}
	tests := map[string]struct {
		clock  OwnClock
		checks []Check
		want   string
	}{
		"beside what else is known of Lapsewatch":       {asked, []Check{{Name: watch.Itself, Kind: watch.Itself, Check: healthy}}, "lapsewatch/ledger ok, " + own},
		"alone, where there is no ledger":               {asked, nil, own},
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
	slept := func() time.Duration { return 8 * time.Hour }
	const year = 365 * 24 * time.Hour
	tests := map[string]struct {
		// answers are what the references say first, and when they are asked again.
		answers []watch.Reference
		stepped func() time.Duration
		trusted bool
		asked   int
		// judged is the instant that the pass judged by.
		judged time.Time
	}{
		"nothing happened":                                            {[]watch.Reference{believed(0)}, nil, true, 1, now},
		"the machine slept and is right":                              {[]watch.Reference{believed(0), believed(0)}, slept, true, 2, now},
		"it was right and was set wrong":                              {[]watch.Reference{believed(0), believed(8 * time.Hour)}, slept, false, 2, now},
		"it was wrong and was set right":                              {[]watch.Reference{believed(-8 * time.Hour), believed(0)}, slept, true, 2, now.Add(8 * time.Hour)},
		"it was wrong before anybody could say so, and was set right": {[]watch.Reference{silentReferences(), believed(0)}, slept, false, 2, now},
		"two references are no reason to call sleep a wrong clock":    {[]watch.Reference{few(2, 0), few(2, 0)}, slept, true, 2, now},
		"it was wrong, is set, and then nobody answers":               {[]watch.Reference{believed(8 * time.Hour), silentReferences()}, func() time.Duration { return -8 * time.Hour }, true, 2, now.Add(-8 * time.Hour)},
		"it is wrong all the time":                                    {[]watch.Reference{believed(year)}, nil, false, 1, now.Add(-year)},
		"set wrong, and there is nobody who could say so":             {nil, slept, false, 0, now},
		"a leap second, which nobody needs to be told about":          {nil, func() time.Duration { return -time.Second }, true, 0, now},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			asked := 0
			clock := OwnClock{Stepped: test.stepped}
			if test.answers != nil {
				clock.Ask = func(context.Context) watch.Reference {
					asked++
					return test.answers[asked-1]
				}
			}
			got := passWith(t, clock).Pass
			if got.Clock.Trusted != test.trusted || asked != test.asked || !got.GeneratedAt.Equal(test.judged) {
				t.Errorf("trusted %t after asking %d times, judged at %v; want %t after %d at %v", got.Clock.Trusted, asked, got.GeneratedAt, test.trusted, test.asked, test.judged)
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

// Without references that overrule it nobody knows which clock is right, so that no date is
// judged at all: neither called expired, nor in order.
func TestF7_WhereNobodyKnowsTheTimeNoDateIsJudged(t *testing.T) {
	two := few(2, 365*24*time.Hour)
	check := checkFunc(func(_ context.Context, sink watch.Sink) error {
		sink(certificate("expired", -2))
		sink(certificate("fine", 300))
		sink(watch.Condition{Subject: watch.Subject{ID: "other", Name: "other"}, Text: "is in order"})
		return nil
	})
	collected := passWith(t, OwnClock{Ask: func(context.Context) watch.Reference { return two }}, Check{Name: "web", Kind: "k", Check: check})
	wants := map[string]watch.Severity{"web/expired": watch.Unknown, "web/fine": watch.Unknown, "web/other": watch.OK, "lapsewatch/clock": watch.Critical}
	for finding, err := range collected.Pass.Findings {
		if err != nil {
			t.Fatal(err)
		}
		if want, known := wants[finding.ID]; known && finding.Severity != want {
			t.Errorf("%s is %s: %s; want %s", finding.ID, finding.Severity, finding.Message, want)
		}
		if finding.Severity == watch.Unknown && (finding.DaysLeft != nil || len(finding.Also) > 0) {
			t.Errorf("%s has %v days left and also %v", finding.ID, finding.DaysLeft, finding.Also)
		}
		delete(wants, finding.ID)
	}
	if len(wants) > 0 {
		t.Errorf("there is no finding on %v", wants)
	}
}

// rechecked looks twice, and sees the same.
type rechecked struct{ checkFunc }

func (r rechecked) Recheck(ctx context.Context, _ []string, sink watch.Sink) error {
	return r.checkFunc(ctx, sink)
}

func TestF7_ASecondLookJudgesNoDateEither(t *testing.T) {
	hook := newReceiver(t, answer(http.StatusNoContent))
	j := job(t, map[string]alerts.Channel{"hook": channel(t, "hook", hook.Server)})
	unreadable := true
	j.Checks = []Check{{Name: "web", Kind: "k", Check: rechecked{func(_ context.Context, sink watch.Sink) error {
		if unreadable {
			unreadable = false
			sink(watch.Problem{Subject: watch.Subject{ID: "a", Name: "a"}, Reason: watch.TimedOut, Err: context.DeadlineExceeded, Confined: true})
			return nil
		}
		sink(certificate("a", -2))
		return nil
	}}}}
	j.OwnClock = OwnClock{Ask: func(context.Context) watch.Reference { return few(2, 365*24*time.Hour) }}
	outcome := run(t, j)
	seen := false
	for finding, err := range outcome.Pass.Findings {
		if err != nil {
			t.Fatal(err)
		}
		if finding.ID == "web/a" {
			seen = true
			if finding.Reason != watch.NoMajority {
				t.Errorf("the second look says %s, %s: %s", finding.Severity, finding.Reason, finding.Message)
			}
		}
	}
	if got := told(outcome.Events); !seen || !slices.Equal(got, []string{"opened lapsewatch/clock clock_jump"}) {
		t.Errorf("seen %t, told %q", seen, got)
	}
}
