package parts

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"lapsewatch/internal/pki"
	"lapsewatch/internal/starttls"
)

// served is where a server serves its certificate, behind a protocol's upgrade or, with
// none, at once.
type served struct {
	addr     string
	protocol starttls.Protocol
}

func TestEveryServerServesTheCertificateItIsGiven(t *testing.T) {
	tests := map[string]func(*testing.T, pki.Pair) []served{
		"nginx": func(t *testing.T, pair pki.Pair) []served {
			return []served{{Nginx(t, pair), ""}}
		},
		"nginx as a mail proxy": func(t *testing.T, pair pki.Pair) []served {
			mail := NginxMail(t, pair)
			return []served{{mail.SMTP, "smtp"}, {mail.IMAP, "imap"}, {mail.POP3, "pop3"}}
		},
		"dovecot": func(t *testing.T, pair pki.Pair) []served {
			mail := Dovecot(t, pair)
			return []served{{mail.IMAP, "imap"}, {mail.IMAPS, ""}, {mail.POP3, "pop3"}, {mail.POP3S, ""}}
		},
		"postfix": func(t *testing.T, pair pki.Pair) []served {
			mail := Postfix(t, pair)
			return []served{{mail.SMTP, "smtp"}, {mail.SMTPS, ""}}
		},
		"slapd": func(t *testing.T, pair pki.Pair) []served {
			ldap, ldaps := Slapd(t, pair)
			return []served{{ldap, "ldap"}, {ldaps, ""}}
		},
		"vsftpd": func(t *testing.T, pair pki.Pair) []served {
			return []served{{Vsftpd(t, pair), "ftp"}}
		},
		"prosody": func(t *testing.T, pair pki.Pair) []served {
			chat := Prosody(t, pair)
			return []served{{chat.Client, "xmpp"}, {chat.Server, "xmpp-server"}, {chat.Direct, ""}}
		},
		"postgresql": func(t *testing.T, pair pki.Pair) []served {
			return []served{{PostgreSQL(t, pair).Addr, "postgres"}}
		},
		"mariadb": func(t *testing.T, pair pki.Pair) []served {
			return []served{{MariaDB(t, pair).Addr, "mysql"}}
		},
		"openssl": func(t *testing.T, pair pki.Pair) []served {
			return []served{{OpenSSL(t, pair), ""}}
		},
		"alertmanager": func(t *testing.T, pair pki.Pair) []served {
			return []served{{strings.TrimPrefix(Alertmanager(t, pair), "https://"), ""}}
		},
		"rsyslog": func(t *testing.T, pair pki.Pair) []served {
			return []served{{Rsyslog(t, pair).TLS, ""}}
		},
	}
	for name, start := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pair := chainOfThree(t)
			for _, at := range start(t, pair) {
				var chain []string
				for _, cert := range handshake(t, at, "localhost").PeerCertificates {
					chain = append(chain, cert.Subject.CommonName)
				}
				if got := strings.Join(chain, " < "); got != "localhost < Parts Intermediate" {
					t.Errorf("%s %s serves %s", at.protocol, at.addr, got)
				}
			}
		})
	}
}

func TestNginxServesEachNameItsOwnCertificate(t *testing.T) {
	root, err := pki.NewRoot("Parts Root")
	if err != nil {
		t.Fatal(err)
	}
	issue := func(name string) pki.Pair {
		pair, err := root.Issue(pki.Spec{CommonName: name, Names: []string{name}})
		if err != nil {
			t.Fatal(err)
		}
		return pair
	}
	addr := Nginx(t, issue("default.example"), Site{"shop.example", issue("shop.example")})
	for asked, want := range map[string]string{"shop.example": "shop.example", "other.example": "default.example", "": "default.example"} {
		if got := handshake(t, served{addr, ""}, asked).PeerCertificates[0].Subject.CommonName; got != want {
			t.Errorf("asked for %q nginx serves %s, want %s", asked, got, want)
		}
	}
}

func TestOpenSSLSpeaksOnlyTheVersionAskedFor(t *testing.T) {
	for option, want := range map[string]uint16{"-tls1": tls.VersionTLS10, "-tls1_1": tls.VersionTLS11, "-tls1_2": tls.VersionTLS12, "-tls1_3": tls.VersionTLS13} {
		addr := OpenSSL(t, chainOfThree(t), option, "-cipher", "DEFAULT:@SECLEVEL=0")
		if got := handshake(t, served{addr, ""}, "").Version; got != want {
			t.Errorf("with %s the version is %s", option, tls.VersionName(got))
		}
	}
}

