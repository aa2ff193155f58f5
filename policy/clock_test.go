package policy

import (
	"math"
	"strings"
	"testing"
	"time"

	"lapsewatch/watch"
)

// sunday lies far from either change of summer time.
var sunday = time.Date(2026, time.November, 22, 6, 0, 0, 0, time.UTC)

func judgedClock(clock watch.Clock) watch.Finding {
	clock.Subject = watch.Subject{ID: "h", Name: "h"}
	if clock.Reference == "" {
		clock.Reference = "4 references"
	}
	if clock.At.IsZero() {
		clock.At = sunday
	}
	return Judge{}.Finding(Origin{Check: "clocks", Kind: "clock"}, clock, sunday)
}

func TestAClockIsGradedByWhatIsProven(t *testing.T) {
	mifid := watch.Tolerances()[0].Limits()
	tests := map[string]struct {
		clock    watch.Clock
		severity watch.Severity
		reason   watch.Reason
		message  string
	}{
		"within the limit": {
			watch.Clock{Offset: 2 * time.Millisecond, Uncertainty: 100 * time.Microsecond}, watch.OK, "",
			"clock is 2.0 ms ahead of 4 references (± 100.0 µs)",
		},
		"beyond the limit by no more than its uncertainty is no proof, and not ok": {
			watch.Clock{Offset: 1500 * time.Millisecond, Uncertainty: 600 * time.Millisecond}, watch.Unknown, watch.ClockUncertain,
			"clock is 1.500 s ahead of 4 references (± 600.0 ms), which may be beyond the limit of 1.000 s",
		},
		"within the limit, and perhaps not": {
			watch.Clock{Offset: 800 * time.Millisecond, Uncertainty: 600 * time.Millisecond}, watch.OK, "",
			"clock is 800.0 ms ahead of 4 references (± 600.0 ms)",
		},
		"a leap second that was missed": {
			watch.Clock{Offset: -time.Second, Uncertainty: 20 * time.Millisecond}, watch.Unknown, watch.ClockUncertain,
			"clock is 1.000 s behind 4 references (± 20.0 ms), which may be beyond the limit of 1.000 s",
		},
		"on the day of a leap second a second more is allowed": {
			watch.Clock{Offset: -1100 * time.Millisecond, Uncertainty: 20 * time.Millisecond, Slack: time.Second}, watch.OK, "",
			"clock is 1.100 s behind 4 references (± 20.0 ms); for a leap second 1.000 s more are allowed today",
		},
		"no reference is given": {
			watch.Clock{Offset: time.Millisecond, NoReference: true, Unverified: "no references are given"}, watch.Unknown, watch.NoReference,
			"clock is 1.0 ms ahead of 4 references (± 0 s), which proves nothing: no references are given",
		},
		"what a host says of itself has no dial": {
			watch.Clock{Offset: -90 * time.Second, SelfReported: true}, watch.Critical, watch.ClockDrift,
			"clock is 90.000 s behind 4 references (± 0 s). At this offset one-time passwords (TOTP) are refused (30 s)",
		},
		"a warning says what breaks further off": {
			watch.Clock{Offset: -2 * time.Second, Uncertainty: time.Millisecond}, watch.Warning, watch.ClockDrift,
			"clock is 2.000 s behind 4 references (± 1.0 ms). Further off, one-time passwords (TOTP) are refused (30 s)",
		},
		"critical says what breaks now": {
			watch.Clock{Offset: 400 * time.Second, Uncertainty: time.Millisecond}, watch.Critical, watch.ClockDrift,
			"clock is 6 min 40 s ahead of 4 references (± 1.0 ms): it says 2026-11-22 06:06:40 UTC where 2026-11-22 06:00:00 UTC is right. At this offset " +
				"one-time passwords (TOTP) are refused (30 s), Kerberos and Active Directory sign-ins fail (300 s), Microsoft Entra refuses client assertions (300 s)",
		},
		"a year ahead is a reading and no error": {
			watch.Clock{Offset: 365 * day, Uncertainty: time.Second}, watch.Critical, watch.ClockDrift,
			"clock is 365 d ahead of 4 references (± 1.000 s): it says 2027-11-22 06:00:00 UTC where 2026-11-22 06:00:00 UTC is right, as if the year were typed wrong. At this offset " +
				"one-time passwords (TOTP) are refused (30 s), Kerberos and Active Directory sign-ins fail (300 s), Microsoft Entra refuses client assertions (300 s), new certificates seem not yet valid, or valid ones expired (1 h)",
		},
		"microseconds count where the limit says so": {
			watch.Clock{Offset: 60 * time.Microsecond, Uncertainty: time.Microsecond, Limits: mifid}, watch.Critical, watch.ClockDrift,
			"clock is 60.0 µs ahead of 4 references (± 1.0 µs). Further off, high-frequency trading breaks MiFID II (100 µs)",
		},
		"what was read less exactly than its limit is not ok": {
			watch.Clock{Offset: 60 * time.Microsecond, Uncertainty: time.Millisecond, Limits: mifid}, watch.Unknown, watch.ClockUncertain,
			"clock is 60.0 µs ahead of 4 references (± 1.0 ms), which is less exact than the limit of 20.0 µs",
		},
		"without a majority nothing is ok, however near it seems": {
			watch.Clock{Offset: time.Millisecond, Unverified: "2 of 4 references agree, which is no majority"}, watch.Unknown, watch.NoMajority,
			"clock is 1.0 ms ahead of 4 references (± 0 s), which proves nothing: 2 of 4 references agree, which is no majority",
		},
		"nor is anything wrong for certain": {
			watch.Clock{Offset: 365 * day, Unverified: "none of 4 references answered"}, watch.Unknown, watch.NoMajority,
			"clock is 365 d ahead of 4 references (± 0 s), which proves nothing: none of 4 references answered",
		},
		"an observation stands beside an offset that is fine": {
			watch.Clock{Observations: []watch.Observation{{Reason: watch.ClockUnsynchronised, Text: "says that it follows no source (leap indicator 3)"}}},
			watch.Warning, watch.ClockUnsynchronised,
			"says that it follows no source (leap indicator 3); its clock is 0 s ahead of 4 references (± 0 s)",
		},
		"the own clock is not believed from five minutes on": {
			watch.Clock{Own: true, Offset: -time.Hour, Uncertainty: time.Millisecond}, watch.Critical, watch.ClockJump,
			"clock is 1 h behind 4 references (± 1.0 ms): it says 2026-11-22 05:00:00 UTC where 2026-11-22 06:00:00 UTC is right, as if summer time (DST) or the time zone were wrong (1 h). At this offset " +
				"one-time passwords (TOTP) are refused (30 s), Kerberos and Active Directory sign-ins fail (300 s), Microsoft Entra refuses client assertions (300 s)",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := judgedClock(test.clock)
			if got.Severity != test.severity || got.Reason != test.reason {
				t.Errorf("%s, %s; want %s, %s", got.Severity, got.Reason, test.severity, test.reason)
			}
			if got.Message != test.message {
				t.Errorf("message\n%q, want\n%q", got.Message, test.message)
			}
		})
	}
}

