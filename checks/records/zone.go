package records

import "time"

// day is one of the calendar, in UTC.
const day = 24 * time.Hour

// wall is the time that a clock on the wall of the zone shows at an instant, written as
// if it were UTC.
func wall(at time.Time, zone *time.Location) time.Time {
	_, offset := at.In(zone).Zone()
	return at.UTC().Add(time.Duration(offset) * time.Second)
}

// highestWall is the latest time that the wall clock has shown by that instant. When
// clocks go back it shows some times again, and such a time counts as the first of the
// two: then nothing counts as ahead that need not be.
func highestWall(at time.Time, zone *time.Location) time.Time {
	highest := wall(at, zone)
	since, _ := at.In(zone).ZoneBounds()
	if since.IsZero() {
		return highest
	}
	if before := wall(since.Add(-1), zone).Add(1); before.After(highest) {
		return before
	}
	return highest
}

// instant is when the wall clock shows that time: of two such instants the first, and for
// a time that it leaves out the one by the offset that held before.
func instant(shown time.Time, zone *time.Location) time.Time {
	var found time.Time
	for _, near := range []time.Time{shown.Add(-2 * day), shown.Add(2 * day)} {
		_, offset := near.In(zone).Zone()
		candidate := shown.Add(-time.Duration(offset) * time.Second)
		if wall(candidate, zone).Equal(shown) && (found.IsZero() || candidate.Before(found)) {
			found = candidate
		}
	}
	if found.IsZero() {
		_, offset := shown.Add(-2 * day).In(zone).Zone()
		found = shown.Add(-time.Duration(offset) * time.Second)
	}
	return found
}
