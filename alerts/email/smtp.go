package email

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strings"
	"time"
	"unicode"

	"github.com/wneessen/go-mail"

	"lapsewatch/internal/cafile"
	"lapsewatch/watch"
)

// maxReplyBytes bounds all that a server may say in one attempt; certificates included
// it needs a few kilobytes.
const maxReplyBytes = 1 << 20

// session is one attempt's conversation with the mail server.
type session struct {
	options Options
	// recipient is to get the mail.
	recipient string
	dial      func(ctx context.Context, network, address string) (net.Conn, error)
	tlsTime   func() time.Time
	// within is how long the attempt may take.
	within time.Duration
	// open is the connection once there is one.
	open net.Conn
}

// send transmits the message and returns the server's reply to it. A message that the
// server has taken counts as sent, whatever happens to the connection afterwards.
func (s *session) send(ctx context.Context, client *mail.Client, message *mail.Msg) (reply string, err error) {
	defer s.hangUp()
	connected, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		doing := "connect to"
		if s.open != nil {
			doing = "open a session with"
		}
		return "", s.failure(ctx, doing, err)
	}
	err = client.SendWithSMTPClient(connected, message)
	if message.IsDelivered() {
		// The farewell is a courtesy. After a failure there is none: QUIT would end a
		// message that broke off, and make it count as complete.
		_ = client.CloseWithSMTPClient(connected)
		return message.ServerResponse(), nil
	}
	return "", s.failure(ctx, "send through", err)
}

// failure says in plain words why the attempt failed, where the library speaks of itself
// or of the connection that the end of ctx has closed under it.
func (s *session) failure(ctx context.Context, doing string, err error) error {
	cause := err
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		cause = &plainError{"interrupted", context.Canceled}
	case ctx.Err() != nil || timedOut(err):
		cause = &plainError{fmt.Sprintf("no answer within %s", s.within.Round(time.Millisecond)), context.DeadlineExceeded}
	case strings.HasSuffix(err.Error(), "does not support STARTTLS"):
		cause = &plainError{"the server offers no STARTTLS; set tls: implicit (port 465), or none for a relay without TLS", err}
	case errors.Is(err, io.EOF):
		cause = &plainError{"the server closed the connection", err}
	}
	return fmt.Errorf("%s mail server %s: %w", doing, s.options.server(), cause)
}

func timedOut(err error) bool {
	failure, ok := errors.AsType[net.Error](err)
	return ok && failure.Timeout()
}

// plainError is an error in other words.
type plainError struct {
	text  string
	cause error
}

func (e *plainError) Error() string { return e.text }
func (e *plainError) Unwrap() error { return e.cause }

func (s *session) hangUp() {
	if s.open != nil {
		_ = s.open.Close()
	}
}

// client is not connected yet. What it fails with is wrong in the configuration, or in a
// file that that names.
func (s *session) client(ctx context.Context, credential watch.Secret) (*mail.Client, error) {
	settings := &tls.Config{ServerName: unbracketed(s.options.Host), MinVersion: tls.VersionTLS12, Time: s.tlsTime}
	if s.options.CAFile != "" {
		pool, err := cafile.Pool(s.options.CAFile)
		if err != nil {
			return nil, err
		}
		settings.RootCAs = pool
	}
	options := []mail.Option{
		mail.WithPort(s.options.port()),
		// Longer than the context lasts, so that its end is known to be the cause.
		mail.WithTimeout(2 * time.Duration(s.options.Timeout)),
		mail.WithTLSConfig(settings),
		mail.WithDialContextFunc(s.dialer(ctx, settings)),
		mail.WithoutNoop(), mail.WithoutRset(),
	}
	switch s.options.TLS {
	case Implicit:
		options = append(options, mail.WithSSL())
	case Unencrypted:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	case STARTTLS:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if s.options.HELO != "" {
		options = append(options, mail.WithHELO(s.options.HELO))
	}
	if ascii(s.options.From) && ascii(s.options.EnvelopeFrom) && ascii(s.recipient) {
		// A relay may have to refuse what was handed to it as SMTPUTF8 where the next
		// server does not know that, although nothing in this message needs it.
		options = append(options, mail.WithoutSMTPUTF8())
	}
	if s.options.Username != "" {
		options = append(options,
			mail.WithUsername(s.options.Username), mail.WithPassword(credential.Reveal()),
			mail.WithOpportunisticSMTPAuth(strongest()...), mail.WithSMTPAuth(mechanisms[s.options.Auth]))
	}
	return mail.NewClient(unbracketed(s.options.Host), options...)
}

func ascii(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII })
}

// dialer opens the one connection of the attempt. It ends with ctx of the attempt: the
// library bounds only the dialling by a context.
func (s *session) dialer(attempt context.Context, settings *tls.Config) mail.DialContextFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		raw, err := s.dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		stop := context.AfterFunc(attempt, func() { _ = raw.Close() })
		bounded := &boundedConn{Conn: raw, left: maxReplyBytes, stop: stop}
		s.open = bounded
		if s.options.TLS != Implicit {
			return bounded, nil
		}
		encrypted := tls.Client(bounded, settings)
		if err := encrypted.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		return encrypted, nil
	}
}

// boundedConn reads no more than a bound.
type boundedConn struct {
	net.Conn
	left int
	stop func() bool
}

var errTooMuch = errors.New("the mail server says more than any mail server needs to")

func (c *boundedConn) Read(buffer []byte) (int, error) {
	if c.left <= 0 {
		return 0, errTooMuch
	}
	n, err := c.Conn.Read(buffer[:min(len(buffer), c.left)])
	c.left -= n
	return n, err
}

func (c *boundedConn) Close() error {
	c.stop()
	return c.Conn.Close()
}

// statusOf is the SMTP reply code in err, zero when the server did not answer.
func statusOf(err error) int {
	if refused, ok := errors.AsType[*mail.SendError](err); ok {
		return refused.ErrorCode()
	}
	if refused, ok := errors.AsType[*textproto.Error](err); ok {
		return refused.Code
	}
	return 0
}
