package faketenant

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// askMail asks as the watchdog and gives the status and the body.
func askMail(t *testing.T, tenant *Tenant, method, path, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, tenant.GraphURL+"/v1.0/users/dog@example.com"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+tenant.issue(watchdogApp, MicrosoftGraph))
	response, err := httpClient(t, tenant).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(answer)
}

func mailTenant(t *testing.T, permissions ...string) *Tenant {
	t.Helper()
	tenant := start(t, Options{Manners: WellBehaved(), Directory: Directory{Users: []User{{ID: "44444444-0000-4000-8000-000000000001", UserPrincipalName: "dog@example.com", Mail: "dog@example.com"}}}})
	tenant.Grant(watchdogApp, permissions...)
	return tenant
}

func TestSendMailTakesJSONAndDeliversIt(t *testing.T) {
	good := `{"message":{"subject":"s","toRecipients":[{"emailAddress":{"address":"dog@example.com"}}],"internetMessageHeaders":[{"name":"x-a","value":"b"}]},"saveToSentItems":false}`
	for name, row := range map[string]struct {
		body   string
		status int
		code   string
	}{
		"a mail":                       {good, 202, ""},
		"a header that is no x-header": {strings.Replace(good, "x-a", "Auto-Submitted", 1), 400, "InvalidInternetMessageHeader"},
		"six headers":                  {strings.Replace(good, `{"name":"x-a","value":"b"}`, strings.Repeat(`{"name":"x-a","value":"b"},`, 5)+`{"name":"x-a","value":"b"}`, 1), 400, "InvalidInternetMessageHeaderCollection"},
		"nobody to send it to":         {`{"message":{"subject":"s"}}`, 400, "ErrorInvalidRecipients"},
		"another sender":               {strings.Replace(good, `"subject"`, `"from":{"emailAddress":{"address":"cat@example.com"}},"subject"`, 1), 403, "ErrorSendAsDenied"},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := mailTenant(t, "Mail.Send")
			status, body := askMail(t, tenant, http.MethodPost, "/sendMail", row.body)
			if status != row.status || !strings.Contains(body, row.code) {
				t.Errorf("got %d %s", status, body)
			}
			inbox, sent := tenant.Messages("dog@example.com", "inbox"), tenant.Messages("dog@example.com", "sentitems")
			if (len(inbox) == 1) != (status == http.StatusAccepted) || len(sent) != 0 {
				t.Errorf("inbox %v, sent %v", inbox, sent)
			}
		})
	}
}

func TestMessagesAreListedByPagesAndDeleted(t *testing.T) {
	tenant := mailTenant(t, "Mail.ReadWrite")
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for range 25 {
		tenant.Put("dog@example.com", "inbox", Message{Subject: "bone", InternetMessageID: "<a@b>", Received: at})
	}
	status, body := askMail(t, tenant, http.MethodGet, "/mailFolders/inbox/messages?$filter="+url.QueryEscape("receivedDateTime ge 2026-11-22T11:00:00Z and contains(subject,'Bone')"), "")
	if status != 200 || strings.Count(body, `"id"`) != messagePage || !strings.Contains(body, "@odata.nextLink") {
		t.Errorf("got %d %s", status, body)
	}
	if status, body := askMail(t, tenant, http.MethodGet, "/mailFolders/inbox/messages?$filter="+url.QueryEscape("bodyPreview eq 'x'"), ""); status != 400 || !strings.Contains(body, "ErrorInvalidUrlQueryFilter") {
		t.Errorf("got %d %s", status, body)
	}
	for i, row := range []struct{ method, suffix string }{{http.MethodDelete, ""}, {http.MethodPost, "/permanentDelete"}} {
		id := tenant.Messages("dog@example.com", "inbox")[0].ID
		if status, body := askMail(t, tenant, row.method, "/messages/"+id+row.suffix, ""); status != 204 {
			t.Errorf("got %d %s", status, body)
		}
		if left, trash := len(tenant.Messages("dog@example.com", "inbox")), len(tenant.Messages("dog@example.com", "deleteditems")); left != 24-i || trash != 1 {
			t.Errorf("%d are left, %d in the deleted items", left, trash)
		}
	}
}
