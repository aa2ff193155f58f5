package pagerduty

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"lapsewatch/alerts"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/httpsend"
)

// shownOfAnswer is how many runes of PagerDuty's words an error shows.
const shownOfAnswer = 400

// answer is what PagerDuty says to an event, taken or not.
type answer struct {
	Status   string   `json:"status"`
	Message  string   `json:"message"`
	DedupKey string   `json:"dedup_key"`
	Errors   []string `json:"errors"`
}

// words are the answer in one line: "invalid event: Event object is invalid: …".
func (a answer) words() string {
	var said []string
	for _, part := range append([]string{a.Status, a.Message}, a.Errors...) {
		if part != "" {
			said = append(said, part)
		}
	}
	return clean.Text(strings.Join(said, ": "), shownOfAnswer)
}

// accepted tells from a 2xx answer whether PagerDuty took the event: a proxy on the way
// answers 200 as well, and PagerDuty names a failure in the body. dedupKey is empty for
// change events, which have none.
func (c *channel) accepted(response httpsend.Response, dedupKey string) (proof string, err error) {
	failed := func(retryable bool, err error) (string, error) {
		return "", response.Unproven(c.env.Name, retryable, err)
	}
	status := fmt.Sprintf("%d %s", response.Status, http.StatusText(response.Status))
	var said answer
	if json.Unmarshal(response.Body, &said) != nil || said.Status == "" {
		return failed(true, fmt.Errorf("PagerDuty answered %s without saying whether it took the event: %q", status, clean.Text(string(response.Body), shownOfAnswer)))
	}
	switch {
	case said.Status != "success":
		return failed(false, fmt.Errorf("PagerDuty answered %s and did not take the event: %s", status, said.words()))
	case response.Status != http.StatusAccepted:
		return failed(true, fmt.Errorf("PagerDuty answers 202 to an event that it took, and this was %s: look at what stands between it and this machine", status))
	case said.DedupKey != dedupKey && dedupKey != "":
		return failed(true, fmt.Errorf("PagerDuty answered %s for another event: dedup_key %q instead of %q", status, clean.Text(said.DedupKey, shownOfAnswer), dedupKey))
	}
	proof = fmt.Sprintf("HTTP %s: %s", status, said.words())
	if dedupKey != "" {
		proof += ", dedup_key " + dedupKey
	}
	return proof, nil
}

// inWords puts PagerDuty's own words, and what to do about them, in the place of the
// answer's bare text. Whatever is no such refusal stays as it is.
func inWords(err error, refusal []byte) error {
	failure, ok := errors.AsType[*alerts.DeliveryError](err)
	var said answer
	if !ok || failure.Status != http.StatusBadRequest || json.Unmarshal(refusal, &said) != nil || said.words() == "" {
		return err
	}
	explained := *failure
	explained.Err = fmt.Errorf("PagerDuty answered 400 Bad Request: %s", said.words())
	if lower := strings.ToLower(said.words()); strings.Contains(lower, "routing") {
		explained.Err = fmt.Errorf("%w: in routing_key give the Integration Key (32 characters) of an integration of the type Events API V2, which PagerDuty shows under Services, the service, Integrations; a REST API key is another one", explained.Err)
	}
	return &explained
}