func TestPostfixDeliversToAMailboxThatCanBeRead(t *testing.T) {
	server := Postfix(t, chainOfThree(t))
	recipients := []string{"first@owners.example", "second@owners.example"}
	send(t, server.SMTP, recipients, "Subject: two certificates\r\n\r\nthey lapse\r\n")
	var to []string
	for _, message := range server.Messages(t, len(recipients)) {
		to = append(to, message.Header.Get("Delivered-To"))
		body, err := io.ReadAll(message.Body)
		if err != nil {
			t.Fatal(err)
		}
		if got := message.Header.Get("Subject") + ": " + strings.TrimSpace(string(body)); got != "two certificates: they lapse" {
			t.Errorf("delivered %q", got)
		}
	}
	slices.Sort(to)
	if !slices.Equal(to, recipients) {
		t.Errorf("delivered to %s", to)
	}
}

func TestPostgreSQLAnswersQueries(t *testing.T) {
	database := PostgreSQL(t, chainOfThree(t))
	output, err := exec.Command("psql", "-Atc", "show ssl", database.URL).CombinedOutput()
	if got := strings.TrimSpace(string(output)); err != nil || got != "on" {
		t.Errorf("show ssl: %q, %v", got, err)
	}
}

func send(t *testing.T, addr string, recipients []string, message string) {
	t.Helper()
	client, err := smtp.Dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	steps := []func() error{
		func() error { return client.StartTLS(&tls.Config{InsecureSkipVerify: true}) },
		func() error { return client.Mail("watch@lapse.example") },
	}
	for _, recipient := range recipients {
		steps = append(steps, func() error { return client.Rcpt(recipient) })
	}
	steps = append(steps, func() error {
		body, err := client.Data()
		if err != nil {
			return err
		}
		_, err = io.WriteString(body, message)
		return errors.Join(err, body.Close())
	}, client.Quit)
	for _, step := range steps {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
}

func chainOfThree(t testing.TB) pki.Pair {
	t.Helper()
	root, err := pki.NewRoot("Parts Root")
	if err != nil {
		t.Fatal(err)
	}
	intermediate, err := root.Issue(pki.Spec{CommonName: "Parts Intermediate", IsCA: true})
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := intermediate.Issue(pki.Spec{CommonName: "localhost", Names: []string{"localhost", "127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

func handshake(t *testing.T, at served, name string) tls.ConnectionState {
	t.Helper()
	var dialer net.Dialer
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := dialer.DialContext(ctx, "tcp", at.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if at.protocol != "" {
		if err := starttls.Upgrade(ctx, conn, at.protocol, name); err != nil {
			t.Fatal(err)
		}
	}
	client := tls.Client(conn, &tls.Config{ServerName: name, InsecureSkipVerify: true, MinVersion: tls.VersionTLS10})
	if err := client.HandshakeContext(ctx); err != nil {
		t.Fatalf("%s %s: %v", at.protocol, at.addr, err)
	}
	return client.ConnectionState()
}

// failing records how a test would have failed.
type failing struct {
	testing.TB
	said string
}

func (f *failing) Fatalf(format string, args ...any) {
	f.said = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func failure(t *testing.T, test func(testing.TB)) string {
	t.Helper()
	recorder := &failing{TB: t}
	var running sync.WaitGroup
	running.Go(func() { test(recorder) })
	running.Wait()
	return recorder.said
}

func TestAMissingPartNamesItsPackageAndTheRemedy(t *testing.T) {
	got := failure(t, func(t testing.TB) { program(t, "gopherd", "gopher-server") })
	if want := "gopherd is not here; it comes with the Debian package gopher-server: run `make test-parts`"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAServerThatEndsTooEarlyFailsTheTest(t *testing.T) {
	got := failure(t, func(t testing.TB) { OpenSSL(t, chainOfThree(t), "-nonsense") })
	if want := "openssl ended before it was ready: exit status 1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestInstallListsThePackageOfEveryPart(t *testing.T) {
	script, err := os.ReadFile("install.sh")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(script), `packages="`)
	list, _, _ := strings.Cut(rest, `"`)
	installed := strings.Fields(list)
	for _, file := range []string{"clocks.go", "mail.go", "mailboxes.go", "services.go", "shifted.go", "web.go"} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, named := range regexp.MustCompile(`(?:program|missing)\(t, .*"([^"]+)"\)`).FindAllSubmatch(source, -1) {
			if debianPackage := string(named[1]); !slices.Contains(installed, debianPackage) {
				t.Errorf("%s needs %s, which install.sh does not install", file, debianPackage)
			}
		}
	}
}
