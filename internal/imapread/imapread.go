// Package imapread looks for messages with a certain header in a mailbox and removes them,
// by IMAP (RFC 9051, RFC 3501): over TLS or STARTTLS, bounded in time and bytes, with each
// failure in the words of package watch.
//
// It reads the headers that it is asked for and nothing else of a message, opens no
// attachment, marks nothing as seen, and removes only the messages that it is given.
//
// It speaks the few commands that this takes itself, one at a time. The client of go-imap
// (v2.0.0-beta.8) cannot be bounded: its reader loops for ever over a list of capabilities
// that begins with a parenthesis, whatever becomes of the connection.
package imapread

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"lapsewatch/watch"
)

// shortestSecret is the length below which one is taken for an ordinary word, which it would
// garble to replace.
const shortestSecret = 6

// Encryption says how the connection is protected.
type Encryption string

// The ways to protect the connection.
const (
	Implicit Encryption = "implicit"
	STARTTLS Encryption = "starttls"
	None     Encryption = "none"
)

// Setup says how to reach one mailbox.
type Setup struct {
	// Address is HOST:PORT.
	Address    string
	Encryption Encryption
	TLS        *tls.Config
	Dial       func(ctx context.Context, network, address string) (net.Conn, error)
	// Timeout bounds each step: the opening, a search, a removal.
	Timeout  time.Duration
	Username string
	// Credential is a password, or an access token for XOAUTH2 if Bearer is set.
	Credential watch.Secret
	Bearer     bool
}

// Session is one that is logged in. One goroutine at a time uses it.
type Session struct {
	setup  Setup
	conn   net.Conn
	wire   *wire
	folder string
	caps   map[string]bool
}

// Open connects and logs in. Its error is a *Failure, or wraps that of ctx.
func Open(ctx context.Context, setup Setup) (*Session, error) {
	s := &Session{setup: setup}
	if err := s.bounded(ctx, "open a session with", s.open); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Session) open(ctx context.Context) error {
	raw, err := s.setup.Dial(ctx, "tcp", s.setup.Address)
	if err != nil {
		return err
	}
	s.conn = raw
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	defer stop()
	if s.setup.Encryption == Implicit {
		if s.conn, err = s.handshake(ctx, raw); err != nil {
			return err
		}
	}
	s.wire = newWire(s.conn)
	greeting, err := s.wire.read()
	if err != nil {
		return err
	}
	if err := s.greeted(greeting); err != nil {
		return err
	}
	if s.setup.Encryption == STARTTLS {
		if err := s.startTLS(ctx, raw); err != nil {
			return err
		}
	}
	return s.login()
}

func (s *Session) handshake(ctx context.Context, raw net.Conn) (net.Conn, error) {
	encrypted := tls.Client(raw, s.setup.TLS)
	return encrypted, encrypted.HandshakeContext(ctx)
}

// greeted reads what the server begins with (RFC 9051, 7.1).
func (s *Session) greeted(greeting response) error {
	status, ok := greeting.untaggedStatus()
	switch {
	case !ok:
		return errNoIMAP
	case status.word == "OK":
		return nil
	case status.word == "PREAUTH": // nobody who wants to log in is logged in already
		return &Failure{Reason: watch.Unparsable, Text: "the server claims that we are logged in already", Lasting: true}
	}
	return status
}

// startTLS asks for TLS and forgets what was said before it (RFC 9051, 6.2.1).
func (s *Session) startTLS(ctx context.Context, raw net.Conn) error {
	if err := s.command("STARTTLS", nil); err != nil {
		if said, ok := errors.AsType[status](err); ok {
			return &Failure{Reason: watch.StartTLSRefused, Text: "the server offers no STARTTLS: it says " + said.words(), Lasting: true}
		}
		return err
	}
	if s.wire.reader.Buffered() > 0 { // whoever stands on the way has put it there
		return &Failure{Reason: watch.HandshakeFailed, Text: "the server goes on in the clear after STARTTLS"}
	}
	encrypted, err := s.handshake(ctx, raw)
	if err != nil {
		return err
	}
	s.conn = encrypted
	s.wire.renew(encrypted)
	return nil
}

// login proves who we are, by what the server offers.
func (s *Session) login() error {
	if err := s.capabilities(); err != nil {
		return err
	}
	given, user := s.setup.Credential.Reveal(), s.setup.Username
	// Some servers say farewell before they refuse, or in place of that.
	s.wire.patient = true
	defer func() { s.wire.patient = false }()
	var err error
	switch {
	case user == "":
		return nil
	case s.setup.Bearer:
		err = s.authenticate("XOAUTH2", "user="+user+"\x01auth=Bearer "+given+"\x01\x01")
	case s.caps["AUTH=PLAIN"]:
		err = s.authenticate("PLAIN", "\x00"+user+"\x00"+given)
	case s.caps["LOGINDISABLED"]:
		return &Failure{Reason: watch.PermissionDenied, Text: "the server takes no password", Login: true}
	default:
		err = s.wire.command(nil, append(append([]string{"LOGIN "}, literal(user)...), append([]string{" "}, literal(given)...)...)...)
	}
	if err != nil {
		return s.refusedLogin(err)
	}
	return s.capabilities() // others than before
}

// authenticate sends a credential at the server's first challenge (RFC 9051, 6.2.2), which
// every server understands. A further one explains a refusal, and is answered with nothing
// (developers.google.com/workspace/gmail/imap/xoauth2-protocol).
func (s *Session) authenticate(mechanism, credential string) error {
	return s.wire.command(nil, "AUTHENTICATE "+mechanism+"\r\n", base64.StdEncoding.EncodeToString([]byte(credential))+"\r\n", "")
}

func (s *Session) capabilities() error {
	s.caps = map[string]bool{}
	return s.command("CAPABILITY", func(r response) error {
		if words := strings.Fields(r.text); len(words) > 1 && strings.EqualFold(words[0], "CAPABILITY") {
			for _, word := range words[1:] {
				s.caps[strings.ToUpper(word)] = true
			}
		}
		return nil
	})
}

// command sends one line.
func (s *Session) command(line string, untagged func(response) error) error {
	return s.wire.command(untagged, line)
}

// bounded gives a step its time, and closes the connection when that is over.
func (s *Session) bounded(ctx context.Context, doing string, step func(ctx context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, s.setup.Timeout)
	defer cancel()
	if conn := s.conn; conn != nil {
		stop := context.AfterFunc(limited, func() { _ = conn.Close() })
		defer stop()
	}
	err := step(limited)
	doing += " mailbox server " + s.setup.Address
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", doing, context.Cause(ctx))
	case limited.Err() != nil && !refused(err):
		return &Failure{Doing: doing, Reason: watch.TimedOut, Text: fmt.Sprintf("no answer within %s", s.setup.Timeout)}
	}
	return explain(doing, err, s.secrets()...)
}

// secrets are the forms in which a login carries the credential.
func (s *Session) secrets() []watch.Secret {
	given := s.setup.Credential.Reveal()
	if given == "" {
		return nil
	}
	forms := []watch.Secret{
		watch.NewSecret("\x00" + s.setup.Username + "\x00" + given),
		watch.NewSecret("user=" + s.setup.Username + "\x01auth=Bearer " + given + "\x01\x01"),
	}
	if len(given) >= shortestSecret {
		forms = append(forms, s.setup.Credential)
	}
	return forms
}

// Close ends the session, without a farewell that would have to be waited for.
func (s *Session) Close() {
	if s.conn != nil {
		_ = s.conn.Close()
	}
}
