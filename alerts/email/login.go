package email

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/wneessen/go-mail"

	"lapsewatch/internal/msgraph"
	"lapsewatch/watch"
)

// Mechanism is a way to log in (RFC 4954).
type Mechanism string

const (
	automatic Mechanism = "auto"
	xoauth2   Mechanism = "xoauth2"
)

// mechanisms by the word that configures them. None of them shows the password to a
// server without TLS, unless that is this machine; an access token is never shown to one.
var mechanisms = map[Mechanism]mail.SMTPAuthType{
	automatic:       mail.SMTPAuthOpportunistic,
	"plain":         mail.SMTPAuthPlain,
	"login":         mail.SMTPAuthLogin,
	"cram-md5":      mail.SMTPAuthCramMD5,
	"scram-sha-1":   mail.SMTPAuthSCRAMSHA1,
	"scram-sha-256": mail.SMTPAuthSCRAMSHA256,
	xoauth2:         mail.SMTPAuthXOAUTH2,
}

// strongest lists what to choose from automatically, the best first.
func strongest() []mail.SMTPAuthType {
	return []mail.SMTPAuthType{
		mail.SMTPAuthSCRAMSHA256PLUS, mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthSCRAMSHA1PLUS, mail.SMTPAuthSCRAMSHA1,
		mail.SMTPAuthCramMD5, mail.SMTPAuthPlain, mail.SMTPAuthLogin,
	}
}

func (o Options) validateLogin(wrong report) {
	if _, known := mechanisms[o.Auth]; !known {
		wrong("auth", fmt.Errorf("%q: want auto, plain, login, cram-md5, scram-sha-1, scram-sha-256 or xoauth2", o.Auth))
	}
	if o.GraphURL != "" {
		wrong("graph_url", errors.New("it belongs to transport: graph"))
	}
	if o.Auth == xoauth2 {
		o.validateTokenLogin(wrong)
		return
	}
	o.refuseTokens(wrong, "auth: xoauth2 or transport: graph")
	switch {
	case o.Username == "" && !o.Password.IsZero():
		wrong("username", errors.New("a password needs the account that it belongs to"))
	case o.Username != "":
		wrong("password", o.Password.Validate())
	}
	if o.Username != "" && o.TLS == Unencrypted && !loopback(o.Host) {
		wrong("tls", errors.New("none would send the password in the clear: use starttls or implicit"))
	}
}

func (o Options) validateTokenLogin(wrong report) {
	if o.Username == "" {
		wrong("username", errors.New("auth: xoauth2 needs the account, as a rule the mailbox's address"))
	}
	if !o.Password.IsZero() {
		wrong("password", errors.New("auth: xoauth2 logs in with an access token: give token or entra instead"))
	}
	if o.TLS == Unencrypted {
		wrong("tls", errors.New("none would send the access token in the clear: use starttls or implicit"))
	}
	o.validateTokenSource(wrong)
	if o.Entra != nil && o.Entra.Cloud != "" && o.Entra.Cloud != msgraph.PublicCloud {
		wrong("entra.cloud", errors.New("auth: xoauth2 signs in to the public cloud only: use transport: graph, or token"))
	}
}

func (o Options) validateGraph(wrong report) {
	for _, row := range []struct {
		path  string
		given bool
	}{
		{"host", o.Host != ""}, {"port", o.Port != 0}, {"username", o.Username != ""}, {"password", !o.Password.IsZero()},
		{"tls", o.TLS != STARTTLS}, {"auth", o.Auth != automatic}, {"helo", o.HELO != ""}, {"envelope_from", o.EnvelopeFrom != ""},
	} {
		if row.given {
			wrong(row.path, errors.New("it belongs to transport: smtp"))
		}
	}
	o.validateTokenSource(wrong)
	if o.Entra != nil && o.GraphURL != "" {
		wrong("graph_url", errors.New("with entra it is given there"))
	}
	if o.Entra != nil && o.CAFile != "" {
		wrong("ca_file", errors.New("with entra it is given there"))
	}
	if address, err := url.Parse(o.GraphURL); o.GraphURL != "" && (err != nil || address.Scheme != "https" || address.Hostname() == "" || address.User != nil) {
		wrong("graph_url", errors.New("want https://HOST: access tokens are sent there"))
	}
}

// validateTokenSource wants exactly one place that access tokens come from.
func (o Options) validateTokenSource(wrong report) {
	switch {
	case o.Token.IsZero() == (o.Entra == nil):
		wrong("token", errors.New("want exactly one of token, a place where something else keeps an access token fresh, and entra, by which Lapsewatch fetches one"))
	case o.Entra != nil:
		under("entra", o.Entra.Validate(), wrong)
	default:
		wrong("token", o.Token.Validate())
	}
}

func (o Options) refuseTokens(wrong report, needed string) {
	if !o.Token.IsZero() {
		wrong("token", errors.New("it belongs to "+needed))
	}
	if o.Entra != nil {
		wrong("entra", errors.New("it belongs to "+needed))
	}
}

// under reports the faults of nested options with the whole way to each.
func under(prefix string, err error, wrong report) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			under(prefix, one, wrong)
		}
		return
	}
	if field, ok := errors.AsType[*watch.FieldError](err); ok {
		wrong(prefix+"."+field.Path, field.Err)
		return
	}
	wrong(prefix, err)
}

// outlook is what access tokens for SMTP are asked for in the public cloud (learn.
// microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-
// smtp-application-by-using-oauth).
const outlook = "https://outlook.office365.com"
