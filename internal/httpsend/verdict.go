package httpsend

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
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
