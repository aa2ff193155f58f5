package schema

import (
	"math/big"
	"testing"
	"time"
)

// growth is a column that grows in time, looked at in passes.
type growth struct {
	every, lasts time.Duration
	// next is the number that it begins with, of 2^31-1.
	next int64
	grow func(now time.Time) int64
}

const largest = 1<<31 - 1

// states are those that the passes tell, one after the other, without repetitions.
func (g growth) states(t *testing.T) []string {
	t.Helper()
	now := time.Date(2026, time.August, 3, 6, 0, 0, 0, time.UTC) // a Monday
	var states []string
	var kept record
	for ends := now.Add(g.lasts); now.Before(ends) && g.next < largest; now = now.Add(g.every) {
		g.next += g.grow(now)
		s := series{start: big.NewInt(1), increment: big.NewInt(1), next: big.NewInt(g.next), highest: big.NewInt(largest)}
		l := &look{pass: &pass{check: &check{}, now: now}, is: state{Increment: "1"}, before: kept, series: s}
		l.grow()
		if kept = l.before; len(kept.Points) > maxPoints {
			t.Fatalf("%d points", len(kept.Points))
		}
		state := "no date"
		if !l.ahead.on.IsZero() {
			state = "far"
			if left := l.ahead.on.Sub(now); left < 7*day {
				state = "critical"
			} else if left < 31*day {
				state = "near"
			}
		} else if l.reach().percent >= nearlyUsed {
			state = "near"
		}
		if n := len(states); n == 0 || states[n-1] != state {
			t.Logf("%s: %s, at %.0f a day since %s", now.Format("Mon 2006-01-02 15:04"), state, l.ahead.rate.perDay, l.ahead.rate.since.Format("01-02"))
			states = append(states, state)
		}
	}
	return states
}

func TestADateDoesNotComeAndGoWithWhatIsDoneOnceADayAWeekOrAMonth(t *testing.T) {
	const percent = largest / 100
	at := func(n time.Time, hour int) bool { return n.Hour() == hour && n.Minute() == 0 }
	office := func(n time.Time) bool {
		return n.Weekday() != time.Saturday && n.Weekday() != time.Sunday && n.Hour() >= 8 && n.Hour() < 18
	}
	for name, c := range map[string]struct {
		growth
		want []string
	}{
		"a nightly job, seen each hour": {growth{time.Hour, 34 * day, largest - 3_500_000, func(n time.Time) int64 {
			if at(n, 2) {
				return 100_000
			}
			return 0
		}}, []string{"near", "far", "near", "critical"}},
		"a nightly job, seen each five minutes, of which much is left": {growth{5 * time.Minute, 20 * day, largest / 2, func(n time.Time) int64 {
			if at(n, 2) {
				return 20_000_000
			}
			return 0
		}}, []string{"no date", "far"}},
		"office days, seen each hour": {growth{time.Hour, 36 * day, largest - 2_900_000, func(n time.Time) int64 {
			if office(n) {
				return 10_000
			}
			return 0
		}}, []string{"near", "critical"}},
		"a batch each month, seen daily, from 88 %": {growth{day, 190 * day, 88 * percent, func(n time.Time) int64 {
			if n.Day() == 1 && at(n, 6) {
				return 2 * percent
			}
			return 0
		}}, []string{"no date", "far", "near", "critical"}},
		"a batch each Sunday, seen each hour": {growth{time.Hour, 60 * day, 70 * percent, func(n time.Time) int64 {
			if n.Weekday() == time.Sunday && at(n, 3) {
				return 2 * percent
			}
			return 0
		}}, []string{"no date", "far"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.states(t)
			if len(got) != len(c.want) {
				t.Fatalf("got %q, want %q", got, c.want)
			}
			for i := range got {
				if got[i] != c.want[i] {
					t.Errorf("got %q, want %q", got, c.want)
				}
			}
		})
	}
}

func TestSlowerGrowthCountsAfterEightDaysAndFasterGrowthAtOnce(t *testing.T) {
	now := time.Date(2026, time.August, 3, 0, 0, 0, 0, time.UTC)
	at := func(perDay float64) rate { return rate{perDay: perDay, since: now} }
	told := pace{}.kept(at(20), now)
	if got := told.kept(at(30), now); got.PerDay != 30 || got.Slower != 0 {
		t.Errorf("got %+v", got)
	}
	held := told.kept(at(10), now)
	if held.PerDay != 20 || held.Slower != now.Unix() {
		t.Errorf("got %+v", held)
	}
	if held = held.kept(at(10), now.Add(heldFor-time.Hour)); held.PerDay != 20 {
		t.Errorf("got %+v", held)
	}
	if got := held.kept(at(10), now.Add(heldFor)); got.PerDay != 10 || got.Slower != 0 {
		t.Errorf("got %+v", got)
	}
	if got := held.kept(rate{since: now}, now.Add(remembered+day)); got.PerDay != 0 {
		t.Errorf("got %+v", got)
	}
	if got := held.kept(at(20), now.Add(heldFor-time.Hour)); got.Slower != 0 {
		t.Errorf("got %+v", got)
	}
}
