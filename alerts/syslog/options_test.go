package syslog_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/syslog"
	"lapsewatch/watch"
)

func TestWrongOptionsAreRefusedWithTheirPlace(t *testing.T) {
	tests := []struct {
		name string
		edit func(*syslog.Options)
		want string
	}{
		{"no host", func(o *syslog.Options) { o.Host = "" }, "host: want the name or address of a syslog receiver"},
		{"a URL for a host", func(o *syslog.Options) { o.Host = "tcp://log.example.com" }, "host: want the name or address of a syslog receiver"},
		{"a port beyond the last", func(o *syslog.Options) { o.Port = 65536 }, "port: want 1 to 65535"},
		{"an unknown transport", func(o *syslog.Options) { o.Transport = "relp" }, `transport: "relp": want tls, tcp or udp`},
		{"authorities without TLS", func(o *syslog.Options) { o.Transport, o.CAFile = syslog.UDP, "ca.pem" }, "ca_file: only the transport tls has a use for it, and this is udp"},
		{"a key without certificate", func(o *syslog.Options) { o.Key.File = "key.pem" }, "certificate: a key needs the certificate that it belongs to"},
		{"a certificate without key", func(o *syslog.Options) { o.Certificate = "cert.pem" }, "key: a secret is given by reference: want exactly one of {file: PATH} or {env: NAME}"},
		{"an unknown facility", func(o *syslog.Options) { o.Facility = "local8" }, `facility: "local8": want one of auth, authpriv, cron, daemon, ftp, kern, local0, local1, local2, local3, local4, local5, local6, local7, lpr, mail, news, syslog, user, uucp`},
		{"a host name with a space", func(o *syslog.Options) { o.Hostname = "a b" }, "hostname: want at most 255 printable ASCII characters without spaces"},
		{"a long host name", func(o *syslog.Options) { o.Hostname = strings.Repeat("h", 256) }, "hostname: want at most 255 printable ASCII characters without spaces"},
		{"no enterprise", func(o *syslog.Options) { o.EnterpriseID = 0 }, "enterprise_id: want a private enterprise number, 1 to 4294967295"},
		{"a timeout beyond the limit", func(o *syslog.Options) { o.Timeout = watch.Duration(time.Hour) }, "timeout: want more than 0 and at most 5m"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := syslog.Kind.Build(options(func(o *syslog.Options) {
				o.Host = "log.example.com"
				test.edit(o)
			}), alerts.Env{})
			if err == nil || err.Error() != test.want {
				t.Errorf("error %v\nwant  %s", err, test.want)
			}
		})
	}
}

func TestWhatCannotBeReadOnThisMachineIsPermanent(t *testing.T) {
	receiver := startReceiver(t, syslog.TLS)
	for name, test := range map[string]struct {
		edit func(*syslog.Options)
		want string
	}{
		"no file of authorities": {func(o *syslog.Options) { o.CAFile = "/nowhere/ca.pem" }, "read CA file: open /nowhere/ca.pem: no such file or directory"},
		"no certificate": {func(o *syslog.Options) {
			o.Certificate, o.Key.File = "/nowhere/cert.pem", "/nowhere/key.pem"
		}, "read the certificate: open /nowhere/cert.pem: no such file or directory"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := receiver.channel(quiet, test.edit).Deliver(t.Context(), alerttest.Message())
			failure, ok := errors.AsType[*alerts.DeliveryError](err)
			if !ok || failure.Retryable || !strings.HasSuffix(err.Error(), ": "+test.want) {
				t.Errorf("error %v\nwant  %s", err, test.want)
			}
		})
	}
	if got := len(receiver.Attempts()); got != 0 {
		t.Errorf("%d attempts reached it", got)
	}
}
