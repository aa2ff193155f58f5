package entra

import (
	"net/mail"
	"strings"
	"testing"
	"time"
)

func FuzzLenientTime(f *testing.F) {
	for _, seed := range []string{"2021-04-01T21:36:48-8:00", "2026-07-16T23:59:55.212Z", "0001-01-01T00:00:00Z", "2021-04-01T21:36:48", "9999-12-31T23:59:59+14"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		read, ok := lenientTime(text)
		if !ok {
			if !read.IsZero() {
				t.Errorf("%q is no time and yet %v", text, read)
			}
			return
		}
		again, ok := lenientTime(read.Format(time.RFC3339Nano))
		if !ok || !again.Equal(read) {
			t.Errorf("%q is read as %v and that as %v", text, read, again)
		}
	})
}

func FuzzParseSpan(f *testing.F) {
	for _, seed := range []string{"P90D", "P1Y", "P4DT12H30M5S", "PT0.5S", "P", "P9999Y99999M", "PT9999999H99999999M999999999S"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		span, err := parseSpan(text)
		if err == nil && (span <= 0 || span > longestSpan) {
			t.Errorf("%q is %v", text, span)
		}
	})
}

func FuzzAddresses(f *testing.F) {
	for _, seed := range []string{"NotifyEmail=a@example.com", "x\nnotifyemail : a@b.c, d@e.f\r\nBcc: g@h.i", "NotifyEmailNotifyEmail==@", "a@b.c;<d@e.f>"} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, notes, reference string) {
		h := holder{notes: notes, reference: reference}
		for _, address := range distinct(h.noted()) {
			if parsed, err := mail.ParseAddress(address); err != nil || parsed.Address != address || strings.ContainsAny(address, "\r\n<>, ") {
				t.Errorf("%q gives %q", notes+"|"+reference, address)
			}
		}
	})
}
