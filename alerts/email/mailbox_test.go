package email_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/email"
	"lapsewatch/internal/parts"
	"lapsewatch/internal/pki"
	"lapsewatch/watch"
)

// realServer is a Postfix for submission with a Dovecot beside it, for a few mailboxes.
type realServer struct {
	parts.Mailboxes
	rootPEM []byte
	caFile  string
}

func startRealServer(t *testing.T, addresses ...string) realServer {
	t.Helper()
	root, err := pki.NewRoot("mail test authority")
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := root.Issue(pki.Spec{CommonName: "mail", Names: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	server := realServer{parts.MailboxesOf(t, leaf, addresses...), root.ChainPEM(), filepath.Join(t.TempDir(), "ca.pem")}
	if err := os.WriteFile(server.caFile, server.rootPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	return server
}

// at makes the options log in at the server as one of its mailboxes.
func (s realServer) at(t *testing.T, passwordFile string) func(*email.Options) {
	t.Helper()
	host, port, err := net.SplitHostPort(s.Submission)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return func(o *email.Options) {
		o.Host, o.Port, o.CAFile, o.HELO = host, number, s.caFile, "lapsewatch.example.com"
		o.From, o.Username, o.Password = "Lapsewatch <lapsewatch@example.com>", "lapsewatch@example.com", watch.SecretRef{File: passwordFile}
		o.To, o.EnvelopeFrom = []string{"ops@example.com"}, "lapsewatch@example.com"
	}
}

// newest waits for a mail in the inbox and fetches it by IMAP.
func (s realServer) newest(t *testing.T, address string) []byte {
	t.Helper()
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(s.rootPEM)
	raw, err := tls.Dial("tcp", s.IMAPS, &tls.Config{RootCAs: trusted, ServerName: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	_ = raw.SetDeadline(time.Now().Add(time.Minute))
	reader := imap{t: t, conn: raw, lines: bufio.NewReader(raw)}
	reader.line()
	reader.ask(fmt.Sprintf("LOGIN %q %q", address, s.Password))
	for {
		if answer := reader.ask("SELECT INBOX"); !strings.Contains(string(answer), "* 0 EXISTS") {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	answer := reader.ask("FETCH * BODY[]")
	_, literal, _ := bytes.Cut(answer, []byte("}\r\n"))
	return literal[:bytes.LastIndex(literal, []byte(")\r\n"))]
}

// imap is as much of a client as reads one mail (RFC 9051).
type imap struct {
	t     *testing.T
	conn  net.Conn
	lines *bufio.Reader
}

func (i imap) line() string {
	i.t.Helper()
	line, err := i.lines.ReadString('\n')
	if err != nil {
		i.t.Fatalf("read by IMAP: %v", err)
	}
	return line
}

// ask sends a command and gives what came before its good end.
func (i imap) ask(command string) []byte {
	i.t.Helper()
	if _, err := io.WriteString(i.conn, "a "+command+"\r\n"); err != nil {
		i.t.Fatal(err)
	}
	var answer bytes.Buffer
	for {
		line := i.line()
		if strings.HasPrefix(line, "a ") {
			if !strings.HasPrefix(line, "a OK") {
				i.t.Fatalf("%s: %s", command, line)
			}
			return answer.Bytes()
		}
		answer.WriteString(line)
		if _, size, found := strings.Cut(strings.TrimSpace(line), "{"); found {
			if length, err := strconv.Atoi(strings.TrimSuffix(size, "}")); err == nil {
				if _, err := io.CopyN(&answer, i.lines, int64(length)); err != nil {
					i.t.Fatal(err)
				}
			}
		}
	}
}

func TestARealMailboxHoldsTheMailAsItWasComposed(t *testing.T) {
	server := startRealServer(t, "ops@example.com", "lapsewatch@example.com")
	secrets := startMailServer(t, startTLS)
	env := secrets.env(quiet)
	env.Secrets = func(watch.SecretRef) (watch.Secret, error) { return watch.NewSecret(server.Password), nil }
	channel := secrets.channel(t, env, server.at(t, "password"))
	receipt, failure := secrets.deliver(t.Context(), channel, alerttest.Message())
	if failure != nil {
		t.Fatal(failure)
	}
	if !strings.HasPrefix(receipt.Proof, "250 2.0.0 Ok: queued as ") {
		t.Errorf("proof %q", receipt.Proof)
	}
	mail := parseMail(t, server.newest(t, "ops@example.com"))
	for name, want := range map[string]string{
		"From": `"Lapsewatch" <lapsewatch@example.com>`, "To": "<ops@example.com>",
		"Delivered-To": "ops@example.com", "Return-Path": "<lapsewatch@example.com>",
		"Message-ID": "<8a5be0f2c1d34e6f9a0b1c2d3e4f5061@example.com>", "Date": "Sun, 22 Nov 2026 06:00:00 +0000",
		"List-Id": "<operations.lapsewatch.example.com>", "Auto-Submitted": "auto-generated",
	} {
		if got := mail.header.Get(name); got != want {
			t.Errorf("%s: %s\nwant %s", name, got, want)
		}
	}
	if got := mail.header.Get("Received"); !strings.Contains(got, "with ESMTPSA") {
		t.Errorf("not over TLS with a login: Received: %s", got)
	}
	golden(t, "digest.txt", mail.text)
	golden(t, "digest.html", mail.html)
	golden(t, "digest.ics", mail.calendar)
}

func TestARealServerRefusesAnUnknownRecipientAndAWrongPassword(t *testing.T) {
	server := startRealServer(t, "ops@example.com", "lapsewatch@example.com")
	secrets := startMailServer(t, startTLS)
	env, given := secrets.env(quiet), server.Password
	env.Secrets = func(watch.SecretRef) (watch.Secret, error) { return watch.NewSecret(given), nil }
	_, failure := secrets.deliver(t.Context(), secrets.channel(t, env, func(o *email.Options) {
		server.at(t, "/run/secrets/smtp")(o)
		o.To = []string{"nobody@example.com"}
	}), alerttest.Message())
	if failure == nil || failure.Status != 550 || failure.Retryable || !strings.Contains(failure.Error(), "5.1.1 <nobody@example.com>: Recipient address rejected") {
		t.Errorf("got %v", failure)
	}
	given = "wrong-password-canary"
	_, failure = secrets.deliver(t.Context(), secrets.channel(t, env, server.at(t, "/run/secrets/smtp")), alerttest.Message())
	if failure == nil || failure.Status != 535 || failure.Retryable || !strings.Contains(failure.Error(), `535 "5.7.8`) || strings.Contains(failure.Error(), given) ||
		!strings.HasSuffix(failure.Error(), "the server refuses the login of lapsewatch@example.com: see the password in file /run/secrets/smtp") {
		t.Errorf("got %v", failure)
	}
}
