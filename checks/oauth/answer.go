package oauth

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/redact"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

const (
	// maxAnswer is far more than a token endpoint has to say.
	maxAnswer   = 1 << 20
	maxMembers  = 200
	longestText = 16 << 10
	shownCode   = 60
	shownWords  = 300
	// longestLived bounds the lives that are believed.
	longestLived = 10 * 366 * 24 * time.Hour
)

// answer is what an endpoint said, if that is a JSON object.
type answer struct {
	webclient.Answer
	members map[string]json.RawMessage
}

// readAnswer reads the body, whatever it is. What it holds is hostile.
func readAnswer(got webclient.Answer) answer {
	read := answer{Answer: got}
	var members map[string]json.RawMessage
	if json.Unmarshal(bytes.TrimPrefix(got.Body, []byte("\uFEFF")), &members) == nil && len(members) <= maxMembers {
		read.members = members
	}
	return read
}

// isObject tells it from a page, or from nothing.
func (a answer) isObject() bool { return a.members != nil }

// text is a member that is a string; empty if it is none.
func (a answer) text(name string) string {
	var text string
	if json.Unmarshal(a.members[name], &text) != nil {
		return ""
	}
	return text
}

// scopes are those of the member scope, and whether it is there.
func (a answer) scopes() (scopes []string, given bool) {
	if text := a.text("scope"); text != "" {
		return strings.Fields(text), true
	}
	var list []string
	if json.Unmarshal(a.members["scope"], &list) == nil && len(list) > 0 {
		return list, true
	}
	return nil, false
}

const (
	mostSecrets    = 20
	shortestSecret = 8
	deepest        = 4
)

// tokens are those in the answer, which must be shown nowhere: the texts of all members that
// a name calls tokens, wherever a server puts them.
func (a answer) tokens() []watch.Secret {
	var found []watch.Secret
	var look func(members map[string]json.RawMessage, depth int)
	look = func(members map[string]json.RawMessage, depth int) {
		for name, raw := range members {
			var text string
			var below map[string]json.RawMessage
			switch {
			case len(found) == mostSecrets:
				return
			case json.Unmarshal(raw, &text) == nil:
				if lower := strings.ToLower(name); strings.Contains(lower, "token") && !strings.HasSuffix(lower, "type") && len(text) >= shortestSecret {
					found = append(found, watch.NewSecret(text))
				}
			case depth < deepest && json.Unmarshal(raw, &below) == nil:
				look(below, depth+1)
			}
		}
	}
	first := map[string]json.RawMessage{}
	for _, name := range []string{"access_token", "refresh_token", "id_token"} {
		if raw, there := a.members[name]; there {
			first[name] = raw
		}
	}
	look(first, deepest)
	look(a.members, 0)
	return found
}

// said is text of the answer as it may be shown.
func (a answer) said(text string, runes int) string {
	return a.Said(redact.Text(text, a.tokens()...), runes)
}

// refusal is what a server says against a request. What is shown of it has gone through said.
type refusal struct {
	// code is as it was sent, to be compared and not shown.
	code                string
	shownCode, shownWhy string
}

// refused is the code and the description of RFC 6749, section 5.2. Some servers send them
// with the status 200, some only in WWW-Authenticate, and some as an object.
func (a answer) refused() refusal {
	code, description := a.text("error"), a.text("error_description")
	if code == "" {
		var nested map[string]json.RawMessage
		if json.Unmarshal(a.members["error"], &nested) == nil {
			inner := answer{members: nested}
			for _, name := range []string{"code", "status", "type"} {
				if code == "" {
					code = inner.text(name)
				}
			}
			description = inner.text("message")
		}
	}
	if code == "" {
		challenge := a.Header.Get("WWW-Authenticate")
		code, description = parameter(challenge, "error"), parameter(challenge, "error_description")
	}
	return refusal{code: code, shownCode: a.said(brief(code), shownCode), shownWhy: a.said(brief(description), shownWords)}
}

// brief is a text that is worth looking for secrets in. Of a longer one nothing is shown: cut
// short, it might end within a secret.
func brief(text string) string {
	if len(text) <= longestText {
		return text
	}
	return fmt.Sprintf("a text of %d KiB", len(text)>>10)
}

// successful reports whether the answer grants what was asked for: whatever else a refusal
// holds is nothing that this check may act on.
func (a answer) successful() bool {
	switch string(bytes.TrimSpace(a.members["error"])) {
	case "", "null", "false", `""`, "{}":
	default:
		return false
	}
	return a.Status >= 200 && a.Status < 300 && a.refused().code == ""
}

// parameter finds a quoted parameter of a challenge (RFC 6750, section 3).
func parameter(challenge, name string) string {
	for rest := challenge; ; {
		_, after, found := strings.Cut(rest, name+"=\"")
		if !found {
			return ""
		}
		if before := rest[:len(rest)-len(after)-len(name)-2]; before == "" || strings.HasSuffix(before, " ") || strings.HasSuffix(before, ",") {
			value, _, closed := strings.Cut(after, "\"")
			if !closed {
				return ""
			}
			return value
		}
		rest = after
	}
}

// span reads a number of seconds, which some servers write as a string. malformed is a
// clause that says what stands there instead; a member that is missing, null or zero is
// none.
func (a answer) span(name string) (span time.Duration, malformed string) {
	raw := bytes.TrimSpace(a.members[name])
	if len(raw) == 0 || string(raw) == "null" {
		return 0, ""
	}
	written := string(raw)
	var text string
	if json.Unmarshal(raw, &text) == nil {
		written = strings.TrimSpace(text)
	}
	seconds, err := strconv.ParseFloat(written, 64)
	if err != nil || math.IsNaN(seconds) || seconds < 0 || seconds > longestLived.Seconds() {
		return 0, name + " is " + a.said(clean.Text(string(raw), shownCode), shownCode) + " and no number of seconds to believe"
	}
	return time.Duration(seconds * float64(time.Second)), ""
}
