package email_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/email"
	"lapsewatch/internal/faketenant"
	"lapsewatch/watch"
)

func TestSendingByMicrosoftGraphKeepsTheContract(t *testing.T) {
	alerttest.RunHTTP(t, alerttest.HTTPSuite{
		New: func(t *testing.T, env alerts.Env, address string) alerts.Channel {
			whole, err := url.Parse(address)
			if err != nil {
				t.Fatal(err)
			}
			channel, err := email.Kind.Build(options(func(o *email.Options) {
				o.Transport, o.Token.Env, o.GraphURL = email.Graph, "GRAPH_TOKEN", "https://"+whole.Host
			}), env)
			if err != nil {
				t.Fatal(err)
			}
			return channel
		},
		Values: map[string]string{"GRAPH_TOKEN": accessToken},
		Accept: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("request-id", "3b5c7e1e-0000-4000-8000-000000000001")
			if why := misuse(r); why != "" {
				http.Error(w, why, http.StatusBadRequest)
				return
			}
			w.WriteHeader(http.StatusAccepted)
		},
		ID: func(_ *http.Request, body []byte) string { return headerOf(decoded(body), "Message-ID") },
		Texts: func(t *testing.T, a alerttest.Attempt) []string {
			a.Content = decoded(a.Content)
			return mailTexts(t, a)
		},
		Forbidden: []string{"<script", "<img", "<iframe", "javascript:", "</style"},
	})
}

// misuse is what Graph would refuse of a request.
func misuse(r *http.Request) string {
	body, err := io.ReadAll(r.Body)
	switch {
	case err != nil:
		return err.Error()
	case r.Method != http.MethodPost || r.URL.Path != "/v1.0/users/"+mailbox+"/sendMail":
		return r.Method + " " + r.URL.Path
	case r.Header.Get("Authorization") != "Bearer "+accessToken:
		return "no token"
	case r.Header.Get("Content-Type") != "text/plain":
		return "Content-Type " + r.Header.Get("Content-Type")
	case decoded(body) == nil:
		return "Invalid base64 string for MIME content."
	}
	return ""
}

func decoded(body []byte) []byte {
	raw, err := base64.StdEncoding.DecodeString(string(body))
	if err != nil {
		return nil
	}
	return raw
}

func TestMicrosoftGraphSendsTheSameMailAndSaysThatItIsOnlyAccepted(t *testing.T) {
	server := tenant(t, time.Now().AddDate(1, 0, 0))
	channel := byGraph(t, server, tenantEnv(alerttest.NewMemory()), nil)
	for range 2 {
		receipt, failure := tell(t, channel)
		if failure != nil {
			t.Fatal(failure)
		}
		if !strings.HasPrefix(receipt.Proof, "202 accepted by Microsoft Graph, which does not say whether it was delivered (request-id ") {
			t.Errorf("proof %q", receipt.Proof)
		}
	}
	mails := server.Mails()
	if len(mails) != 2 || mails[0].Mailbox != mailbox || len(server.To("/token")) != 1 {
		t.Fatalf("%d mails after %d sign-ins", len(mails), len(server.To("/token")))
	}
	if first, again := headerOf(mails[0].Raw, "Message-ID"), headerOf(mails[1].Raw, "Message-ID"); first != "<8a5be0f2c1d34e6f9a0b1c2d3e4f5061@example.com>" || first != again {
		t.Errorf("Message-ID %s and %s", first, again)
	}
	mail := parseMail(t, mails[0].Raw)
	golden(t, "digest.txt", mail.text)
	golden(t, "digest.html", mail.html)
	golden(t, "digest.ics", mail.calendar)
}

