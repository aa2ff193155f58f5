package remoteclock

import (
	"math"
	"testing"
	"time"
)

func TestSecondsSaturateInsteadOfTurningRound(t *testing.T) {
	const most, least = time.Duration(math.MaxInt64), time.Duration(math.MinInt64)
	tests := []struct{ got, want time.Duration }{
		{seconds(1.5), 1500 * time.Millisecond}, {seconds(1e300), most}, {seconds(-1e300), least}, {seconds(math.Inf(1)), most}, {seconds(math.NaN()), 0},
	}
	for i, test := range tests {
		if test.got != test.want {
			t.Errorf("length %d is %v, want %v", i+1, test.got, test.want)
		}
	}
}

func TestSecondsSince1970KeepTheirFraction(t *testing.T) {
	for since, want := range map[float64]time.Time{
		0: time.Unix(0, 0), 1.25: time.Unix(1, 250_000_000), -1.25: time.Unix(-2, 750_000_000),
		1e300: time.Unix(1<<40, 0), math.Inf(-1): time.Unix(-(1 << 40), 0),
	} {
		if got := unixTime(since); !got.Equal(want) {
			t.Errorf("%g is %v, want %v", since, got, want)
		}
	}
}

func TestTheOutputOfDateIsReadAsExactlyAsItIs(t *testing.T) {
	tests := map[string]struct {
		want       time.Time
		resolution time.Duration
	}{
		"1700000000.123456789\n": {time.Unix(1_700_000_000, 123_456_789), time.Nanosecond},
		"1700000000.000000001":   {time.Unix(1_700_000_000, 1), time.Nanosecond},
		"1700000000.125":         {time.Unix(1_700_000_000, 125_000_000), time.Millisecond},
		"-2.75\n":                {time.Unix(-2, 750_000_000), 10 * time.Millisecond},
		"1700000000.%N\n":        {time.Unix(1_700_000_000, 0), time.Second},
		"999999999999":           {time.Unix(999_999_999_999, 0), time.Second},
	}
	for output, test := range tests {
		got, resolution, err := parseDateOutput(output)
		if err != nil || !got.Equal(test.want) || resolution != test.resolution {
			t.Errorf("%q is %v to %v, %v", output, got, resolution, err)
		}
	}
	for _, output := range []string{"", "\n", "1e9", "1700000000,5", "+1700000000", "1700000000.5 x", "1\n2", "0x10", "1700000000.1234567890", "１７"} {
		if got, _, err := parseDateOutput(output); err == nil {
			t.Errorf("%q is read as %v", output, got)
		}
	}
}
