package tls_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"lapsewatch/checks/tls"
	"lapsewatch/watch"
)

func TestTargetsOfTheCommandLine(t *testing.T) {
	tests := []struct {
		text string
		want tls.Target
	}{
		{"example.com", tls.Target{Host: "example.com", Port: 443}},
		{"example.com:8443", tls.Target{Host: "example.com", Port: 8443}},
		{"localhost", tls.Target{Host: "localhost", Port: 443}},
		{"bücher.example:8443", tls.Target{Host: "bücher.example", Port: 8443}},
		{"192.0.2.7", tls.Target{Host: "192.0.2.7", Port: 443}},
		{"192.0.2.7:8443", tls.Target{Host: "192.0.2.7", Port: 8443}},
		{"2001:db8::7", tls.Target{Host: "2001:db8::7", Port: 443}},
		{"[2001:db8::7]", tls.Target{Host: "2001:db8::7", Port: 443}},
		{"[2001:db8::7]:8443", tls.Target{Host: "2001:db8::7", Port: 8443}},
		{"fe80::1%eth0", tls.Target{Host: "fe80::1%eth0", Port: 443}},
		{"[fe80::1%eth0]:8443", tls.Target{Host: "fe80::1%eth0", Port: 8443}},
		{"https://example.com", tls.Target{Host: "example.com", Port: 443}},
		{"HTTPS://example.com:8443/path?query#part", tls.Target{Host: "example.com", Port: 8443}},
		{"https://[2001:db8::7]/", tls.Target{Host: "2001:db8::7", Port: 443}},
		{"https://[fe80::1%25eth0]/", tls.Target{Host: "fe80::1%eth0", Port: 443}},
		{"smtps://mail.example", tls.Target{Host: "mail.example", Port: 465}},
		{"imaps://mail.example", tls.Target{Host: "mail.example", Port: 993}},
		{"pop3s://mail.example", tls.Target{Host: "mail.example", Port: 995}},
		{"ldaps://dc.example", tls.Target{Host: "dc.example", Port: 636}},
		{"ftps://files.example", tls.Target{Host: "files.example", Port: 990}},
		{"smtp://mail.example", tls.Target{Host: "mail.example", Port: 25, StartTLS: "smtp"}},
		{"smtp://mail.example:587", tls.Target{Host: "mail.example", Port: 587, StartTLS: "smtp"}},
		{"imap://mail.example", tls.Target{Host: "mail.example", Port: 143, StartTLS: "imap"}},
		{"pop3://mail.example", tls.Target{Host: "mail.example", Port: 110, StartTLS: "pop3"}},
		{"ftp://files.example", tls.Target{Host: "files.example", Port: 21, StartTLS: "ftp"}},
		{"ldap://dc.example", tls.Target{Host: "dc.example", Port: 389, StartTLS: "ldap"}},
		{"postgres://db.example/app", tls.Target{Host: "db.example", Port: 5432, StartTLS: "postgres"}},
		{"mysql://db.example", tls.Target{Host: "db.example", Port: 3306, StartTLS: "mysql"}},
		{"xmpp://chat.example", tls.Target{Host: "chat.example", Port: 5222, StartTLS: "xmpp"}},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			got, err := tls.ParseTarget(test.text)
			if err != nil || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", test.want) {
				t.Errorf("got %+v, %v\nwant %+v", got, err, test.want)
			}
			if !tls.Kind.Takes(test.text) {
				t.Error("the kind does not take it")
			}
		})
	}
}

