package ntp

import (
	"testing"
	"time"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	instant, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return instant
}

func TestTimestampsAreThoseOfTheStandard(t *testing.T) {
	// RFC 5905, figure 4, for the whole days.
	tests := []struct {
		name, at string
		want     time64
	}{
		{"the prime epoch", "1900-01-01T00:00:00Z", 0},
		{"the first day of UNIX", "1970-01-01T00:00:00Z", 2_208_988_800 << 32},
		{"the last second of era 0", "2036-02-07T06:28:15Z", (1<<32 - 1) << 32},
		{"the first second of era 1", "2036-02-07T06:28:16Z", 0},
		{"the first day of era 1", "2036-02-08T00:00:00Z", 63_104 << 32},
		{"the end of 32-bit UNIX time", "2038-01-19T03:14:07Z", 61_505_151 << 32},
		{"half a second", "1900-01-01T00:00:00.5Z", 1 << 31},
		{"a nanosecond is a little more than four units", "1900-01-01T00:00:00.000000001Z", 4},
		{"the last nanosecond of a second does not reach the next", "1900-01-01T00:00:00.999999999Z", 0xFFFFFFFB},
		{"the day before the prime epoch is in era -1", "1899-12-31T00:00:00Z", (1<<32 - 86400) << 32},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := newTime64(at(t, test.at)); got != test.want {
				t.Errorf("got %#x, want %#x", uint64(got), uint64(test.want))
			}
		})
	}
}

func TestF7_AnOffsetIsExactInAnyEra(t *testing.T) {
	const (
		year = 365 * 24 * time.Hour
		// edge is a second less than 2³¹ s, 68 years and 18 days.
		edge = (1<<31 - 1) * time.Second
	)
	clocks := []struct{ name, at string }{
		{"in 1970", "1970-01-01T00:00:00.25Z"},
		{"today", "2026-11-22T12:00:00.25Z"},
		{"in 2035", "2035-12-31T23:59:59.75Z"},
		{"a moment before the wrap", "2036-02-07T06:28:15.9985Z"},
		{"a moment after the wrap", "2036-02-07T06:28:16.001Z"},
		{"in 2037", "2037-06-01T00:00:00Z"},
		{"at the end of 32-bit UNIX time", "2038-01-19T03:14:07.5Z"},
	}
	offsets := []time.Duration{0, 1500 * time.Microsecond, -1500 * time.Microsecond, 8*time.Hour + 59*time.Minute + 59*time.Second,
		year, -year, 10 * year, -10 * year, edge, -edge}
	for _, clock := range clocks {
		t.Run("the own clock is "+clock.name, func(t *testing.T) {
			sent := at(t, clock.at)
			came := sent.Add(3 * time.Millisecond)
			for _, offset := range offsets {
				// Each way takes a millisecond, and so does the host.
				receive, transmit := sent.Add(offset+time.Millisecond), sent.Add(offset+2*time.Millisecond)
				got := newReply(header(receive, transmit), sent, came)
				if (got.Offset-offset).Abs() > time.Nanosecond || (got.Delay-2*time.Millisecond).Abs() > 2*time.Nanosecond || got.TransmitOnly {
					t.Errorf("offset %v: got %v with a delay of %v", offset, got.Offset, got.Delay)
				}
				if (got.ServerTime.Sub(transmit)).Abs() > 2*time.Nanosecond {
					t.Errorf("offset %v: the host shows %v, want %v", offset, got.ServerTime, transmit)
				}
			}
		})
	}
}

func TestBeyondSixtyEightYearsAnOffsetIsAmbiguous(t *testing.T) {
	sent := at(t, "2026-11-22T12:00:00Z")
	far := sent.Add(1<<31*time.Second + time.Second)
	got := newReply(header(far, far), sent, sent)
	if want := -(1<<31 - 1) * time.Second; got.Offset != want {
		t.Errorf("a clock 2³¹ s and 1 s ahead shows as %v, want %v", got.Offset, want)
	}
}

func TestDurationsAreRoundedToTheNanosecond(t *testing.T) {
	for units, want := range map[int64]time.Duration{
		0: 0, 1: 0, 3: 1, -1: 0, -3: -1, 1 << 32: time.Second, -(1 << 32): -time.Second, -(1 << 31): -500 * time.Millisecond,
		1<<63 - 1: (1 << 31) * time.Second, -1 << 63: -(1 << 31) * time.Second,
	} {
		if got := duration(units); got != want {
			t.Errorf("%d units are %v, want %v", units, got, want)
		}
	}
}

func TestPowersOfTwoAreLimited(t *testing.T) {
	for exponent, want := range map[int8]time.Duration{
		0: time.Second, 6: 64 * time.Second, 17: 131072 * time.Second, 18: 131072 * time.Second, 127: 131072 * time.Second,
		-1: 500 * time.Millisecond, -20: 953, -29: 1, -30: 0, -128: 0,
	} {
		if got := power(exponent); got != want {
			t.Errorf("2^%d is %v, want %v", exponent, got, want)
		}
	}
}
