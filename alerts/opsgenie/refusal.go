package opsgenie

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"lapsewatch/alerts"
	"lapsewatch/internal/clean"
)

// whichKey is what to do about a key that is not accepted.
const whichKey = "in api_key give the key of an API integration that may read, create and update alerts (a user's token and the account's API keys are other ones), and give the service that it belongs to: accounts in the EU are opsgenie-eu, those that have moved are jsm"

// refusal is the body of an answer that is no success.
type refusal struct {
	Message string         `json:"message"`
	Errors  map[string]any `json:"errors"`
}

// words are the refusal in one line.
func (r refusal) words() string {
	said := []string{r.Message}
	for _, field := range slices.Sorted(maps.Keys(r.Errors)) {
		said = append(said, fmt.Sprintf("%s: %v", field, r.Errors[field]))
	}
	return clean.Text(strings.Join(said, " "), shownOfAnswer)
}

// inWords puts the service's own words, and what to do about them, in the place of the
// answer's bare text. What does not depend on the request stays as it is.
func inWords(err error, body []byte) error {
	failure, ok := errors.AsType[*alerts.DeliveryError](err)
	if !ok || failure.Retryable || failure.Status == 0 {
		return err
	}
	explained := *failure
	var said refusal
	if json.Unmarshal(body, &said) == nil && said.Message != "" {
		explained.Err = fmt.Errorf("the service answered %d %s: %s", failure.Status, http.StatusText(failure.Status), said.words())
	}
	if ofKey(failure.Status, said) {
		explained.Err = fmt.Errorf("%w: %s", explained.Err, whichKey)
	}
	return &explained
}

// ofKey reports whether the key was refused. Opsgenie answers 422 to one that is none.
func ofKey(status int, said refusal) bool {
	return status == http.StatusUnauthorized || status == http.StatusForbidden ||
		status == http.StatusUnprocessableEntity && strings.Contains(strings.ToLower(said.Message), "key format")
}
