package remoteclock

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"lapsewatch/internal/clean"
)

// dateLine is what dateCommand shows: seconds since 1970 and, where the system knows %N, a
// fraction. Others leave %N out (musl's BusyBox), or repeat it (glibc's) or half of it
// (BSD).
var dateLine = regexp.MustCompile(`^(-?[0-9]{1,12})(?:\.([0-9]{1,9}|%?N)?)?$`)

// parseDateOutput reads one line. The clock showed from that time on to less than
// resolution later: a second where the fraction is missing.
func parseDateOutput(output string) (shown time.Time, resolution time.Duration, err error) {
	parts := dateLine.FindStringSubmatch(strings.TrimSpace(output))
	if parts == nil {
		return time.Time{}, 0, fmt.Errorf("it shows no time in seconds: %q", clean.Text(output, maxQuoted))
	}
	whole, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return time.Time{}, 0, fmt.Errorf("read the seconds: %w", err)
	}
	fraction, resolution := int64(0), time.Second
	if digits := strings.Trim(parts[2], "%N"); digits != "" {
		if fraction, err = strconv.ParseInt(digits, 10, 64); err != nil {
			return time.Time{}, 0, fmt.Errorf("read the fraction: %w", err)
		}
		for range digits {
			resolution /= 10
		}
	}
	// GNU date rounds the seconds down before 1970 too, so that the fraction is added.
	return time.Unix(whole, fraction*int64(resolution)), resolution, nil
}
