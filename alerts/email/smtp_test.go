package email_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"

	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/email"
	"lapsewatch/internal/parts"
	"lapsewatch/internal/pki"
	"lapsewatch/watch"
)

func TestPostfixDeliversTheMailAsItWasComposed(t *testing.T) {
	root, err := pki.NewRoot("mail test authority")
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := root.Issue(pki.Spec{CommonName: "mail", Names: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	postfix := parts.Postfix(t, leaf)
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, root.ChainPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, way := range []struct {
		encryption email.Encryption
		address    string
	}{{email.STARTTLS, postfix.SMTP}, {email.Implicit, postfix.SMTPS}} {
		t.Run(string(way.encryption), func(t *testing.T) {
			host, port, err := net.SplitHostPort(way.address)
			if err != nil {
				t.Fatal(err)
			}
			plain := startMailServer(t, startTLS)
			channel := plain.channel(t, plain.env(quiet), func(o *email.Options) {
				o.Host, o.CAFile, o.TLS, o.Username, o.Password = host, caFile, way.encryption, "", watch.SecretRef{}
				if _, err := fmt.Sscan(port, &o.Port); err != nil {
					t.Fatal(err)
				}
			})
			receipt, failure := plain.deliver(t.Context(), channel, alerttest.Message())
			if failure != nil {
				t.Fatal(failure)
			}
			if !strings.HasPrefix(receipt.Proof, "250 2.0.0 Ok: queued as ") {
				t.Errorf("proof %q", receipt.Proof)
			}
			mail := readMail(t, postfix.Messages(t, i+1)[i])
			if want := "Lapsewatch: 1 critical, 2 warnings, 1 unreadable, 1 resolved - first expires 2026-11-26 (4 days)"; mail.subject != want {
				t.Errorf("subject %s\nwant    %s", mail.subject, want)
			}
			for name, want := range map[string]string{
				"Delivered-To": "ops@example.com", "Return-Path": "<lapsewatch@example.com>",
				"Message-ID": "<8a5be0f2c1d34e6f9a0b1c2d3e4f5061@example.com>", "Auto-Submitted": "auto-generated",
			} {
				if got := mail.header.Get(name); got != want {
					t.Errorf("%s: %s\nwant %s", name, got, want)
				}
			}
			if got := mail.header.Get("Received"); !strings.Contains(got, "with ESMTPS") {
				t.Errorf("not over TLS: Received: %s", got)
			}
			golden(t, "digest.txt", mail.text)
			golden(t, "digest.html", mail.html)
		})
	}
}

func TestAServerThatCannotProveWhoItIsHearsNoPassword(t *testing.T) {
	for _, mode := range []serverMode{startTLS, implicitTLS} {
		server := startMailServer(t, mode)
		channel := server.channel(t, server.env(quiet), func(o *email.Options) {
			o.CAFile = ""
			if mode == implicitTLS {
				o.TLS = email.Implicit
			}
		})
		_, failure := server.deliver(t.Context(), channel, alerttest.Message())
		if failure == nil || !failure.Retryable || !strings.Contains(failure.Error(), "x509: certificate signed by unknown authority") {
			t.Errorf("want a retryable refusal, got %v", failure)
		}
	}
}

func TestLogin(t *testing.T) {
	tests := []struct {
		name      string
		mode      serverMode
		mechanism string
		edit      func(*email.Options)
		tls       bool
	}{
		{"PLAIN over STARTTLS, chosen by itself", startTLS, sasl.Plain, func(*email.Options) {}, true},
		{"LOGIN over STARTTLS, chosen by itself", startTLS, sasl.Login, func(*email.Options) {}, true},
		{"LOGIN as configured", startTLS, sasl.Login, func(o *email.Options) { o.Auth = "login" }, true},
		{"PLAIN over implicit TLS, chosen by itself", implicitTLS, sasl.Plain, func(o *email.Options) { o.TLS = email.Implicit }, true},
		{"PLAIN in the clear on this machine", stripped, sasl.Plain, func(o *email.Options) { o.TLS = email.Unencrypted }, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := startMailServer(t, test.mode)
			server.mechanism = test.mechanism
			if _, failure := server.deliver(t.Context(), server.channel(t, server.env(quiet), test.edit), alerttest.Message()); failure != nil {
				t.Fatal(failure)
			}
			mail := server.taken()[0]
			if mail.login != username || mail.tls != test.tls && test.mode != implicitTLS {
				t.Errorf("logged in as %q, over TLS %t", mail.login, mail.tls)
			}
			server.mu.Lock()
			defer server.mu.Unlock()
			if test.tls && bytes.Contains(server.heard, []byte("AUTH")) {
				t.Error("the login went over the wire in the clear")
			}
		})
	}
}

func TestAConfiguredMechanismIsNotWeakened(t *testing.T) {
	server := startMailServer(t, startTLS)
	channel := server.channel(t, server.env(quiet), func(o *email.Options) { o.Auth = "scram-sha-256" })
	_, failure := server.deliver(t.Context(), channel, alerttest.Message())
	if failure == nil || !strings.Contains(failure.Error(), "server does not support SMTP AUTH type: SCRAM-SHA-256") {
		t.Errorf("got %v", failure)
	}
}

func TestF4_ADeadMailServerIsLeftInTime(t *testing.T) {
	tests := map[string]struct {
		serve func(net.Conn)
		want  string
	}{
		"it accepts and never greets": {func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }, "no answer within 300ms"},
		"it greets a byte at a time": {func(conn net.Conn) {
			for {
				if _, err := io.WriteString(conn, "2"); err != nil {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
		}, "no answer within 300ms"},
		"it hangs up": {func(net.Conn) {}, "the server closed the connection"},
		"it resets":   {func(conn net.Conn) { _ = conn.(*net.TCPConn).SetLinger(0) }, "connection reset by peer"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var serving sync.WaitGroup
			serving.Go(func() {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				test.serve(conn)
				_ = conn.Close()
			})
			real := startMailServer(t, startTLS)
			channel := real.channel(t, real.env(quiet), func(o *email.Options) {
				o.Port, o.Timeout = listener.Addr().(*net.TCPAddr).Port, watch.Duration(300*time.Millisecond)
			})
			_, failure := real.deliver(t.Context(), channel, alerttest.Message())
			if failure == nil || !failure.Retryable || failure.Status != 0 {
				t.Fatalf("want a retryable failure without a reply, got %v", failure)
			}
			server := fmt.Sprintf("mail server %s: ", listener.Addr())
			if got := failure.Error(); !strings.Contains(got, server) || !strings.HasSuffix(got, test.want) {
				t.Errorf("got  %s\nwant … %s… %s", got, server, test.want)
			}
			_ = listener.Close()
			// Ends only if the channel has let go of the connection.
			serving.Wait()
		})
	}
}

func TestA11_AServersRepliesAreReadUpToTheirBound(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		_, _ = io.Copy(conn, endless{})
		_ = conn.Close()
	}()
	real := startMailServer(t, startTLS)
	channel := real.channel(t, real.env(quiet), func(o *email.Options) { o.Port = listener.Addr().(*net.TCPAddr).Port })
	_, failure := real.deliver(t.Context(), channel, alerttest.Message())
	if failure == nil || !failure.Retryable || !strings.Contains(failure.Error(), "the mail server says more than any mail server needs to") {
		t.Errorf("got %v", failure)
	}
}

