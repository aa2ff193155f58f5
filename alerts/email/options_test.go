package email_test

import (
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/email"
	"lapsewatch/internal/msgraph"
	"lapsewatch/watch"
)

func TestWrongOptionsAreRefusedWithTheirPlace(t *testing.T) {
	tests := []struct {
		name string
		edit func(*email.Options)
		want string
	}{
		{"no host", func(o *email.Options) { o.Host = "" }, "host: want the name or address of a mail server"},
		{"a host with a line break", func(o *email.Options) { o.Host = "mail\r\nQUIT" }, "host: want the name or address of a mail server"},
		{"a port beyond the last", func(o *email.Options) { o.Port = 65536 }, "port: want 1 to 65535"},
		{"an unknown encryption", func(o *email.Options) { o.TLS = "ssl" }, `tls: "ssl": want starttls, implicit or none`},
		{"a name for itself with a space", func(o *email.Options) { o.HELO = "a b" }, "helo: want a host name"},
		{"a timeout beyond the limit", func(o *email.Options) { o.Timeout = watch.Duration(time.Hour) }, "timeout: want more than 0 and at most 10m"},
		{"an unknown mechanism", func(o *email.Options) { o.Auth = "ntlm" }, `auth: "ntlm": want auto, plain, login, cram-md5, scram-sha-1, scram-sha-256 or xoauth2`},
		{"a password without account", func(o *email.Options) { o.Password.Env = "P" }, "username: a password needs the account that it belongs to"},
		{"an account without password", func(o *email.Options) { o.Username = "u" }, "password: a secret is given by reference: want exactly one of {file: PATH} or {env: NAME}"},
		{"a password in the clear to another machine", func(o *email.Options) { o.Username, o.Password.Env, o.TLS = "u", "P", "none" }, "tls: none would send the password in the clear: use starttls or implicit"},
		{"no sender", func(o *email.Options) { o.From = "" }, `from: "" is no mail address: want name@example.com or Name <name@example.com>`},
		{"a sender with a second header", func(o *email.Options) { o.From = "a@example.com\r\nBcc: b@example.com" }, `from: "a@example.com\r\nBcc: b@example.com" is no mail address: want name@example.com or Name <name@example.com>`},
		{"a reply address that is none", func(o *email.Options) { o.ReplyTo = "security" }, `reply_to: "security" is no mail address: want name@example.com or Name <name@example.com>`},
		{"no recipient", func(o *email.Options) { o.To = nil }, "to: want 1 to 100 recipients, or owner_domains, so that owners are told"},
		{"a recipient that is none", func(o *email.Options) { o.To = []string{"a@example.com", "b"} }, `to[1]: "b" is no mail address: want name@example.com or Name <name@example.com>`},
		{"an owner domain that is an address", func(o *email.Options) { o.OwnerDomains = []string{"example.com", "a@example.com"} }, "owner_domains[1]: want the domain of mail addresses, such as example.com"},
		{"every domain at once", func(o *email.Options) { o.OwnerDomains = []string{"*"} }, "owner_domains[0]: want the domain of mail addresses, such as example.com"},
		{"an unknown transport", func(o *email.Options) { o.Transport = "uucp" }, `transport: "uucp": want smtp or graph`},
		{"an envelope sender that is none", func(o *email.Options) { o.EnvelopeFrom = "bounces" }, `envelope_from: "bounces" is no mail address: want name@example.com or Name <name@example.com>`},
		{"a token without a use", func(o *email.Options) { o.Token.Env = "T" }, "token: it belongs to auth: xoauth2 or transport: graph"},
		{"a sign-in without a use", func(o *email.Options) { o.Entra = signedIn() }, "entra: it belongs to auth: xoauth2 or transport: graph"},
		{"a URL of Graph without a use", func(o *email.Options) { o.GraphURL = "https://graph.example.com" }, "graph_url: it belongs to transport: graph"},
		{"xoauth2 without an account", func(o *email.Options) { o.Auth, o.Token.Env = "xoauth2", "T" }, "username: auth: xoauth2 needs the account, as a rule the mailbox's address"},
		{"xoauth2 with a password", func(o *email.Options) { o.Auth, o.Username, o.Token.Env, o.Password.Env = "xoauth2", "u", "T", "P" }, "password: auth: xoauth2 logs in with an access token: give token or entra instead"},
		{"xoauth2 without a token", func(o *email.Options) { o.Auth, o.Username = "xoauth2", "u" }, "token: want exactly one of token, a place where something else keeps an access token fresh, and entra, by which Lapsewatch fetches one"},
		{"xoauth2 with two tokens", func(o *email.Options) { o.Auth, o.Username, o.Token.Env, o.Entra = "xoauth2", "u", "T", signedIn() }, "token: want exactly one of token, a place where something else keeps an access token fresh, and entra, by which Lapsewatch fetches one"},
		{"a token in the clear, even within this machine", func(o *email.Options) {
			o.Auth, o.Host, o.Username, o.Token.Env, o.TLS = "xoauth2", "localhost", "u", "T", "none"
		}, "tls: none would send the access token in the clear: use starttls or implicit"},
		{"xoauth2 in another cloud", func(o *email.Options) {
			o.Auth, o.Username, o.Entra = "xoauth2", "u", signedIn()
			o.Entra.Cloud = "china"
		}, "entra.cloud: auth: xoauth2 signs in to the public cloud only: use transport: graph, or token"},
		{"a sign-in without its secret", func(o *email.Options) {
			o.Auth, o.Username, o.Entra = "xoauth2", "u", signedIn()
			o.Entra.Secret.Env = ""
		}, "entra.secret: it is missing: sign_in: secret needs it"},
		{"a mail server for Graph", func(o *email.Options) { o.Transport, o.Token.Env = "graph", "T" }, "host: it belongs to transport: smtp"},
		{"a login for Graph", func(o *email.Options) { o.Host, o.Transport, o.Token.Env, o.Auth = "", "graph", "T", "xoauth2" }, "auth: it belongs to transport: smtp"},
		{"a bounce address for Graph", func(o *email.Options) {
			o.Host, o.Transport, o.Token.Env, o.EnvelopeFrom = "", "graph", "T", "b@example.com"
		}, "envelope_from: it belongs to transport: smtp"},
		{"Graph without a token", func(o *email.Options) { o.Host, o.Transport = "", "graph" }, "token: want exactly one of token, a place where something else keeps an access token fresh, and entra, by which Lapsewatch fetches one"},
		{"Graph without TLS", func(o *email.Options) {
			o.Host, o.Transport, o.Token.Env, o.GraphURL = "", "graph", "T", "http://graph.example.com"
		}, "graph_url: want https://HOST: access tokens are sent there"},
		{"Graph's URL in two places", func(o *email.Options) {
			o.Host, o.Transport, o.Entra, o.GraphURL = "", "graph", signedIn(), "https://graph.example.com"
		}, "graph_url: with entra it is given there"},
		{"Graph's authorities in two places", func(o *email.Options) { o.Host, o.Transport, o.Entra, o.CAFile = "", "graph", signedIn(), "ca.pem" }, "ca_file: with entra it is given there"},
		{"unsubscribing without TLS", func(o *email.Options) { o.Unsubscribe.URL = "http://lists.example.com" }, "unsubscribe.url: want https://HOST/…, in which {recipient} stands for the address"},
		{"unsubscribing with a second header", func(o *email.Options) { o.Unsubscribe.URL = "https://lists.example.com/\r\nBcc:x" }, "unsubscribe.url: want https://HOST/…, in which {recipient} stands for the address"},
		{"unsubscribing at the recipient's host", func(o *email.Options) { o.Unsubscribe.URL = "https://{recipient}/" }, "unsubscribe.url: want https://HOST/…, in which {recipient} stands for the address"},
		{"unsubscribing at a name", func(o *email.Options) { o.Unsubscribe.Mailto = "Leave <leave@example.com>" }, "unsubscribe.mailto: want a bare address: name@example.com"},
		{"one click without a page", func(o *email.Options) { o.Unsubscribe.OneClick = true }, "unsubscribe.one_click: it needs url: a mail reader posts to it (RFC 8058, 3.1)"},
		{"a recipient twice", func(o *email.Options) { o.To = []string{"a@example.com", "a@example.com"} }, "to[1]: a@example.com is listed twice"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := email.Kind.Build(options(func(o *email.Options) {
				o.Host = "mail.example.com"
				test.edit(o)
			}), alerts.Env{})
			if err == nil || err.Error() != test.want {
				t.Errorf("error %v\nwant  %s", err, test.want)
			}
		})
	}
}

func signedIn() *msgraph.SignIn {
	return &msgraph.SignIn{Tenant: "contoso.com", ClientID: ownApp, Method: msgraph.ClientSecret, Secret: watch.SecretRef{Env: "S"}}
}

func TestAPasswordMayGoInTheClearWithinThisMachine(t *testing.T) {
	for _, host := range []string{"localhost", "127.0.0.1", "::1", "[::1]"} {
		_, err := email.Kind.Build(options(func(o *email.Options) {
			o.Host, o.Username, o.Password.Env, o.TLS = host, "u", "P", "none"
		}), alerts.Env{})
		if err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
}
