package faketenant

import (
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"
)

const mailed = "From: Watchdog <dog@example.com>\r\nTo: ops@example.com\r\nSubject: x\r\n\r\nbody\r\n"

func TestSendMailTakesWhatGraphTakesAndNothingElse(t *testing.T) {
	encoded := base64.StdEncoding.EncodeToString([]byte(mailed))
	of := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	for name, row := range map[string]struct {
		user, media, body string
		revoked           bool
		resource          string
		status            int
		code              string
	}{
		"a mail in MIME format":      {"dog@example.com", "text/plain", encoded, false, MicrosoftGraph, 202, ""},
		"by the user's id":           {"44444444-0000-4000-8000-000000000001", "text/plain", encoded, false, MicrosoftGraph, 202, ""},
		"without permission":         {"dog@example.com", "text/plain", encoded, true, MicrosoftGraph, 403, "ErrorAccessDenied"},
		"a token for SMTP":           {"dog@example.com", "text/plain", encoded, false, OutlookResource, 401, "InvalidAuthenticationToken"},
		"an unknown user":            {"cat@example.com", "text/plain", encoded, false, MicrosoftGraph, 404, "ErrorInvalidUser"},
		"a user without mailbox":     {"old@example.com", "text/plain", encoded, false, MicrosoftGraph, 404, "MailboxNotEnabledForRESTAPI"},
		"MIME that is not encoded":   {"dog@example.com", "text/plain", mailed, false, MicrosoftGraph, 400, "ErrorMimeContentInvalidBase64String"},
		"MIME announced as JSON":     {"dog@example.com", "application/json", encoded, false, MicrosoftGraph, 400, "ErrorMimeContentInvalidBase64String"},
		"no MIME":                    {"dog@example.com", "text/plain", of("no header"), false, MicrosoftGraph, 400, "ErrorMimeContentInvalidBase64String"},
		"another sender":             {"dog@example.com", "text/plain", of(strings.Replace(mailed, "dog@", "cat@", 1)), false, MicrosoftGraph, 403, "ErrorSendAsDenied"},
		"nobody to send it to":       {"dog@example.com", "text/plain", of(strings.Replace(mailed, "To:", "X-To:", 1)), false, MicrosoftGraph, 400, "ErrorInvalidRecipients"},
		"more than Graph can handle": {"dog@example.com", "text/plain", strings.Repeat("A", maxMail+1), false, MicrosoftGraph, 413, "ErrorMessageSizeExceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := start(t, Options{Directory: Directory{Users: []User{
				{ID: "44444444-0000-4000-8000-000000000001", UserPrincipalName: "dog@example.com", Mail: "dog@example.com"},
				{ID: "44444444-0000-4000-8000-000000000002", UserPrincipalName: "old@example.com"},
			}}})
			if !row.revoked {
				tenant.Grant(watchdogApp, "Mail.Send")
			}
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, tenant.GraphURL+"/v1.0/users/"+row.user+"/sendMail", strings.NewReader(row.body))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", row.media)
			request.Header.Set("Authorization", "Bearer "+tenant.issue(watchdogApp, row.resource))
			response, err := httpClient(t, tenant).Do(request)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if response.StatusCode != row.status || !strings.Contains(string(body), row.code) || response.Header.Get("request-id") == "" {
				t.Errorf("got %d %s", response.StatusCode, body)
			}
			taken := tenant.Mails()
			if (len(taken) == 1) != (row.status == http.StatusAccepted) || len(taken) == 1 && string(taken[0].Raw) != mailed {
				t.Errorf("took %v", taken)
			}
		})
	}
}