func TestTheMistakeBehindAnOffsetIsNamed(t *testing.T) {
	hour := time.Hour
	tests := map[string]struct {
		offset time.Duration
		class  string
	}{
		"a year ahead, 365 days":                      {365 * day, "year"},
		"a year ahead, by the calendar and 40 s more": {365*day + 40*time.Second, "year"},
		"three years behind, over a 29 February":      {-1096 * day, "year"},
		"two years behind, counted in days":           {-730 * day, "year"},
		"four years ahead":                            {1461 * day, "year"},
		"a month ahead":                               {30 * day, "month"},
		"a month behind, which had 31 days":           {-31 * day, "month"},
		"five days ahead, within the month":           {5 * day, "day"},
		"another day of another month":                {20 * day, "date"},
		"400 days":                                    {400 * day, "date"},
		"summer time":                                 {hour, "time_zone"},
		"eight hours, 59 minutes and 59 seconds":      {8*hour + 59*time.Minute + 59*time.Second, "time_zone"},
		"India's half hour":                           {5*hour + 30*time.Minute, "time_zone"},
		"Nepal's quarter":                             {-5*hour - 45*time.Minute, "time_zone"},
		"noon and midnight":                           {12 * hour, "time_zone"},
		"minutes":                                     {7 * time.Minute, "minutes"},
		"a leap second":                               {-time.Second, "leap_second"},
		"GPS time":                                    {18 * time.Second, "time_scale"},
		"TAI":                                         {37 * time.Second, "time_scale"},
		"18 s behind is not GPS time":                 {-18 * time.Second, ""},
		"the NTP era":                                 {1 << 32 * time.Second, "era"},
		"the era, behind":                             {-(1 << 32) * time.Second, "era"},
		"the week number of GPS":                      {-1024 * 7 * day, "gps_week"},
		"the beginning of UNIX time":                  {sunday.Sub(time.Unix(0, 0)) * -1, ""},
		"nothing that has a name":                     {4*hour + 7*time.Minute + 13*time.Second, ""},
		"as far as a duration reaches":                {math.MaxInt64, ""},
		"as far back":                                 {math.MinInt64, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, _ := judgedClock(watch.Clock{Offset: test.offset}).Details["clock_error"].(string)
			if got != test.class {
				t.Errorf("an offset of %v is called %q, want %q", test.offset, got, test.class)
			}
		})
	}
}

