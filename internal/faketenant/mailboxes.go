package faketenant

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Message is one in a mailbox of Exchange Online, as far as Graph shows it here.
// https://learn.microsoft.com/graph/api/resources/message
type Message struct {
	ID, InternetMessageID, Subject, From string
	// Headers are name and value, in the order of the message.
	Headers  [][2]string
	Received time.Time
}

// mailboxes are those of all users, by their Mail and the name of a folder. Their zero value
// is empty.
type mailboxes struct {
	mutex   sync.Mutex
	folders map[string]map[string][]Message
	// held waits for Release, since Hold.
	holding bool
	held    []held
	into    string
}

type held struct {
	to      string
	message Message
}

// wellKnown are the folders that every mailbox has.
// https://learn.microsoft.com/graph/api/resources/mailfolder
var wellKnown = []string{"inbox", "junkemail", "sentitems", "deleteditems"}

// Put lays a message into a folder of a mailbox, with an ID of its own.
func (t *Tenant) Put(mailbox, folder string, message Message) {
	message.ID = "AAMk" + strings.ReplaceAll(newID(), "-", "") + "="
	t.boxes.mutex.Lock()
	defer t.boxes.mutex.Unlock()
	t.boxes.put(mailbox, folder, message)
}

func (m *mailboxes) put(mailbox, folder string, message Message) {
	if m.folders == nil {
		m.folders = map[string]map[string][]Message{}
	}
	if m.folders[mailbox] == nil {
		m.folders[mailbox] = map[string][]Message{}
	}
	m.folders[mailbox][folder] = append(m.folders[mailbox][folder], message)
}

// Messages are those of a folder.
func (t *Tenant) Messages(mailbox, folder string) []Message {
	t.boxes.mutex.Lock()
	defer t.boxes.mutex.Unlock()
	return slices.Clone(t.boxes.folders[mailbox][folder])
}

// DeliverInto says into which folder mail that is sent from now on is delivered, where it is
// not the inbox.
func (t *Tenant) DeliverInto(folder string) {
	t.boxes.mutex.Lock()
	defer t.boxes.mutex.Unlock()
	t.boxes.into = folder
}

// Hold keeps mail that is sent from now on, until Release.
func (t *Tenant) Hold() {
	t.boxes.mutex.Lock()
	defer t.boxes.mutex.Unlock()
	t.boxes.holding = true
}

// Release delivers what was held, as of that time.
func (t *Tenant) Release(at time.Time) {
	t.boxes.mutex.Lock()
	defer t.boxes.mutex.Unlock()
	for _, one := range t.boxes.held {
		one.message.Received = at
		t.boxes.put(one.to, "inbox", one.message)
	}
	t.boxes.holding, t.boxes.held = false, nil
}

// sentAsJSON is the body of sendMail in JSON.
// https://learn.microsoft.com/graph/api/user-sendmail
type sentAsJSON struct {
	Message *struct {
		Subject string       `json:"subject"`
		From    *recipient   `json:"from"`
		To      []recipient  `json:"toRecipients"`
		Headers []mailHeader `json:"internetMessageHeaders"`
	} `json:"message"`
	SaveToSentItems *bool `json:"saveToSentItems"`
}

type recipient struct {
	EmailAddress struct {
		Address string `json:"address"`
	} `json:"emailAddress"`
}

type mailHeader struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// maxCustomHeaders is how many headers of their own senders may give.
const maxCustomHeaders = 5

// sendEither takes a mail in JSON, and leaves all else to sendMail.
func (t *Tenant) sendEither(w http.ResponseWriter, r *http.Request, d *Directory, appID string) {
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	body, err := io.ReadAll(io.LimitReader(r.Body, maxMail+1))
	if err != nil {
		return // the client left
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var sent sentAsJSON
	if media != "application/json" || json.Unmarshal(body, &sent) != nil || sent.Message == nil {
		t.sendMail(w, r, d, appID)
		return
	}
	user, ok := t.mailboxOf(w, r, d, appID, "Mail.Send")
	if !ok {
		return
	}
	message := sent.Message
	switch {
	case len(message.To) == 0:
		t.refuseGraph(w, r, http.StatusBadRequest, "ErrorInvalidRecipients", "At least one recipient is not valid.")
		return
	case message.From != nil && !strings.EqualFold(message.From.EmailAddress.Address, user.Mail):
		t.refuseGraph(w, r, http.StatusForbidden, "ErrorSendAsDenied", "The user account which was used to submit this request does not have the right to send mail on behalf of the specified sending account., Cannot submit message.")
		return
	case len(message.Headers) > maxCustomHeaders:
		t.refuseGraph(w, r, http.StatusBadRequest, "InvalidInternetMessageHeaderCollection", "Maximum number of headers in one message should be less than or equal to 5.")
		return
	}
	made := Message{ID: "AAMk" + strings.ReplaceAll(newID(), "-", "") + "=", Subject: message.Subject, From: user.Mail, Received: t.options.Now(),
		InternetMessageID: "<" + newID() + "@EXAMPLE.PROD.OUTLOOK.COM>"}
	for _, header := range message.Headers {
		if !strings.HasPrefix(strings.ToLower(header.Name), "x-") {
			t.refuseGraph(w, r, http.StatusBadRequest, "InvalidInternetMessageHeader", "The internet message header name '"+header.Name+"' should start with 'x-' or 'X-'.")
			return
		}
		made.Headers = append(made.Headers, [2]string{header.Name, header.Value})
	}
	t.deliver(user.Mail, message.To, made, sent.SaveToSentItems == nil || *sent.SaveToSentItems)
	w.WriteHeader(http.StatusAccepted)
}

func (t *Tenant) deliver(from string, to []recipient, message Message, save bool) {
	t.boxes.mutex.Lock()
	defer t.boxes.mutex.Unlock()
	if save {
		t.boxes.put(from, "sentitems", message)
	}
	for _, one := range to {
		address := one.EmailAddress.Address
		switch {
		case t.boxes.holding:
			t.boxes.held = append(t.boxes.held, held{address, message})
		case t.boxes.into != "":
			t.boxes.put(address, t.boxes.into, message)
		default:
			t.boxes.put(address, "inbox", message)
		}
	}
}