func TestTargetsThatAreRefused(t *testing.T) {
	long := strings.Repeat("a", 64)
	tests := []struct{ text, want string }{
		{"", "host: is missing"},
		{"example.com:", "the port after the colon is missing"},
		{"example.com:0", "the port is no number from 1 to 65535"},
		{"example.com:65536", "the port is no number from 1 to 65535"},
		{"example.com:https", "the port is no number from 1 to 65535"},
		{"1:2:3", "want HOST, HOST:PORT, or an IPv6 address with its port as [ADDRESS]:PORT"},
		{"[2001:db8::7", "want HOST, HOST:PORT, or an IPv6 address with its port as [ADDRESS]:PORT"},
		{"a b", `host: "a b" is no host name`},
		{"*.example.com", `host: "*.example.com" is no host name`},
		{"-a.example", `host: "-a.example" is no host name`},
		{"a..example", `host: "a..example" is no host name: it has an empty label`},
		{".", `host: "" is no host name: it has an empty label`},
		{long + ".example", `host: the label "` + strings.Repeat("a", 59) + `…" is longer than 63 octets (RFC 1035)`},
		{strings.Repeat("a.", 130) + "example", "host: the name is longer than 253 octets (RFC 1035)"},
		{"2852039166", `host: "2852039166" is neither a host name nor an IP address`},
		{"0xa9fea9fe", `host: "0xa9fea9fe" is neither a host name nor an IP address`},
		{"127.1", `host: "127.1" is neither a host name nor an IP address`},
		{"①②⑦.0.0.1", `host: "127.0.0.1" is neither a host name nor an IP address`},
		{"a\r\nb", `host: "a` + "\uFFFD" + `b" is no host name`},
		{"gopher://example.com", "the URL's scheme is none of a TLS service"},
		{"https://", "host: is missing"},
		{"https://exa mple", "the URL is malformed"},
		{"postgres://app:hunter2@db.example/app", "a target takes no user name or password"},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			got, err := tls.ParseTarget(test.text)
			if err == nil || err.Error() != test.want {
				t.Errorf("got %+v, %v\nwant %s", got, err, test.want)
			}
		})
	}
}