func TestADateIsComparedByTheCalendarOnLeapDaysToo(t *testing.T) {
	leap := time.Date(2028, time.February, 29, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		shown time.Time
		class string
	}{
		{time.Date(2029, time.March, 1, 12, 0, 0, 0, time.UTC), "year"},
		{time.Date(2029, time.February, 28, 12, 0, 0, 0, time.UTC), "year"},
		{time.Date(2028, time.March, 29, 12, 0, 0, 0, time.UTC), "month"},
		{time.Date(2028, time.March, 1, 12, 0, 0, 0, time.UTC), "date"},
	} {
		got := judgedClock(watch.Clock{At: leap, Offset: test.shown.Sub(leap)}).Details["clock_error"]
		if got != test.class {
			t.Errorf("on 29 February %s is called %v, want %q", test.shown.Format(time.DateOnly), got, test.class)
		}
	}
}

func TestAJumpSinceThePassBeforeIsAReasonOfItsOwn(t *testing.T) {
	yesterday := func(offset time.Duration) *watch.ClockReading {
		return &watch.ClockReading{At: sunday.Add(-day), Offset: offset, Uncertainty: time.Millisecond}
	}
	tests := map[string]struct {
		clock  watch.Clock
		reason watch.Reason
		also   string
		ends   string
	}{
		"set a year ahead overnight": {
			watch.Clock{Offset: 365 * day, Before: yesterday(0)}, watch.ClockDrift, "was set forwards by 365 d since 2026-11-21 06:00 UTC", "",
		},
		"wrong since a jump that was seen before": {
			watch.Clock{Offset: 365*day + time.Minute, Before: &watch.ClockReading{At: sunday.Add(-2 * day)}, Since: yesterday(365 * day)}, watch.ClockDrift, "was set forwards by 365 d since 2026-11-20 06:00 UTC", "",
		},
		"drifted out of its limits, and further": {
			watch.Clock{Offset: 70 * time.Second, Before: &watch.ClockReading{At: sunday.Add(-2 * day)}, Since: yesterday(35 * time.Second)}, watch.ClockDrift, "", "",
		},
		"set right again": {
			watch.Clock{Offset: time.Millisecond, Since: yesterday(365 * day)}, "", "", "; it was set backwards by 365 d since 2026-11-21 06:00 UTC",
		},
		"what it can have drifted in a day is no jump": {
			watch.Clock{Offset: 40 * time.Second, Before: yesterday(0)}, watch.ClockDrift, "", "",
		},
		"the references were set, and the own clock stands apart from them by as much": {
			watch.Clock{Offset: 400 * time.Second, OwnOffset: 400 * time.Second, Before: yesterday(0)}, watch.ClockDrift, "", "",
		},
		"a step that does not matter": {
			watch.Clock{Offset: 500 * time.Millisecond, Before: &watch.ClockReading{At: sunday.Add(-time.Minute)}}, "", "", "",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.clock.Uncertainty = time.Millisecond
			got := judgedClock(test.clock)
			also := ""
			for _, judged := range got.Also {
				if judged.Reason == watch.ClockJump {
					also = judged.Message
				}
			}
			if got.Reason != test.reason || also != test.also || !strings.HasSuffix(got.Message, test.ends) {
				t.Errorf("reason %q, also %q, message %q", got.Reason, also, got.Message)
			}
		})
	}
}

