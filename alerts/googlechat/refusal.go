package googlechat

import (
	"encoding/json"
	"fmt"
	"strings"

	"lapsewatch/internal/clean"
)

const newWebhook = "make a new webhook (menu of the space, Apps & integrations, Webhooks) and give its URL"

// remedies are what to do about Google's canonical error codes.
// https://cloud.google.com/apis/design/errors#handling_errors
var remedies = map[string]string{
	"INVALID_ARGUMENT":    "check that the URL is complete, with key and token; if it is, please report it as a fault of Lapsewatch",
	"FAILED_PRECONDITION": "the space does not take the message as it is now: look into its settings",
	"UNAUTHENTICATED":     "the URL's key or token is wrong: copy it again, or " + newWebhook,
	"PERMISSION_DENIED":   "the webhook was removed, or administrators forbid webhooks: " + newWebhook + ", or ask them",
	"NOT_FOUND":           "the space or its webhook does not exist any more: " + newWebhook,
	"RESOURCE_EXHAUSTED":  "a space takes about one message per second, of all webhooks together",
	"UNAVAILABLE":         "Google Chat has trouble of its own",
	"INTERNAL":            "Google Chat has trouble of its own",
}

// answer is what Google Chat says: the message that it made, or why it made none.
type answer struct {
	Name  string `json:"name"`
	Error struct {
		Message string `json:"message"`
		Status  string `json:"status"`
	} `json:"error"`
}

func readAnswer(body []byte) answer {
	var said answer
	// What is no answer of Google Chat's says nothing.
	_ = json.Unmarshal(body, &said)
	return said
}

// messageID is the last part of spaces/SPACE/messages/MESSAGE. The others are parts of the
// webhook's URL, which is secret.
func (a answer) messageID() string { return a.Name[strings.LastIndex(a.Name, "/")+1:] }

const shownOfAnswer = 200

// refused puts a refusal into words.
func refused(status int, said answer) error {
	text := fmt.Sprintf("google chat answered %d %s (%s)", status, clean.Text(said.Error.Status, shownOfAnswer), clean.Text(said.Error.Message, shownOfAnswer))
	if known := remedies[said.Error.Status]; known != "" {
		return fmt.Errorf("%s: %s", text, known)
	}
	return fmt.Errorf("%s", text)
}