func TestWhatMicrosoftGraphRefusesIsSaidWithWhatToDo(t *testing.T) {
	refused := func(status int, code string) func(*faketenant.Tenant) {
		return func(server *faketenant.Tenant) {
			server.Misbehave(faketenant.Manner{On: "/sendMail", Times: faketenant.Always, Answer: faketenant.Refused(status, code, "No.")})
		}
	}
	const access = "the application needs the application permission Mail.Send of Microsoft Graph with an administrator's consent, and no application access policy (or RBAC for Applications) of Exchange may keep it from this mailbox"
	for name, row := range map[string]struct {
		make      func(*faketenant.Tenant)
		from      string
		status    int
		retryable bool
		after     time.Duration
		words     string
	}{
		"no permission":          {func(s *faketenant.Tenant) { s.Revoke(ownApp, "Mail.Send") }, mailbox, 403, false, 0, access},
		"an access policy":       {refused(403, "ErrorAccessDenied"), mailbox, 403, false, 0, access},
		"no such user":           {nil, "nobody@example.com", 404, false, 0, "the tenant has no user with the address in from"},
		"a user without mailbox": {nil, "onprem@example.com", 404, false, 0, "the address in from has no mailbox in Exchange Online"},
		"another sender":         {refused(403, "ErrorSendAsDenied"), mailbox, 403, false, 0, "the mailbox may not send as the address in from"},
		"too large":              {refused(413, "ErrorMessageSizeExceeded"), mailbox, 413, false, 0, "calendar: false makes it smaller"},
		"too many": {func(s *faketenant.Tenant) {
			s.Misbehave(faketenant.Manner{On: "/sendMail", Answer: faketenant.Throttled("90")})
		}, mailbox, 429, true, 90 * time.Second, "429 Too Many Requests"},
		"unavailable": {func(s *faketenant.Tenant) {
			s.Misbehave(faketenant.Manner{On: "/sendMail", Answer: faketenant.Unavailable("")})
		}, mailbox, 503, true, 0, "503 Service Unavailable"},
		"a proxy's page with 200": {func(s *faketenant.Tenant) {
			s.Misbehave(faketenant.Manner{On: "/sendMail", Answer: faketenant.HTML(200)})
		}, mailbox, 200, false, 0, "it answered 200 where Microsoft Graph says 202"},
	} {
		t.Run(name, func(t *testing.T) {
			server := tenant(t, time.Now().AddDate(1, 0, 0))
			if row.make != nil {
				row.make(server)
			}
			channel := byGraph(t, server, tenantEnv(alerttest.NewMemory()), func(o *email.Options) { o.From = row.from })
			_, failure := tell(t, channel)
			if failure == nil || failure.Status != row.status || failure.Retryable != row.retryable || failure.RetryAfter != row.after || !strings.Contains(failure.Error(), row.words) {
				t.Fatalf("got %+v, want %d: %s", failure, row.status, row.words)
			}
			if row.status != 200 && !strings.Contains(failure.Error(), "request-id ") {
				t.Errorf("without the request's id: %v", failure)
			}
			if len(server.Mails()) != 0 || len(server.To("/sendMail")) != 1 {
				t.Errorf("%d mails by %d requests", len(server.Mails()), len(server.To("/sendMail")))
			}
		})
	}
}

func TestO1_AnExpiredSecretOfOurOwnIsPermanentAndNamedSoThatAnotherChannelTells(t *testing.T) {
	server, memory := tenant(t, time.Now().AddDate(0, 0, -1)), alerttest.NewMemory()
	same := signIn(t, server)
	asConfigured := func(o *email.Options) { o.Entra = same }
	want := "deliver by operations: sign in to tenant " + server.TenantID + " as application " + ownApp + ": the client secret has expired (AADSTS7000222"
	_, failure := tell(t, byGraph(t, server, tenantEnv(memory), asConfigured))
	if failure == nil || failure.Retryable || failure.Status != http.StatusUnauthorized || !strings.HasPrefix(failure.Error(), want) {
		t.Errorf("got  %v\nwant a permanent %s", failure, want)
	}
	// The next run asks no more, and says the same.
	_, failure = tell(t, byGraph(t, server, tenantEnv(memory), asConfigured))
	if failure == nil || failure.Retryable || !strings.Contains(failure.Error(), "the client secret has expired (AADSTS7000222") || len(server.To("/token")) != 1 {
		t.Errorf("after %d sign-ins: %v", len(server.To("/token")), failure)
	}
	// Whoever has mended it and tests the channel is not kept waiting.
	server.Change(func(d *faketenant.Directory) {
		apps := d.Applications
		apps[0].PasswordCredentials = []faketenant.PasswordCredential{{KeyID: apps[0].PasswordCredentials[0].KeyID, SecretText: ownSecret, EndDateTime: faketenant.At(time.Now().AddDate(1, 0, 0))}}
	})
	message := alerttest.Message()
	message.Test = true
	if _, failure = new(mailServer).deliver(t.Context(), byGraph(t, server, tenantEnv(memory), asConfigured), message); failure != nil {
		t.Error(failure)
	}
}

