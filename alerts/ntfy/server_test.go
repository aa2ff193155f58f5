package ntfy_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"lapsewatch/alerts/alerttest"
)

// publication is what a server reads; it knows no other field.
type publication struct {
	Topic    string   `json:"topic"`
	Title    string   `json:"title"`
	Message  string   `json:"message"`
	Priority int      `json:"priority"`
	Tags     []string `json:"tags"`
	Click    string   `json:"click"`
	Actions  []struct {
		Action string `json:"action"`
		Label  string `json:"label"`
		URL    string `json:"url"`
	} `json:"actions"`
	Markdown   *bool  `json:"markdown"`
	SequenceID string `json:"sequence_id"`
}

var name = regexp.MustCompile(`^[-_A-Za-z0-9]{1,64}$`)

// refuse gives the server's own code for what it does not take, and 0 for what it takes.
func refuse(body []byte) (publication, int) {
	var sent publication
	if len(body) >= 8192 {
		return sent, 41303
	}
	if alerttest.DecodeStrictly(body, &sent) != nil || !utf8.Valid(body) {
		return sent, 40024
	}
	switch {
	case !name.MatchString(sent.Topic):
		return sent, 40009
	case sent.Priority < 1 || sent.Priority > 5:
		return sent, 40007
	case len(sent.Title) > 1024:
		return sent, 40057
	case len(strings.Join(sent.Tags, "")) > 512:
		return sent, 40058
	case len(sent.Message) >= 4096 || sent.Message == "":
		// The text would become an attachment, or the word "triggered".
		return sent, 40014
	case len(sent.Actions) > 3 || !name.MatchString(sent.SequenceID):
		return sent, 40018
	}
	for _, action := range sent.Actions {
		if action.Action != "view" || action.Label == "" || action.URL == "" {
			return sent, 40018
		}
	}
	return sent, 0
}

func publish(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	sent, code := refuse(body)
	if code != 0 {
		w.WriteHeader(code / 100)
		_, _ = fmt.Fprintf(w, `{"code":%d,"http":%d,"error":"invalid request"}`, code, code/100)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{
		"id": "hwQ2YpKdmg7R", "time": 1795327200, "expires": 1795370400, "event": "message", "sequence_id": sent.SequenceID,
		"topic": sent.Topic, "title": sent.Title, "message": sent.Message, "priority": sent.Priority, "tags": sent.Tags,
	})
}

// parse requires that a server would take the body.
func parse(t *testing.T, body []byte) publication {
	t.Helper()
	sent, code := refuse(body)
	if code != 0 {
		t.Fatalf("a server refuses it with %d: %s", code, body)
	}
	if sent.Markdown == nil || *sent.Markdown {
		t.Errorf("Markdown is not off: %s", body)
	}
	return sent
}
