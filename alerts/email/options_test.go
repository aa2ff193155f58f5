package email_test

import (
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/email"
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
		{"an unknown mechanism", func(o *email.Options) { o.Auth = "ntlm" }, `auth: "ntlm": want auto, plain, login, cram-md5, scram-sha-1 or scram-sha-256`},
		{"a password without account", func(o *email.Options) { o.Password.Env = "P" }, "username: a password needs the account that it belongs to"},
		{"an account without password", func(o *email.Options) { o.Username = "u" }, "password: a secret is given by reference: want exactly one of {file: PATH} or {env: NAME}"},
		{"a password in the clear to another machine", func(o *email.Options) { o.Username, o.Password.Env, o.TLS = "u", "P", "none" }, "tls: none would send the password in the clear: use starttls or implicit"},
		{"no sender", func(o *email.Options) { o.From = "" }, `from: "" is no mail address: want name@example.com or Name <name@example.com>`},
		{"a sender with a second header", func(o *email.Options) { o.From = "a@example.com\r\nBcc: b@example.com" }, `from: "a@example.com\r\nBcc: b@example.com" is no mail address: want name@example.com or Name <name@example.com>`},
		{"a reply address that is none", func(o *email.Options) { o.ReplyTo = "security" }, `reply_to: "security" is no mail address: want name@example.com or Name <name@example.com>`},
		{"no recipient", func(o *email.Options) { o.To = nil }, "to: want 1 to 100 recipients"},
		{"a recipient that is none", func(o *email.Options) { o.To = []string{"a@example.com", "b"} }, `to[1]: "b" is no mail address: want name@example.com or Name <name@example.com>`},
		{"an owner domain that is an address", func(o *email.Options) { o.OwnerDomains = []string{"example.com", "a@example.com"} }, "owner_domains[1]: want the domain of mail addresses, such as example.com"},
		{"every domain at once", func(o *email.Options) { o.OwnerDomains = []string{"*"} }, "owner_domains[0]: want the domain of mail addresses, such as example.com"},
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
