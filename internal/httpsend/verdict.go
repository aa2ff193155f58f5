package httpsend

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"lapsewatch/internal/clean"
)

// longestWait caps what a service may ask for, so that a hostile or broken Retry-After
// cannot silence a channel.
const longestWait = time.Hour

// statusEnhanceYourCalm is how some services, Statuspage among them, limit their rate.
const statusEnhanceYourCalm = 420

// errGone: the service says that the endpoint will not come back (RFC 9110, 15.5.11).
var errGone = errors.New("the endpoint is gone for good: remove it from the configuration, or give its new URL")

func retryable(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests, statusEnhanceYourCalm:
		return true
	default:
		return status >= 500
	}
}

// refusal puts an answer that is no success into words.
func refusal(response Response, words func([]byte) string) error {
	status := fmt.Sprintf("it answered %d", response.Status)
	if text := http.StatusText(response.Status); text != "" {
		status += " " + text
	}
	if response.Status >= 300 && response.Status < 400 {
		return fmt.Errorf("%s to %s: redirects are not followed", status, redirectTarget(response.Header))
	}
	if words != nil {
		if said := clean.Text(words(response.Body), shownOfWords); said != "" {
			return fmt.Errorf("%s: %s", status, said)
		}
	}
	if response.Status == http.StatusGone {
		return fmt.Errorf("%s: %w", status, errGone)
	}
	if said := clean.Text(strings.TrimSpace(string(response.Body)), shownOfBody); said != "" {
		return fmt.Errorf("%s: %q", status, said)
	}
	return errors.New(status)
}

// redirectTarget shows no more of a Location than where it leads: the rest may repeat a
// secret.
func redirectTarget(header http.Header) string {
	location, err := url.Parse(header.Get("Location"))
	if err != nil || location.Host == "" {
		return "another path"
	}
	return clean.Text(location.Scheme+"://"+location.Host, shownOfBody)
}

// retryAfter reads the wait that a service asked for, in seconds or as an HTTP date
// (RFC 9110, 10.2.3). A date is compared with the service's own Date when it sent one,
// so that a wrong clock on this side does not matter. What cannot be read, and what
// lies in the past, is no wait.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(header.Get("Retry-After"))
	seconds, err := strconv.ParseInt(value, 10, 64)
	if err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(max(seconds, 0), int64(longestWait/time.Second))) * time.Second
	}
	until, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if theirs, err := http.ParseTime(header.Get("Date")); err == nil {
		now = theirs
	}
	return min(max(until.Sub(now), 0), longestWait)
}