func TestAnOutageOfEntraIsRetryable(t *testing.T) {
	server := tenant(t, time.Now().AddDate(1, 0, 0))
	server.Misbehave(faketenant.Manner{On: "/token", Times: faketenant.Always, Answer: faketenant.Unavailable("3600")})
	_, failure := tell(t, byGraph(t, server, tenantEnv(alerttest.NewMemory()), nil))
	if failure == nil || !failure.Retryable || failure.Status != http.StatusServiceUnavailable || failure.RetryAfter < 59*time.Minute || failure.RetryAfter > time.Hour {
		t.Errorf("got %+v", failure)
	}
}

func TestF4_AnEntraThatNeverAnswersIsLeftInTime(t *testing.T) {
	server := tenant(t, time.Now().AddDate(1, 0, 0))
	server.Misbehave(faketenant.Manner{On: "/token", Times: faketenant.Always, Answer: faketenant.Slow(time.Hour)})
	_, failure := tell(t, byGraph(t, server, tenantEnv(alerttest.NewMemory()), func(o *email.Options) { o.Timeout = watch.Duration(300 * time.Millisecond) }))
	if failure == nil || !failure.Retryable || !strings.Contains(failure.Error(), "sign in to tenant") {
		t.Errorf("got %v", failure)
	}
}

func TestATokenThatGraphRefusesBeforeItsEndIsRenewedOnce(t *testing.T) {
	server := tenant(t, time.Now().AddDate(1, 0, 0))
	channel := byGraph(t, server, tenantEnv(alerttest.NewMemory()), nil)
	server.Misbehave(faketenant.Manner{On: "/sendMail", Answer: faketenant.TokenExpired()})
	if _, failure := tell(t, channel); failure != nil || len(server.Mails()) != 1 || len(server.To("/token")) != 2 {
		t.Errorf("%d mails after %d sign-ins: %v", len(server.Mails()), len(server.To("/token")), failure)
	}
	server.Misbehave(faketenant.Manner{On: "/sendMail", Times: faketenant.Always, Answer: faketenant.TokenExpired()})
	_, failure := tell(t, channel)
	if failure == nil || failure.Retryable || failure.Status != http.StatusUnauthorized || len(server.Mails()) != 1 {
		t.Errorf("%d mails: %v", len(server.Mails()), failure)
	}
}

func TestAStaleTokenInItsFileIsSaidWithItsPlace(t *testing.T) {
	server := tenant(t, time.Now().AddDate(1, 0, 0))
	env := tenantEnv(alerttest.NewMemory())
	env.Secrets = func(watch.SecretRef) (watch.Secret, error) { return watch.NewSecret(accessToken), nil }
	channel := byGraph(t, server, env, func(o *email.Options) {
		o.CAFile, o.GraphURL, o.Token.File, o.Entra = o.Entra.CAFile, server.GraphURL, "/run/secrets/token", nil
	})
	_, failure := tell(t, channel)
	if failure == nil || failure.Retryable || failure.Status != 401 || !strings.HasSuffix(failure.Error(), "see that whatever renews the access token in file /run/secrets/token still runs") {
		t.Errorf("got %v", failure)
	}
}
