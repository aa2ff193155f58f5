package entra

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// noDateBefore: services write years such as 0001 or 1601 for "no date".
const noDateBefore = 2000

var stampPattern = regexp.MustCompile(`^([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,12})?(?:([Zz])|([+-])([0-9]{1,2})(?::?([0-9]{2}))?)?$`)

// lenientTime reads the time stamps of Graph's reports. Those are RFC 3339 as a rule, but
// Microsoft's own samples have zones such as "-8:00", and a zone can be missing, which
// means UTC. It reports false for what is no time, and for the first years of calendars,
// which stand for "never".
func lenientTime(text string) (time.Time, bool) {
	parts := stampPattern.FindStringSubmatch(strings.TrimSpace(text))
	if parts == nil {
		return time.Time{}, false
	}
	zone := "Z"
	if parts[5] != "" {
		hours, minutes := parts[6], parts[7]
		if len(hours) == 1 {
			hours = "0" + hours
		}
		if minutes == "" {
			minutes = "00"
		}
		zone = parts[5] + hours + ":" + minutes
	}
	parsed, err := time.Parse(time.RFC3339Nano, parts[1]+"T"+parts[2]+parts[3]+zone)
	if err != nil || parsed.UTC().Year() < noDateBefore {
		return time.Time{}, false
	}
	return parsed.UTC(), true
}

// neverStamp reports a time stamp whose year stands for "never".
func neverStamp(text string) bool {
	parts := stampPattern.FindStringSubmatch(strings.TrimSpace(text))
	return parts != nil && parts[1] < strconv.Itoa(noDateBefore)
}

// spanPattern is an ISO 8601 duration. The SDK's own reader is not used: it takes any
// text that merely holds one, and loses whole seconds.
var spanPattern = regexp.MustCompile(`^P(?:([0-9]{1,4})Y)?(?:([0-9]{1,5})M)?(?:([0-9]{1,5})W)?(?:([0-9]{1,6})D)?(T(?:([0-9]{1,7})H)?(?:([0-9]{1,8})M)?(?:([0-9]{1,9})(?:\.[0-9]{1,9})?S)?)?$`)

// longestSpan is beyond every limit that a policy can mean.
const longestSpan = 200 * 365 * day

// parseSpan reads an ISO 8601 duration as Entra's policies write them ("P90D", "P1Y",
// "P4DT12H30M5S"). A year counts as 365 days, a month as 30; parts of a second do not
// count.
func parseSpan(text string) (time.Duration, error) {
	parts := spanPattern.FindStringSubmatch(text)
	if parts == nil || strings.HasSuffix(text, "P") || strings.HasSuffix(text, "T") {
		return 0, fmt.Errorf("%q is no duration such as P90D", text)
	}
	units := []time.Duration{0, 365 * day, 30 * day, 7 * day, day, 0, time.Hour, time.Minute, time.Second}
	var total time.Duration
	for i, unit := range units {
		if unit == 0 || parts[i] == "" {
			continue
		}
		count, err := strconv.ParseInt(parts[i], 10, 64)
		if err != nil || count > int64(longestSpan/unit) {
			return 0, fmt.Errorf("%q is longer than 200 years", text)
		}
		total += time.Duration(count) * unit
		if total > longestSpan {
			return 0, fmt.Errorf("%q is longer than 200 years", text)
		}
	}
	if total == 0 {
		return 0, fmt.Errorf("%q is no time at all", text)
	}
	return total, nil
}
