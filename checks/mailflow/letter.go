package mailflow

import (
	"bytes"
	"fmt"
	"net/mail"
	"regexp"
	"strings"
	"time"
)

const (
	headerName = "X-Lapsewatch-Canary"
	subject    = "Lapsewatch canary: please ignore"
	// subjectWords are what a gateway that puts words before a subject leaves of it.
	subjectWords = "Lapsewatch canary"
)

// letter is a canary to be sent.
type letter struct {
	id       string
	from, to string
	date     time.Time
	body     string
}

// messageID is the same however often a canary is offered.
func messageID(id string, f Flow) string { return id + "@" + domainOf(f.From) }

func (f Flow) letter(c canary) letter {
	ask := "the owner of " + bare(f.From)
	if len(f.Owners) > 0 {
		ask = strings.Join(f.Owners, ", ")
	}
	return letter{
		id: c.ID, from: f.From, to: f.To, date: c.sentAt(),
		body: fmt.Sprintf(`This mail is a canary. Lapsewatch sends it to see how long mail takes from
%s to %s, and removes it when it has arrived.

Nobody has to read or answer it. If it reached you by mistake, please ask
%s.

Flow: %s
`, bare(f.From), bare(f.To), ask, f.Name),
	}
}

// wantedHeaders are those by which a canary is told from other mail, and its way.
func wantedHeaders() []string {
	return []string{headerName, "In-Reply-To", "Auto-Submitted", "Received"}
}

// isCanary reports whether a header is that of the canary itself, and not of an answer to
// it: an automatic reply says what it is (RFC 3834, sections 3.1.7 and 5).
func isCanary(header mail.Header, id string) bool {
	marks := header[headerName]
	if len(marks) != 1 || strings.TrimSpace(marks[0]) != id || len(header["In-Reply-To"]) > 0 {
		return false
	}
	word := automatic.FindString(strings.ToLower(strings.Join(header["Auto-Submitted"], " ")))
	return word == "" || word == "auto-generated"
}

// canaryOf is the ID of the canary that a header is of, if it is one of these.
func canaryOf(header mail.Header, wanted []sought) (id string, ok bool) {
	for _, one := range wanted {
		if isCanary(header, one.id) {
			return one.id, true
		}
	}
	return "", false
}

// automatic is the keyword of Auto-Submitted, behind which comments may stand.
var automatic = regexp.MustCompile(`[a-z-]+`)

// readHeader reads what a server gave of a header. What is no header is empty.
func readHeader(raw []byte) mail.Header {
	raw = append(bytes.TrimRight(raw, "\r\n"), "\r\n\r\n"...)
	message, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return mail.Header{}
	}
	return message.Header
}
