package policy

import (
	"fmt"
	"math"
	"time"

	"lapsewatch/watch"
)

// clockError is what probably went wrong with a clock.
type clockError struct {
	// name is what details and rules call it.
	name string
	// text completes "as if …".
	text string
}

func (e clockError) clause() string {
	if e.text == "" {
		return ""
	}
	return ", as if " + e.text
}

// The distances that give a mistake away.
const (
	eraLength = 1 << 32 * time.Second
	// gpsRollover is 1,024 weeks, after which receivers with a 10-bit week number start over.
	gpsRollover = 1024 * 7 * day
	// gpsAhead and taiAhead are how far time scales without leap seconds are ahead of UTC
	// since 2017 (IERS Bulletin C).
	gpsAhead = 18 * time.Second
	taiAhead = 37 * time.Second
	// furthestDate: what lies beyond may be further than a time.Duration holds.
	furthestDate = 290 * 365 * day
	// widestZones lie between the zones UTC−12 and UTC+14.
	widestZones = 26 * time.Hour
)

// classify names the mistake that an offset looks like. The text is a guess for people and
// decides nothing.
func classify(clock watch.Clock) clockError {
	offset := clock.Offset
	near := func(target, slack time.Duration) bool {
		return (offset.Abs() - target).Abs() <= slack+min(clock.Uncertainty, slack)
	}
	if offset.Abs()-clock.Uncertainty < clock.Limits.Warn {
		return clockError{} // nothing went wrong
	}
	switch {
	case near(eraLength, day):
		return clockError{"era", "an NTP era were mistaken (2^32 s)"}
	case near(gpsRollover, day):
		return clockError{"gps_week", "a GPS receiver's week number had rolled over (1,024 weeks)"}
	}
	if class := dateMistyped(clock); class.name != "" {
		return class
	}
	switch {
	case near(taiAhead, 100*time.Millisecond) && offset > 0:
		return clockError{"time_scale", "it showed TAI and not UTC (37 s)"}
	case near(gpsAhead, 100*time.Millisecond) && offset > 0:
		return clockError{"time_scale", "it showed GPS time and not UTC (18 s)"}
	case near(time.Second, 50*time.Millisecond):
		return clockError{"leap_second", "a leap second had been missed or applied twice"}
	}
	if class := zoneMistaken(clock); class.name != "" {
		return class
	}
	if minutes := offset.Abs().Round(time.Minute); minutes >= time.Minute && minutes < time.Hour && near(minutes, time.Second) {
		return clockError{"minutes", fmt.Sprintf("the minutes were typed wrong (%d)", minutes/time.Minute)}
	}
	if ppm, known := driftOf(clock); known && math.Abs(ppm) >= 1 && jumpOf(clock).by == 0 {
		return clockError{"drift", fmt.Sprintf("it ran free: %+.1f ppm (%s a day)", ppm, watch.Span(time.Duration(ppm*1e-6*float64(day))))}
	}
	return clockError{}
}

// dateMistyped compares calendars: with the same time of day, another year, month or day.
func dateMistyped(clock watch.Clock) clockError {
	right := clock.At.UTC()
	shown := right.Add(clock.Offset)
	slack := 2*time.Minute + min(clock.Uncertainty, time.Minute)
	same := func(candidate time.Time) bool { return shown.Sub(candidate).Abs() <= slack }
	months := 12*(shown.Year()-right.Year()) + int(shown.Month()-right.Month())
	years := int(math.Round(float64(clock.Offset) / float64(365*day)))
	wholeDays := clock.Offset.Round(day)
	switch {
	case clock.Offset.Abs() < day/2 || clock.Offset.Abs() > furthestDate:
		return clockError{}
	case years != 0 && (same(right.AddDate(years, 0, 0)) || same(right.Add(time.Duration(years)*365*day)) || same(right.Add(time.Duration(years)*366*day))):
		return clockError{"year", "the year were typed wrong"}
	case months != 0 && max(months, -months) < 12 && same(right.AddDate(0, months, 0)):
		return clockError{"month", "the month were typed wrong"}
	case (clock.Offset - wholeDays).Abs() <= slack:
		if shown.Month() == right.Month() && shown.Year() == right.Year() {
			return clockError{"day", "the day were typed wrong"}
		}
		return clockError{"date", "the date were typed wrong: the time of day is right"}
	}
	return clockError{}
}

// zoneMistaken knows whole hours, which are zones and summer time, and the quarters of an
// hour by which some zones differ.
func zoneMistaken(clock watch.Clock) clockError {
	off := clock.Offset.Abs()
	slack := 10*time.Second + min(clock.Uncertainty, 10*time.Second)
	hours, quarters := off.Round(time.Hour), off.Round(15*time.Minute)
	switch {
	case off > widestZones+slack:
		return clockError{}
	case hours == time.Hour && (off-hours).Abs() <= slack:
		return clockError{"time_zone", "summer time (DST) or the time zone were wrong (1 h)"}
	case hours == 12*time.Hour && (off-hours).Abs() <= slack:
		return clockError{"time_zone", "a.m. and p.m. had been confused, or the time zone were wrong (12 h)"}
	case hours > 0 && (off-hours).Abs() <= slack:
		return clockError{"time_zone", fmt.Sprintf("the time zone were wrong, or local time taken for UTC (%d h)", hours/time.Hour)}
	case quarters >= 30*time.Minute && (off-quarters).Abs() <= slack:
		return clockError{"time_zone", fmt.Sprintf("the time zone were wrong, or local time taken for UTC (%s)", watch.Span(quarters))}
	}
	return clockError{}
}

// shortestDrift is how far two readings lie apart at least to tell a rate.
const shortestDrift = time.Minute

// driftOf is the rate between this reading and the one before, in parts per million. It is
// known where it is larger than the error of the readings.
func driftOf(clock watch.Clock) (ppm float64, known bool) {
	if clock.Before == nil || clock.Unverified != "" {
		return 0, false
	}
	elapsed, moved := clock.At.Sub(clock.Before.At), watch.Minus(clock.Offset, clock.Before.Offset)
	if elapsed < shortestDrift || moved.Abs() <= clock.Uncertainty+clock.Before.Uncertainty {
		return 0, false
	}
	return float64(moved) / float64(elapsed) * 1e6, true
}