// endless reads as a greeting that goes on for ever.
type endless struct{}

func (endless) Read(buffer []byte) (int, error) {
	return copy(buffer, strings.Repeat("220-on and on\r\n", 100)), nil
}

func TestTheTimeoutBoundsAnAttemptWithoutDeadline(t *testing.T) {
	server := startMailServer(t, startTLS)
	server.Behave(alerttest.Hangs)
	channel := server.channel(t, server.env(quiet), func(o *email.Options) { o.Timeout = watch.Duration(300 * time.Millisecond) })
	_, failure := server.deliver(t.Context(), channel, alerttest.Message())
	if failure == nil || !failure.Retryable || !errors.Is(failure, context.DeadlineExceeded) {
		t.Errorf("want a retryable failure that wraps context.DeadlineExceeded, got %v", failure)
	}
}

func TestAMissingPasswordIsAnErrorThatNamesItsPlace(t *testing.T) {
	server := startMailServer(t, startTLS)
	channel := server.channel(t, server.env(quiet), func(o *email.Options) { o.Password.Env = "NOT_SET" })
	_, failure := server.deliver(t.Context(), channel, alerttest.Message())
	if want := "deliver by operations: read password: read secret from environment variable NOT_SET: it is not set"; failure == nil || failure.Error() != want || failure.Retryable {
		t.Errorf("error %v\nwant  %s", failure, want)
	}
}

func TestAFileOfAuthoritiesThatCannotBeReadIsPermanent(t *testing.T) {
	server := startMailServer(t, startTLS)
	channel := server.channel(t, server.env(quiet), func(o *email.Options) { o.CAFile = "/nowhere/ca.pem" })
	_, failure := server.deliver(t.Context(), channel, alerttest.Message())
	if want := "deliver by operations: read CA file: open /nowhere/ca.pem: no such file or directory"; failure == nil || failure.Error() != want || failure.Retryable {
		t.Errorf("error %v\nwant  %s", failure, want)
	}
}
