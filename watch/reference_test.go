package watch

import (
	"math"
	"testing"
	"time"
)

func TestTheTimeOfTheReferencesHoldsThoughTheOwnClockIsSetMeanwhile(t *testing.T) {
	asked := time.Now()
	strong := Reference{Asked: 3, Answered: 3, Agreeing: 3, Majority: true, Offset: 365 * 24 * time.Hour, At: asked}
	// The same instant later, by a clock that shows another date but has the same monotonic part.
	later := asked.Add(time.Minute)
	if got, want := strong.Time(later), asked.Add(time.Minute-365*24*time.Hour).Round(0); !got.Equal(want) {
		t.Errorf("%v, want %v", got, want)
	}
	weak := strong
	weak.Agreeing = 2
	if got := weak.Time(later); !got.Equal(later) {
		t.Errorf("two references overrule the own clock: %v", got)
	}
	if weak.Doubt() == "" || strong.Doubt() != "" || (Reference{}).Doubt() != "" {
		t.Errorf("doubts: %q of two, %q of three, %q of none", weak.Doubt(), strong.Doubt(), Reference{}.Doubt())
	}
}

func TestSumsAndDifferencesStayAtWhatADurationHolds(t *testing.T) {
	const most, least = time.Duration(math.MaxInt64), time.Duration(math.MinInt64)
	for _, test := range []struct{ got, want time.Duration }{
		{Plus(most, 1), most}, {Plus(least, -1), least}, {Plus(most, least), -1}, {Plus(2, -3), -1}, {Plus(0, most), most}, {Plus(1, most), most}, {Plus(1, 2), 3},
		{Minus(most, -1), most}, {Minus(least, 1), least}, {Minus(0, least), most}, {Minus(most, most), 0}, {Minus(2, 3), -1}, {Minus(-2, most), least}, {Minus(1, 2), -1}, {Minus(least, least), 0}, {Minus(-1, least), most},
	} {
		if test.got != test.want {
			t.Errorf("%d, want %d", test.got, test.want)
		}
	}
}
