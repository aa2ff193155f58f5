package email_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/email"
	"lapsewatch/internal/faketenant"
	"lapsewatch/watch"
)

// bearerServer is XOAUTH2 as Exchange and Gmail speak it: what it refuses it explains in a
// challenge, which the client answers with nothing.
type bearerServer struct {
	check   func(user, token string) error
	refused error
}

func (b *bearerServer) Next(response []byte) (challenge []byte, done bool, err error) {
	if b.refused != nil {
		return nil, true, b.refused
	}
	user, rest, _ := strings.Cut(strings.TrimPrefix(string(response), "user="), "\x01")
	token, found := strings.CutSuffix(strings.TrimPrefix(rest, "auth=Bearer "), "\x01\x01")
	if !found {
		return nil, true, &smtp.SMTPError{Code: 501, EnhancedCode: smtp.EnhancedCode{5, 5, 4}, Message: "malformed " + string(response)}
	}
	if b.refused = b.check(user, token); b.refused != nil {
		return []byte(`{"status":"401","schemes":"bearer"}`), false, nil
	}
	return nil, true, nil
}

const mechanismXOAUTH2 = "XOAUTH2"

// tokenServer is a mail server that takes tokens which the tenant issued for SMTP.
func tokenServer(t *testing.T, mode serverMode, issuer *faketenant.Tenant) *mailServer {
	t.Helper()
	server := startMailServer(t, mode)
	server.mu.Lock()
	defer server.mu.Unlock()
	server.mechanism = mechanismXOAUTH2
	server.tokens = func(user, token string) error {
		if _, resource, valid := issuer.Issued(token); user == mailbox && valid && resource == faketenant.OutlookResource {
			return nil
		}
		return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 3}, Message: "Authentication unsuccessful [" + token + "]"}
	}
	return server
}

func byToken(o *email.Options) {
	o.Auth, o.Username, o.Password = "xoauth2", mailbox, watch.SecretRef{}
}

func TestXOAUTH2LogsInWithATokenOfItsOwnSignIn(t *testing.T) {
	issuer := tenant(t, time.Now().AddDate(1, 0, 0))
	server := tokenServer(t, startTLS, issuer)
	env := tenantEnv(alerttest.NewMemory())
	env.Dial = server.env(quiet).Dial
	channel := server.channel(t, env, func(o *email.Options) { byToken(o); o.Entra = signIn(t, issuer) })
	for range 2 {
		if _, failure := tell(t, channel); failure != nil {
			t.Fatal(failure)
		}
	}
	if mails := server.taken(); len(mails) != 2 || mails[0].login != mailbox || !mails[0].tls || len(issuer.To("/token")) != 1 {
		t.Errorf("%d mails after %d sign-ins", len(mails), len(issuer.To("/token")))
	}
}

func TestXOAUTH2ReadsTheTokenAtEachUse(t *testing.T) {
	issuer := tenant(t, time.Now().AddDate(1, 0, 0))
	server := tokenServer(t, implicitTLS, issuer)
	fresh, given := accessToken, "stale-canary-token-3c1d"
	server.mu.Lock()
	server.tokens = func(_, token string) error {
		if token == fresh {
			return nil
		}
		return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 3}, Message: "Authentication unsuccessful [" + token + " " + base64.StdEncoding.EncodeToString([]byte("user="+mailbox+"\x01auth=Bearer "+token+"\x01\x01")) + "]"}
	}
	server.mu.Unlock()
	env := server.env(quiet)
	env.Secrets = func(watch.SecretRef) (watch.Secret, error) { return watch.NewSecret(given), nil }
	channel := server.channel(t, env, func(o *email.Options) { byToken(o); o.TLS, o.Token.File = email.Implicit, "/run/secrets/token" })
	_, failure := server.deliver(t.Context(), channel, alerttest.Message())
	if failure == nil || failure.Status != 535 || failure.Retryable || !strings.Contains(failure.Error(), "5.7.3 Authentication unsuccessful") ||
		!strings.HasSuffix(failure.Error(), "the server refuses the access token of "+mailbox+": see that whatever renews it in file /run/secrets/token still runs") {
		t.Errorf("got %v", failure)
	}
	if told := failure.Error(); strings.Contains(told, given) || strings.Contains(told, "dXNlcj1") {
		t.Errorf("the token is told in %s", told)
	}
	given = fresh
	if _, failure := server.deliver(t.Context(), channel, alerttest.Message()); failure != nil {
		t.Error(failure)
	}
}

func TestXOAUTH2SaysWhatExchangeMeans(t *testing.T) {
	for name, row := range map[string]struct {
		code  smtp.EnhancedCode
		words string
	}{
		"the application is not known to Exchange": {smtp.EnhancedCode{5, 7, 3}, "the server refuses the application for the mailbox " + mailbox + ": in Entra it needs SMTP.SendAsApp of Office 365 Exchange Online, in Exchange a service principal (New-ServicePrincipal) and full access to the mailbox (Add-MailboxPermission)"},
		"SMTP AUTH is switched off":                {smtp.EnhancedCode{5, 7, 139}, "SMTP AUTH is switched off for the tenant or the mailbox (Set-CASMailbox -SmtpClientAuthenticationDisabled $false), or a policy of the tenant blocks it"},
	} {
		t.Run(name, func(t *testing.T) {
			issuer := tenant(t, time.Now().AddDate(1, 0, 0))
			server := tokenServer(t, startTLS, issuer)
			server.mu.Lock()
			server.tokens = func(string, string) error {
				return &smtp.SMTPError{Code: 535, EnhancedCode: row.code, Message: "Authentication unsuccessful"}
			}
			server.mu.Unlock()
			env := tenantEnv(alerttest.NewMemory())
			env.Dial = server.env(quiet).Dial
			_, failure := tell(t, server.channel(t, env, func(o *email.Options) { byToken(o); o.Entra = signIn(t, issuer) }))
			if failure == nil || failure.Status != 535 || failure.Retryable || !strings.HasSuffix(failure.Error(), row.words) {
				t.Errorf("got %v", failure)
			}
		})
	}
}

func TestO1_AnExpiredSecretOfOurOwnIsPermanentOverSMTPToo(t *testing.T) {
	issuer := tenant(t, time.Now().AddDate(0, 0, -1))
	server := tokenServer(t, startTLS, issuer)
	env := tenantEnv(alerttest.NewMemory())
	env.Dial = server.env(quiet).Dial
	_, failure := tell(t, server.channel(t, env, func(o *email.Options) { byToken(o); o.Entra = signIn(t, issuer) }))
	if failure == nil || failure.Retryable || !strings.Contains(failure.Error(), "the client secret has expired (AADSTS7000222") {
		t.Errorf("got %v", failure)
	}
}
