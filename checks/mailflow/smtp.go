package mailflow

import (
	"context"
	"crypto/tls"
	"net"
	"strconv"
	"sync/atomic"

	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"lapsewatch/internal/cafile"
	"lapsewatch/internal/holdoff"
	"lapsewatch/internal/imapread"
	"lapsewatch/watch"
)

// wayOut is where canaries are handed over.
type wayOut interface {
	// submit makes one attempt. The proof is the service's own answer; an error is a *fault
	// or wraps that of ctx.
	submit(ctx context.Context, l letter) (proof string, err error)
	// try signs in and sends nothing.
	try(ctx context.Context) error
}

func (p *pass) wayOut(f Flow) wayOut {
	if f.Submit.Graph != nil {
		return &graphOut{pass: p, options: *f.Submit.Graph, from: bare(f.From)}
	}
	return &submission{pass: p, options: *f.Submit.SMTP}
}

// maxReplyBytes bounds all that a server may say in one session.
const maxReplyBytes = 1 << 20

// submission is by SMTP; the protocol is go-mail's.
type submission struct {
	pass    *pass
	options SMTP
	given   credential
	// open is the connection once there is one.
	open *boundedConn
}

func (s *submission) where() (host, address string) {
	return s.options.address(smtpPorts[s.options.encryption(imapread.STARTTLS)])
}

func (s *submission) submit(ctx context.Context, l letter) (string, error) {
	message, err := l.message()
	if err != nil {
		return "", &fault{reason: watch.InternalError, text: "write the canary: " + err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, s.pass.env.Timeout)
	defer cancel()
	client, connected, err := s.connect(ctx)
	defer s.hangUp()
	if err != nil {
		return "", err
	}
	err = client.SendWithSMTPClient(connected, message)
	if message.IsDelivered() {
		// The farewell is a courtesy. After a failure there is none: QUIT would end a message
		// that broke off, and make it count as complete.
		_ = client.CloseWithSMTPClient(connected)
		return s.shown("250 " + message.ServerResponse()), nil
	}
	return "", s.unsent(ctx, err)
}

func (s *submission) try(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.pass.env.Timeout)
	defer cancel()
	client, connected, err := s.connect(ctx)
	defer s.hangUp()
	if err == nil {
		_ = client.CloseWithSMTPClient(connected)
	}
	return err
}

func (s *submission) hangUp() {
	if s.open != nil {
		_ = s.open.Close()
	}
}

// connect opens a session and logs in, unless an earlier refusal is to be honoured.
func (s *submission) connect(ctx context.Context) (*mail.Client, *smtp.Client, error) {
	var err error
	if s.given, err = s.pass.credentialOf(ctx, s.options.Server); err != nil {
		return nil, nil, signInFault(err)
	}
	client, err := s.client(ctx)
	if err != nil {
		return nil, nil, &fault{reason: watch.Unreadable, text: err.Error(), remedy: "Correct the options of the submission."}
	}
	_, address := s.where()
	gate := s.pass.gateOf("submit", address, s.options.Username)
	leave, known, held, err := gate.enter(ctx, s.pass, s.given.mark)
	if err != nil {
		return nil, nil, err
	}
	defer leave()
	if held != nil {
		return nil, nil, &fault{sort: refused, code: held.Status, text: held.Clause() + ": " + held.Text, remedy: logInRemedy}
	}
	connected, err := client.DialToSMTPClientWithContext(ctx)
	if err == nil {
		if s.options.Username != "" {
			gate.book.Succeeded(ctx)
		}
		return client, connected, nil
	}
	failed, login := s.unopened(ctx, err)
	if login && failed.sort == refused {
		gate.book.Refused(ctx, known, holdoff.Refusal{
			Reason: watch.MailRefused, Text: failed.text, Status: failed.code, Code: strconv.Itoa(failed.code), Lasting: true,
		}, 0, s.given.mark, s.pass.env.Now())
	}
	return nil, nil, failed
}

// client is not connected yet.
func (s *submission) client(ctx context.Context) (*mail.Client, error) {
	host, address := s.where()
	settings := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, Time: s.pass.env.TLSTime}
	if s.options.CAFile != "" {
		pool, err := cafile.Pool(s.options.CAFile)
		if err != nil {
			return nil, err
		}
		settings.RootCAs = pool
	}
	_, given, _ := net.SplitHostPort(address)
	port, err := strconv.Atoi(given)
	if err != nil {
		return nil, err
	}
	options := []mail.Option{
		mail.WithPort(port),
		// Longer than the context lasts, so that its end is known to be the cause.
		mail.WithTimeout(2 * s.pass.env.Timeout),
		mail.WithTLSConfig(settings), mail.WithDialContextFunc(s.dialer(ctx, address, settings)),
		mail.WithoutNoop(), mail.WithoutRset(),
	}
	switch s.options.encryption(imapread.STARTTLS) {
	case imapread.Implicit:
		options = append(options, mail.WithSSL())
	case imapread.None:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if s.options.HELO != "" {
		options = append(options, mail.WithHELO(s.options.HELO))
	}
	if s.options.Username != "" {
		options = append(options, mail.WithUsername(s.options.Username), mail.WithPassword(s.given.secret.Reveal()))
		if s.given.bearer {
			options = append(options, mail.WithSMTPAuth(mail.SMTPAuthXOAUTH2))
		} else {
			options = append(options, mail.WithOpportunisticSMTPAuth(strongest()...), mail.WithSMTPAuth(mail.SMTPAuthOpportunistic))
		}
	}
	return mail.NewClient(host, options...)
}

// strongest lists the ways to show a password, the best first.
func strongest() []mail.SMTPAuthType {
	return []mail.SMTPAuthType{
		mail.SMTPAuthSCRAMSHA256PLUS, mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthSCRAMSHA1PLUS, mail.SMTPAuthSCRAMSHA1,
		mail.SMTPAuthCramMD5, mail.SMTPAuthPlain, mail.SMTPAuthLogin,
	}
}

// dialer opens the one connection of the attempt. It ends with ctx of the attempt: the
// library bounds only the dialling by a context.
func (s *submission) dialer(attempt context.Context, address string, settings *tls.Config) mail.DialContextFunc {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		raw, err := s.pass.env.Dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		bounded := &boundedConn{Conn: raw, stop: context.AfterFunc(attempt, func() { _ = raw.Close() })}
		bounded.left.Store(maxReplyBytes)
		s.open = bounded
		if s.options.encryption(imapread.STARTTLS) != imapread.Implicit {
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
	left atomic.Int64
	stop func() bool
}

func (c *boundedConn) Read(buffer []byte) (int, error) {
	left := c.left.Load()
	if left <= 0 {
		return 0, errTooMuch
	}
	n, err := c.Conn.Read(buffer[:min(int64(len(buffer)), left)])
	c.left.Add(-int64(n))
	return n, err
}

func (c *boundedConn) Close() error {
	c.stop()
	return c.Conn.Close()
}
