package teams

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"lapsewatch/alerts"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/httpsend"
)

// errDead: nothing that is sent to this URL will be posted until somebody acts.
var errDead = errors.New("the workflow was deleted or turned off, its owner has left, or the URL is not whole: " +
	"turn it on or make a new one in Teams (Workflows), let anyone trigger it, and give its whole URL in url_from")

// deadCodes are errors of Power Automate that come with status 400 and mean the same as
// 401, 403 and 404.
var deadCodes = []string{"WorkflowTriggerIsNotEnabled", "WorkflowDisabled", "WorkflowNotFound", "TriggerDisabled"}

func isDead(status int, said []byte) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		return true
	case http.StatusBadRequest:
		var answer answer
		return json.Unmarshal(said, &answer) == nil && slices.Contains(deadCodes, answer.fault().Code)
	default:
		return false
	}
}

// shownOfBody is how many runes of an answer its error shows.
const shownOfBody = 200

// answer is what a workflow may say: most say nothing.
type answer struct {
	StatusCode int             `json:"statusCode"`
	Error      json.RawMessage `json:"error"`
	Body       struct {
		Error json.RawMessage `json:"error"`
	} `json:"body"`
}

type fault struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// fault is the zero value where the answer holds no error.
func (a answer) fault() fault {
	for _, raw := range []json.RawMessage{a.Error, a.Body.Error} {
		var found fault
		if len(raw) == 0 || string(raw) == "null" {
			continue
		}
		if json.Unmarshal(raw, &found) != nil || found == (fault{}) {
			// It is an error in a form of its own.
			found.Message = string(raw)
		}
		return found
	}
	return fault{}
}

// inWords is how the service behind a workflow reports its own status within a 2xx.
// https://github.com/MicrosoftDocs/msteams-docs/issues/1810
var inWords = regexp.MustCompile(`returned HTTP error ([45]\d\d)`)

// refusedInBody finds the failure in an answer with a 2xx status, nil where there is none.
func refusedInBody(response httpsend.Response) *alerts.DeliveryError {
	status, refused := statusInBody(response.Body)
	if !refused {
		return nil
	}
	said := clean.Text(strings.TrimSpace(string(response.Body)), shownOfBody)
	return &alerts.DeliveryError{
		Retryable: retryable(status), Status: cmp.Or(status, response.Status),
		Err: fmt.Errorf("it answered %d, and yet refused: %q", response.Status, said),
	}
}

// statusInBody is the status that a refusal in an answer's body stands for, 0 where it
// stands for none.
func statusInBody(body []byte) (status int, refused bool) {
	if words := inWords.FindSubmatch(body); words != nil {
		status, _ = strconv.Atoi(string(words[1]))
		return status, true
	}
	if isPage(body) {
		return 0, true
	}
	var answer answer
	if json.Unmarshal(body, &answer) != nil {
		return 0, false
	}
	fault := answer.fault()
	switch {
	case answer.StatusCode >= 400:
		return answer.StatusCode, true
	case fault.Code == "" && fault.Message == "":
		return 0, false
	default:
		return statusNamed(fault.Code), true
	}
}

// isPage reports whether the answer is a web page: one of a proxy on the way or of a
// log-in, since a workflow answers with nothing or with JSON.
func isPage(body []byte) bool {
	start := bytes.ToLower(bytes.TrimSpace(body))
	return bytes.HasPrefix(start, []byte("<!doctype html")) || bytes.HasPrefix(start, []byte("<html"))
}

// statusNamed finds the status whose words in HTTP are the code, such as
// TooManyRequests; 0 where there is none.
func statusNamed(code string) int {
	for status := http.StatusBadRequest; status < 600; status++ {
		if name := http.StatusText(status); name != "" && strings.ReplaceAll(name, " ", "") == code {
			return status
		}
	}
	return 0
}

func retryable(status int) bool {
	return status == http.StatusRequestTimeout || status == http.StatusTooManyRequests || status >= 500
}
