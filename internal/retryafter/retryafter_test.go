package retryafter

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
		wait := Of(http.Header{"Retry-After": {value}, "Date": {date}}, now, time.Hour)
		if wait < 0 || wait > time.Hour {
			t.Errorf("Retry-After %q with Date %q waits %s", value, date, wait)
		}
	})
}

func TestWaits(t *testing.T) {
	now := time.Date(2026, time.November, 22, 6, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		name, value, date string
		want              time.Duration
	}{
		{"seconds", "120", "", 2 * time.Minute},
		{"more than the longest", "7201", "", time.Hour},
		{"more than any number", "99999999999999999999", "", time.Hour},
		{"a negative number", "-5", "", 0},
		{"nothing", "", "", 0},
		{"words", "soon", "", 0},
		{"a date by the own clock", "Sun, 22 Nov 2026 06:20:00 GMT", "", 20 * time.Minute},
		{"a date by the service's clock", "Sun, 22 Nov 2026 06:20:00 GMT", "Sun, 22 Nov 2026 06:15:00 GMT", 5 * time.Minute},
		{"a date that has passed", "Sun, 22 Nov 2026 05:20:00 GMT", "", 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			header := http.Header{"Retry-After": {row.value}}
			if row.date != "" {
				header.Set("Date", row.date)
			}
			if got := Of(header, now, time.Hour); got != row.want {
				t.Errorf("waits %s, want %s", got, row.want)
			}
		})
	}
}