func TestDriftIsARateOfTwoReadings(t *testing.T) {
	before := &watch.ClockReading{At: sunday.Add(-time.Hour), Offset: time.Second, Uncertainty: time.Millisecond}
	got := judgedClock(watch.Clock{Offset: 1360 * time.Millisecond, Uncertainty: time.Millisecond, Before: before})
	if ppm := got.Details["drift_ppm"]; ppm != 100.0 {
		t.Errorf("360 ms in an hour are %v ppm, want 100", ppm)
	}
	if want := ", as if it ran free: +100.0 ppm (8.640 s a day)"; !strings.Contains(got.Message, want) {
		t.Errorf("%q does not say %q", got.Message, want)
	}
	before.Offset = 1359 * time.Millisecond
	if ppm, said := judgedClock(watch.Clock{Offset: 1360 * time.Millisecond, Uncertainty: time.Millisecond, Before: before}).Details["drift_ppm"]; said {
		t.Errorf("a difference within the error of the readings is called a drift of %v ppm", ppm)
	}
}

func TestAClockThatIsRightIsNotCalledAMistake(t *testing.T) {
	got := judgedClock(watch.Clock{Offset: 10 * time.Millisecond, Uncertainty: 950 * time.Millisecond})
	if class, named := got.Details["clock_error"]; named || got.Severity != watch.OK {
		t.Errorf("%s, called %v", got.Severity, class)
	}
}

func TestANewJumpIsNewsThoughTheClockWasWrongBefore(t *testing.T) {
	first := judgedClock(watch.Clock{Offset: time.Hour, Before: &watch.ClockReading{At: sunday.Add(-2 * day)}, Since: &watch.ClockReading{At: sunday.Add(-day), Offset: time.Hour}})
	same := judgedClock(watch.Clock{At: sunday.Add(time.Hour), Offset: time.Hour, Before: &watch.ClockReading{At: sunday.Add(-2 * day)}, Since: &watch.ClockReading{At: sunday.Add(-day), Offset: time.Hour}})
	second := judgedClock(watch.Clock{At: sunday.Add(2 * time.Hour), Offset: -time.Hour, Before: &watch.ClockReading{At: sunday, Offset: time.Hour}})
	known, event := Telling{}.Compare(nil, first, sunday)
	if event == nil || event.Type != watch.Opened {
		t.Fatalf("the first jump raised %+v", event)
	}
	if _, event = (Telling{}).Compare(&known, same, sunday.Add(time.Hour)); event != nil {
		t.Errorf("the same jump raised %s again", event.Type)
	}
	if _, event = (Telling{}).Compare(&known, second, sunday.Add(2*time.Hour)); event == nil || event.Type != watch.Worsened {
		t.Errorf("another jump raised %+v, want worsened", event)
	}
	grown, event := Telling{}.Compare(&known, second, sunday.Add(2*time.Hour))
	if event == nil {
		t.Fatal("no event")
	}
	if _, event = (Telling{}).Compare(&grown, first, sunday.Add(3*time.Hour)); event != nil {
		t.Errorf("a smaller extent raised %s", event.Type)
	}
}

func TestAHostThatAlsoSaysThatItIsUnsynchronisedAwaitsTheReferencesToo(t *testing.T) {
	got := judgedClock(watch.Clock{Unverified: "none of 4 references answered", Observations: []watch.Observation{{Reason: watch.ClockUnsynchronised, Text: "says that it follows no source"}}})
	if !AwaitsReferences(got) {
		t.Errorf("%s, %s, also %v is judged without references", got.Severity, got.Reason, got.Also)
	}
	if got = judgedClock(watch.Clock{Observations: []watch.Observation{{Reason: watch.ClockUnsynchronised, Text: "says that it follows no source"}}}); AwaitsReferences(got) {
		t.Errorf("%s awaits references that have answered", got.Message)
	}
}

func TestWhatComesAndGoesIsNotToldForEachJump(t *testing.T) {
	clock := func(hour int, bad bool) watch.Finding {
		at := sunday.Add(time.Duration(hour) * time.Hour)
		if !bad {
			return judgedClock(watch.Clock{At: at})
		}
		return judgedClock(watch.Clock{At: at, Offset: time.Hour, Before: &watch.ClockReading{At: at.Add(-time.Hour)}})
	}
	var known *Known
	told := map[watch.EventType]int{}
	for hour := range 48 {
		after, event := Telling{}.Compare(known, clock(hour, hour%2 == 0), sunday.Add(time.Duration(hour)*time.Hour))
		if known = &after; event != nil {
			told[event.Type]++
		}
	}
	if told[watch.Opened] != 2 || told[watch.Worsened] != 0 || told[watch.Resolved] != 1 || told[watch.Reminder] > 2 {
		t.Errorf("in two days it is told %v", told)
	}
}
