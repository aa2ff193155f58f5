package faketenant

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"net/http"
	"net/mail"
	"strings"
)

// OutlookResource is what SMTP's clients ask access tokens for.
const OutlookResource = "https://outlook.office365.com"

// maxMail is the most that sendMail takes in one request.
// https://learn.microsoft.com/graph/outlook-send-mime-message
const maxMail = 4 << 20

// Mail is a mail that sendMail took.
type Mail struct {
	// Mailbox is the user who sends it, as the request named them.
	Mailbox string
	Raw     []byte
}

// Mails are those that sendMail took so far.
func (t *Tenant) Mails() []Mail {
	t.mailing.Lock()
	defer t.mailing.Unlock()
	return append([]Mail(nil), t.mails...)
}

// sendMail takes a mail in MIME format.
// https://learn.microsoft.com/graph/api/user-sendmail
func (t *Tenant) sendMail(w http.ResponseWriter, r *http.Request, d *Directory, appID string) {
	refuse := func(status int, code, message string) { t.refuseGraph(w, r, status, code, message) }
	if !d.granted(appID, []string{"Mail.Send"}) {
		refuse(http.StatusForbidden, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
		return
	}
	user := d.mailUser(r.PathValue("id"))
	switch {
	case user == nil:
		refuse(http.StatusNotFound, "ErrorInvalidUser", "The requested user '"+r.PathValue("id")+"' is invalid.")
		return
	case user.Mail == "":
		refuse(http.StatusNotFound, "MailboxNotEnabledForRESTAPI", "The mailbox is either inactive, soft-deleted, or is hosted on-premise.")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxMail))
	if err != nil {
		refuse(http.StatusRequestEntityTooLarge, "ErrorMessageSizeExceeded", "The message exceeds the maximum supported size.")
		return
	}
	raw, why := mimeOf(r.Header, body)
	if why != "" {
		refuse(http.StatusBadRequest, "ErrorMimeContentInvalidBase64String", why)
		return
	}
	sender, recipients := addressesOf(raw)
	switch {
	case recipients == 0:
		refuse(http.StatusBadRequest, "ErrorInvalidRecipients", "At least one recipient is not valid.")
		return
	case !strings.EqualFold(sender, user.Mail) && !strings.EqualFold(sender, user.UserPrincipalName):
		refuse(http.StatusForbidden, "ErrorSendAsDenied", "The user account which was used to submit this request does not have the right to send mail on behalf of the specified sending account., Cannot submit message.")
		return
	}
	t.mailing.Lock()
	t.mails = append(t.mails, Mail{Mailbox: r.PathValue("id"), Raw: raw})
	t.mailing.Unlock()
	w.WriteHeader(http.StatusAccepted)
}

// mimeOf decodes what Content-Type: text/plain announces, or says why it cannot.
func mimeOf(header http.Header, body []byte) (raw []byte, why string) {
	if media, _, err := mime.ParseMediaType(header.Get("Content-Type")); err != nil || media != "text/plain" {
		return nil, "Unable to read JSON request payload."
	}
	raw, err := base64.StdEncoding.DecodeString(string(body))
	if err != nil {
		return nil, "Invalid base64 string for MIME content."
	}
	if _, err := mail.ReadMessage(bytes.NewReader(raw)); err != nil {
		return nil, "Invalid MIME content."
	}
	return raw, ""
}

func addressesOf(raw []byte) (sender string, recipients int) {
	message, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return "", 0
	}
	to, _ := message.Header.AddressList("To") // none, if it cannot be read
	from, err := message.Header.AddressList("From")
	if err != nil || len(from) != 1 {
		return "", len(to)
	}
	return from[0].Address, len(to)
}

// mailUser finds a user by id or by the name that they sign in with.
func (d *Directory) mailUser(id string) *User {
	for i := range d.Users {
		if has := &d.Users[i]; same(id, has.ID) || id != "" && strings.EqualFold(id, has.UserPrincipalName) {
			return has
		}
	}
	return nil
}

// Refused answers in Graph's shape of a refusal.
func Refused(status int, code, message string) Answer {
	return func(t *Tenant, w http.ResponseWriter, r *http.Request, _ http.Handler) {
		t.refuseGraph(w, r, status, code, message)
	}
}
