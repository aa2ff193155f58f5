package faketenant

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// mailboxOf is the mailbox that the path names, for a caller who has any of the permissions.
func (t *Tenant) mailboxOf(w http.ResponseWriter, r *http.Request, d *Directory, appID string, permissions ...string) (*User, bool) {
	user := d.mailUser(r.PathValue("id"))
	switch {
	case !d.granted(appID, permissions):
		t.refuseGraph(w, r, http.StatusForbidden, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
	case user == nil:
		t.refuseGraph(w, r, http.StatusNotFound, "ErrorInvalidUser", "The requested user '"+r.PathValue("id")+"' is invalid.")
	case user.Mail == "":
		t.refuseGraph(w, r, http.StatusNotFound, "MailboxNotEnabledForRESTAPI", "The mailbox is either inactive, soft-deleted, or is hosted on-premise.")
	default:
		return user, true
	}
	return nil, false
}

// mailFolder shows a folder, or its messages.
// https://learn.microsoft.com/graph/api/mailfolder-get
func (t *Tenant) mailFolder(w http.ResponseWriter, r *http.Request, d *Directory, appID string) {
	if user, ok := t.mailboxOf(w, r, d, appID, "Mail.Read", "Mail.ReadWrite"); ok && t.folderOf(w, r) {
		writeJSON(w, http.StatusOK, map[string]any{"id": "AQMk" + r.PathValue("folder"), "displayName": r.PathValue("folder"), "totalItemCount": len(t.Messages(user.Mail, r.PathValue("folder")))})
	}
}

func (t *Tenant) folderOf(w http.ResponseWriter, r *http.Request) bool {
	known := slices.Contains(wellKnown, r.PathValue("folder"))
	if !known {
		t.refuseGraph(w, r, http.StatusBadRequest, "ErrorInvalidIdMalformed", "Id is malformed.")
	}
	return known
}

// The filters that are understood here.
var (
	byMessageID = regexp.MustCompile(`^internetMessageId eq '((?:[^']|'')*)'$`)
	bySubject   = regexp.MustCompile(`^receivedDateTime ge (\S+) and contains\(subject,'((?:[^']|'')*)'\)$`)
)

// messagePage is how many messages a page holds at most, whatever $top says: fewer than are
// asked for is allowed.
const messagePage = 20

// mailMessages lists the messages of a folder.
// https://learn.microsoft.com/graph/api/mailfolder-list-messages
func (t *Tenant) mailMessages(w http.ResponseWriter, r *http.Request, d *Directory, appID string) {
	user, ok := t.mailboxOf(w, r, d, appID, "Mail.Read", "Mail.ReadWrite")
	if !ok || !t.folderOf(w, r) {
		return
	}
	q, err := readQuery(r)
	if err != nil {
		t.refuseQuery(w, r, err)
		return
	}
	fits, ok := messageFilter(q.filter)
	if !ok {
		t.refuseGraph(w, r, http.StatusBadRequest, "ErrorInvalidUrlQueryFilter", "The query filter contains one or more invalid nodes.")
		return
	}
	found := slices.DeleteFunc(t.Messages(user.Mail, r.PathValue("folder")), func(one Message) bool { return !fits(one) })
	shown := []map[string]any{}
	last := min(q.index+min(q.top, messagePage), len(found))
	for _, one := range found[min(q.index, last):last] {
		shown = append(shown, one.shown(q.selected))
	}
	page := map[string]any{"@odata.context": t.GraphURL + "/v1.0/$metadata#users/messages", "value": shown}
	if last < len(found) {
		page["@odata.nextLink"] = t.nextLink(r, q, last)
	}
	writeJSON(w, http.StatusOK, page)
}

func messageFilter(filter string) (fits func(Message) bool, ok bool) {
	plain := func(quoted string) string { return strings.ReplaceAll(quoted, "''", "'") }
	if filter == "" {
		return func(Message) bool { return true }, true
	}
	if found := byMessageID.FindStringSubmatch(filter); found != nil {
		return func(one Message) bool { return one.InternetMessageID == plain(found[1]) }, true
	}
	if found := bySubject.FindStringSubmatch(filter); found != nil {
		since, err := time.Parse(time.RFC3339, found[1])
		return func(one Message) bool {
			return !one.Received.Before(since) && strings.Contains(strings.ToLower(one.Subject), strings.ToLower(plain(found[2])))
		}, err == nil
	}
	return nil, false
}

// shown is a message as $select wants it; headers are shown to those who name them only.
func (m Message) shown(selected []string) map[string]any {
	headers := []mailHeader{}
	for _, header := range m.Headers {
		headers = append(headers, mailHeader{header[0], header[1]})
	}
	all := map[string]any{
		"subject": m.Subject, "internetMessageId": m.InternetMessageID,
		"receivedDateTime": m.Received.UTC().Format(time.RFC3339), "internetMessageHeaders": headers,
	}
	shown := map[string]any{"@odata.etag": `W/"CQAAABYAAAB"`, "id": m.ID}
	for name, value := range all {
		if slices.Contains(selected, name) || len(selected) == 0 && name != "internetMessageHeaders" {
			shown[name] = value
		}
	}
	return shown
}

// deleteMessage moves a message into the deleted items, and permanentDelete away from all
// folders.
// https://learn.microsoft.com/graph/api/message-delete
// https://learn.microsoft.com/graph/api/message-permanentdelete
func (t *Tenant) deleteMessage(w http.ResponseWriter, r *http.Request, d *Directory, appID string) {
	user, ok := t.mailboxOf(w, r, d, appID, "Mail.ReadWrite")
	if !ok {
		return
	}
	t.boxes.mutex.Lock()
	defer t.boxes.mutex.Unlock()
	for folder, messages := range t.boxes.folders[user.Mail] {
		at := slices.IndexFunc(messages, func(one Message) bool { return one.ID == r.PathValue("message") })
		if at < 0 {
			continue
		}
		gone := messages[at]
		t.boxes.folders[user.Mail][folder] = slices.Delete(slices.Clone(messages), at, at+1)
		if r.Method == http.MethodDelete {
			t.boxes.put(user.Mail, "deleteditems", gone)
		}
		w.WriteHeader(http.StatusNoContent)
		return
	}
	t.refuseGraph(w, r, http.StatusNotFound, "ErrorItemNotFound", "The specified object was not found in the store.")
}
