// Package retryafter reads how long a service wants to be left alone. It waits for nothing.
package retryafter

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Of is the wait that Retry-After asks for, in seconds or as an HTTP date (RFC 9110,
// 10.2.3), from nothing to longest. A date is compared with the service's own Date when it
// sent one, so that a wrong clock on this side does not matter. What cannot be read, and
// what lies in the past, is no wait.
func Of(header http.Header, now time.Time, longest time.Duration) time.Duration {
	value := strings.TrimSpace(header.Get("Retry-After"))
	seconds, err := strconv.ParseInt(value, 10, 64)
	if err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(max(seconds, 0), int64(longest/time.Second))) * time.Second
	}
	until, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if theirs, err := http.ParseTime(header.Get("Date")); err == nil {
		now = theirs
	}
	return min(max(until.Sub(now), 0), longest)
}