func TestTheKindLeavesFilesAndOtherKindsTheirTargets(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(folder)
	if err := os.WriteFile("cert.pem", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(folder, "www.example.com"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"", "-", "/etc/ssl", "./cert.pem", "../cert.pem", "~/cert.pem", "~", "certs/", "certs/a.pem", `C:\certs`, `certs\a.pem`,
		"cert.pem", "www.example.com", "ntp://time.example", "jwt:token", "jwt:123", "jwt:token.txt", "gopher://example.com", "file:///etc/ssl", "a b", "*.pem",
	} {
		if tls.Kind.Takes(text) {
			t.Errorf("takes %q", text)
		}
	}
}

func TestScanTargetsAreReadOnce(t *testing.T) {
	env := testEnv()
	expected := 0
	env.Expect = func(n int) { expected += n }
	env.Timeout = 1
	check, err := tls.Kind.BuildForTargets([]string{"192.0.2.7", "192.0.2.7:443", "https://192.0.2.7/", "smtp://192.0.2.7"}, env)
	if err != nil {
		t.Fatal(err)
	}
	if facts, err := run(t.Context(), check); err != nil || len(facts) != 2 || expected != 2 {
		t.Errorf("%d facts, %d announced, %v; want 2 of each", len(facts), expected, err)
	}
	_, err = tls.Kind.BuildForTargets([]string{"smtp://user:hunter2@mail.example"}, env)
	if want := `target "…@mail.example": a target takes no user name or password`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestWrongOptionsAreNamedByTheirPath(t *testing.T) {
	system := tls.Trust{System: true}
	tests := []struct {
		name    string
		options tls.Options
		want    []string
	}{
		{"no target", tls.Options{Trust: system}, []string{"targets: there is nothing to watch: give at least one target"}},
		{"a target without a host", tls.Options{Trust: system, Targets: []tls.Target{{Host: "a.example"}, {Port: 443}}}, []string{"targets[1].host: is missing"}},
		{"each wrong target is named", tls.Options{Trust: system, Targets: []tls.Target{{Host: "a b"}, {Host: "a.example", StartTLS: "gopher"}, {Host: "b.example", SNI: new("192.0.2.7")}, {Host: "c.example", SNI: new("a b")}, {Host: "d.example", Addresses: []string{"192.0.2.7", "nowhere"}}}}, []string{
			`targets[0].host: "a b" is no host name`,
			`targets[1].starttls: "gopher" is no protocol that starts TLS: want one of smtp, submission, imap, pop3, ftp, ldap, postgres, mysql, xmpp, xmpp-server`,
			"targets[2].sni: 192.0.2.7 is an IP address, and a server name is none (RFC 6066, section 3)",
			`targets[3].sni: "a b" is no host name`,
			`targets[4].addresses[1]: "nowhere" is no IP address`,
		}},
		{"a repeated target", tls.Options{Trust: system, Targets: []tls.Target{{Host: "a.example"}, {Host: "b.example"}, {Host: "A.example.", Port: 443}}}, []string{"targets[2]: repeats targets[0]"}},
		{"nothing is trusted", tls.Options{Targets: []tls.Target{{Host: "a.example"}}}, []string{"trust: nothing is trusted: give files, or leave system at true"}},
		{"a negative concurrency", tls.Options{Trust: system, Concurrency: -1, Targets: []tls.Target{{Host: "a.example"}}}, []string{"concurrency: -1: want at least 1"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := test.options.Validate()
			if want := strings.Join(test.want, "\n"); err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
			if fault, ok := errors.AsType[*watch.FieldError](err); !ok || !strings.HasPrefix(test.want[0], fault.Path+": ") {
				t.Errorf("the error leads to %v", fault)
			}
		})
	}
}

func TestOptionsAreReadFromYAMLInBothForms(t *testing.T) {
	text := `
targets:
  - example.com
  - smtp://mail.example.com
  - host: 192.0.2.7
    port: 8443
    sni: www.example.com
    addresses: [192.0.2.8]
    verify_name: false
  - {host: plain.example, sni: ""}
trust: {files: [/etc/ca.pem]}
timeout: 3s
concurrency: 10
`
	options := tls.Options{Trust: tls.Trust{System: true}}
	if err := yaml.Load([]byte(text), &options, yaml.WithKnownFields()); err != nil {
		t.Fatal(err)
	}
	if err := options.Validate(); err != nil {
		t.Fatal(err)
	}
	if !options.Trust.System || len(options.Trust.Files) != 1 || options.Concurrency != 10 || options.Timeout != watch.Duration(3*time.Second) {
		t.Errorf("got %+v", options)
	}
	if got := options.Targets[1]; got.Host != "mail.example.com" || got.StartTLS != "smtp" || got.Port != 25 {
		t.Errorf("got %+v", got)
	}
	if got := options.Targets[2]; *got.SNI != "www.example.com" || *got.VerifyName || got.Addresses[0] != "192.0.2.8" || got.Port != 8443 {
		t.Errorf("got %+v", got)
	}
	if got := options.Targets[3]; *got.SNI != "" {
		t.Errorf("got %+v", got)
	}
}

func TestWrongYAMLIsRefusedWithItsLine(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"an unknown key of a target", "targets:\n  - host: a.example\n    prot: 443\n", `line 3.*prot`},
		{"a wrong scalar", "targets:\n  - a.example\n  - gopher://b.example\n", `line 3.*the URL's scheme is none of a TLS service`},
		{"a mistyped port", "targets:\n  - host: a.example\n    port: http\n", `line 3.*http`},
		{"a list where a target belongs", "targets:\n  - [a.example]\n", `line 2`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var options tls.Options
			err := yaml.Load([]byte(test.text), &options, yaml.WithKnownFields())
			if err == nil || !regexp.MustCompile("(?s)"+test.want).MatchString(err.Error()) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func FuzzParseTarget(f *testing.F) {
	for _, text := range []string{
		"example.com", "example.com:8443", "[fe80::1%eth0]:443", "https://[fe80::1%25eth0]/", "smtp://mail.example", "bücher.example",
		"①②⑦.0.0.1", "a\r\nb", "xn--", "xn--a.example", "[::]:0", "::ffff:192.0.2.7", "https://user@example.com", "\u202e.example", strings.Repeat("a", 300),
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		target, err := tls.ParseTarget(text)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\r\n\x1b\x00") {
				t.Errorf("the error for %q would steer a terminal: %q", text, err)
			}
			return
		}
		options := tls.Options{Targets: []tls.Target{target}, Trust: tls.Trust{System: true}}
		if err := options.Validate(); err != nil {
			t.Errorf("%q parses but does not validate: %v", text, err)
		}
	})
}
