package records

import (
	"fmt"
	"math"
	"strings"
	"time"

	"lapsewatch/internal/sqlread"
)

// form is how a column tells an instant.
type form int

const (
	// anInstant is the same everywhere.
	anInstant form = iota + 1
	// aWallTime is what a clock shows in the zone of the table.
	aWallTime
	// aDay is a date without a time.
	aDay
	// aCount counts units since 1970.
	aCount
)

// moment is a type of column: how its values are compared with a constant of that very
// type, so that an index serves.
type moment struct {
	form form
	// literal is a constant; its %s is the time by layout, or the count.
	literal, layout string
	// endless: the type reaches the year 9999, from which on a date means that there is
	// no end.
	endless bool
	// never are values that mean the same, as constants: the type's last ones.
	never []string
	// most is the largest count.
	most int64
	// roundUp is what the type cannot tell apart.
	roundUp time.Duration
}

const (
	microLayout = "2006-01-02 15:04:05.999999"
	dayLayout   = "2006-01-02"
	isoLayout   = "2006-01-02T15:04:05.0000000"
	milliLayout = "2006-01-02T15:04:05.000"
)

// moments are the types of columns that tell an instant, by the names of the catalogs.
func moments(dialect sqlread.Dialect) map[string]moment {
	switch dialect {
	case sqlread.PostgreSQL:
		return map[string]moment{
			"timestamp with time zone":    {form: anInstant, literal: "TIMESTAMPTZ '%s+00'", layout: microLayout, endless: true},
			"timestamp without time zone": {form: aWallTime, literal: "TIMESTAMP '%s'", layout: microLayout, endless: true},
			"date":                        {form: aDay, literal: "DATE '%s'", layout: dayLayout, endless: true},
			"bigint":                      {form: aCount, literal: "%s", most: math.MaxInt64},
			"integer":                     {form: aCount, literal: "%s", most: math.MaxInt32},
		}
	case sqlread.MySQL:
		return map[string]moment{
			// The last second of 32 bits, signed and (MariaDB 11.5) unsigned.
			"timestamp": {form: anInstant, literal: "TIMESTAMP '%s'", layout: microLayout,
				never: []string{"TIMESTAMP '2038-01-19 03:14:07'", "TIMESTAMP '2106-02-07 06:28:15'"}},
			"datetime":        {form: aWallTime, literal: "TIMESTAMP '%s'", layout: microLayout, endless: true},
			"date":            {form: aDay, literal: "DATE '%s'", layout: dayLayout, endless: true},
			"bigint":          {form: aCount, literal: "%s", most: math.MaxInt64},
			"bigint unsigned": {form: aCount, literal: "%s", most: math.MaxInt64},
			"int":             {form: aCount, literal: "%s", most: math.MaxInt32},
			"int unsigned":    {form: aCount, literal: "%s", most: math.MaxUint32},
		}
	default:
		return map[string]moment{
			"datetimeoffset": {form: anInstant, literal: "TODATETIMEOFFSET(CONVERT(datetime2(7), '%s', 126), '+00:00')", layout: isoLayout, endless: true},
			"datetime2":      {form: aWallTime, literal: "CONVERT(datetime2(7), '%s', 126)", layout: isoLayout, endless: true},
			"datetime":       {form: aWallTime, literal: "CONVERT(datetime, '%s', 126)", layout: milliLayout, endless: true, roundUp: 10 * time.Millisecond},
			"smalldatetime": {form: aWallTime, literal: "CONVERT(smalldatetime, '%s', 126)", layout: milliLayout, roundUp: time.Minute,
				never: []string{"CONVERT(smalldatetime, '2079-06-06T23:59:00.000', 126)"}},
			"date":   {form: aDay, literal: "CONVERT(date, '%s', 23)", layout: dayLayout, endless: true},
			"bigint": {form: aCount, literal: "CONVERT(bigint, %s)", most: math.MaxInt64},
			"int":    {form: aCount, literal: "CONVERT(bigint, %s)", most: math.MaxInt32},
		}
	}
}

// unit is a step of a count since 1970.
type unit struct {
	name string
	step time.Duration
}

func units() map[string]unit {
	return map[string]unit{
		"s": {"seconds", time.Second}, "ms": {"milliseconds", time.Millisecond},
		"us": {"microseconds", time.Microsecond}, "ns": {"nanoseconds", time.Nanosecond},
	}
}

// count is the instant as a number of units. ok is false where 64 bits do not hold it.
func (u unit) count(at time.Time) (n int64, ok bool) {
	perSecond := int64(time.Second / u.step)
	seconds := at.Unix()
	if seconds < 0 || seconds > math.MaxInt64/perSecond-1 {
		return math.MaxInt64, false
	}
	return seconds*perSecond + int64(at.Nanosecond())/int64(u.step), true
}

// instant is the count as an instant.
func (u unit) instant(n int64) time.Time {
	perSecond := int64(time.Second / u.step)
	return time.Unix(n/perSecond, n%perSecond*int64(u.step)).UTC()
}

// endOfTime is the first date that means that there is no end.
func endOfTime() time.Time { return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) }

// bound is what a column is compared with.
type bound struct {
	moment
	zone *time.Location
	unit unit
	// after is the latest instant that is in order. For days it is midnight of the last
	// day that is.
	after time.Time
}

// constant is an instant as a constant of the column's type.
func (b bound) constant(at time.Time) string {
	if b.form == aCount {
		n, _ := b.unit.count(at)
		return fmt.Sprintf(b.literal, fmt.Sprint(n))
	}
	return fmt.Sprintf(b.literal, at.Format(b.layout))
}

// first is the constant above which values lie ahead.
func (b bound) first() string {
	at := b.after.UTC()
	if b.form == aWallTime {
		at = highestWall(b.after, b.zone)
	}
	if b.roundUp > 0 {
		at = at.Add(b.roundUp - 1).Truncate(b.roundUp)
	}
	return b.constant(at)
}

// condition finds the rows that lie ahead. Each part is the bare column and a constant.
func (b bound) condition(column string) string {
	parts := []string{column + " > " + b.first()}
	if b.form == aCount {
		// Behind the year 9999 a count is none of this unit, which must be seen.
		from, ok := b.unit.count(endOfTime())
		if until, _ := b.unit.count(endOfTime().AddDate(1, 0, 0)); ok {
			parts = append(parts, fmt.Sprintf("(%s < %d OR %s >= %d)", column, from, column, until))
		}
		parts = append(parts, fmt.Sprintf("%s < %d", column, b.most))
	}
	if b.endless {
		parts = append(parts, column+" < "+b.constant(endOfTime()))
	}
	for _, value := range b.never {
		parts = append(parts, column+" <> "+value)
	}
	return strings.Join(parts, " AND ")
}

// read makes an instant of a value of the column.
func (b bound) read(value any) (time.Time, error) {
	switch value := value.(type) {
	case time.Time:
		if b.form == aWallTime {
			return instant(value.UTC(), b.zone).UTC(), nil
		}
		return value.UTC(), nil
	case int64:
		if b.form == aCount {
			return b.unit.instant(value), nil
		}
	case uint64:
		if b.form == aCount && value <= math.MaxInt64 {
			return b.unit.instant(int64(value)), nil
		}
	}
	return time.Time{}, fmt.Errorf("the value is a %T", value)
}
