package httpsend

import (
	"net/http"
	"testing"
	"time"
)

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []struct{ value, date string }{
		{"120", ""}, {"-1", ""}, {"1e9", ""}, {"999999999999999999999999", ""}, {" 7 ", ""},
		{"Sun, 22 Nov 2026 06:20:00 GMT", "Sun, 22 Nov 2026 06:00:00 GMT"},
		{"Sunday, 22-Nov-26 06:20:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"},
		{"Sun Nov 22 06:20:00 2026", "Sat, 01 Jan 0000 00:00:00 GMT"},
	} {
		f.Add(seed.value, seed.date)
	}
	now := time.Date(2026, time.November, 22, 6, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, value, date string) {
		wait := retryAfter(http.Header{"Retry-After": {value}, "Date": {date}}, now)
		if wait < 0 || wait > longestWait {
			t.Errorf("Retry-After %q with Date %q waits %s", value, date, wait)
		}
	})
}
