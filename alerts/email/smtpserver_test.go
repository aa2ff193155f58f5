package email_test

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/email"
	"lapsewatch/internal/pki"
	"lapsewatch/watch"
)

const (
	username = "lapsewatch"
	password = "canary-password-9e2b"
)

// received is one mail that the server took.
type received struct {
	from, to string
	raw      []byte
	login    string
	tls      bool
}

// mailServer is a real SMTP server on 127.0.0.1 that misbehaves on demand.
type mailServer struct {
	server *smtp.Server
	port   int
	caFile string

	mu        sync.Mutex
	behaviour alerttest.Behaviour
	refuse    map[string]*smtp.SMTPError
	mechanism string
	// tokens looks at a login by XOAUTH2.
	tokens func(user, token string) error
	mails  []received
	// heard is every byte that arrived in the clear.
	heard []byte
}

// serverMode is how the server protects its connections.
type serverMode int

const (
	startTLS serverMode = iota
	implicitTLS
	// stripped offers a login and no STARTTLS, as a man in the middle makes it look.
	stripped
)

func startMailServer(t *testing.T, mode serverMode) *mailServer {
	t.Helper()
	root, err := pki.NewRoot("mail test authority")
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := root.Issue(pki.Spec{CommonName: "mail", Names: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &mailServer{
		port: listener.Addr().(*net.TCPAddr).Port, caFile: filepath.Join(t.TempDir(), "ca.pem"),
		behaviour: alerttest.Accepts, refuse: map[string]*smtp.SMTPError{}, mechanism: sasl.Plain,
	}
	if err := os.WriteFile(s.caFile, root.ChainPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	s.server = smtp.NewServer(smtp.BackendFunc(s.session))
	s.server.Domain = "mail.example.com"
	s.server.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	settings := &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}}
	listening := net.Listener(recordingListener{listener, s})
	switch mode {
	case startTLS:
		s.server.TLSConfig = settings
	case implicitTLS:
		listening = tls.NewListener(listener, settings)
	case stripped:
		s.server.AllowInsecureAuth = true
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.server.Serve(listening) })
	t.Cleanup(func() {
		_ = s.server.Close()
		_ = listener.Close()
		serving.Wait()
	})
	return s
}

// recordingListener keeps what comes in before any encryption.
type recordingListener struct {
	net.Listener
	server *mailServer
}

func (l recordingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return recordingConn{conn, l.server}, nil
}

type recordingConn struct {
	net.Conn
	server *mailServer
}

func (c recordingConn) Read(buffer []byte) (int, error) {
	n, err := c.Conn.Read(buffer)
	c.server.mu.Lock()
	c.server.heard = append(c.server.heard, buffer[:n]...)
	c.server.mu.Unlock()
	return n, err
}

func (s *mailServer) Behave(behaviour alerttest.Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.behaviour = behaviour
}

func (s *mailServer) behaves(as alerttest.Behaviour) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.behaviour == as
}

func (s *mailServer) taken() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received(nil), s.mails...)
}

func (s *mailServer) Attempts() []alerttest.Attempt {
	var attempts []alerttest.Attempt
	for _, mail := range s.taken() {
		attempts = append(attempts, alerttest.Attempt{ID: headerOf(mail.raw, "Message-ID"), Content: mail.raw})
	}
	return attempts
}

func (s *mailServer) env(log *slog.Logger) alerts.Env {
	return alerts.Env{
		Name: alerttest.ChannelName, Now: alerttest.Now, Log: log, Version: "1.2.3",
		Dial: (&net.Dialer{}).DialContext,
		Secrets: func(reference watch.SecretRef) (watch.Secret, error) {
			if reference.Env != "SMTP_PASSWORD" {
				return watch.Secret{}, errors.New("read secret from " + reference.String() + ": it is not set")
			}
			return watch.NewSecret(password), nil
		},
	}
}

// channel is a mail channel for the server; edit changes its options last.
func (s *mailServer) channel(t *testing.T, env alerts.Env, edit func(*email.Options)) alerts.Channel {
	t.Helper()
	channel, err := email.Kind.Build(options(func(o *email.Options) {
		o.Host, o.Port, o.CAFile = "127.0.0.1", s.port, s.caFile
		o.Username, o.Password.Env = username, "SMTP_PASSWORD"
		if edit != nil {
			edit(o)
		}
	}), env)
	if err != nil {
		t.Fatal(err)
	}
	return channel
}

// options decodes as configuration does, on top of the defaults.
func options(edit func(*email.Options)) watch.Decoder {
	return func(into any) error {
		o := into.(*email.Options)
		o.From, o.To = "Lapsewatch <lapsewatch@example.com>", []string{"ops@example.com"}
		edit(o)
		return nil
	}
}

func (s *mailServer) deliver(ctx context.Context, channel alerts.Channel, message alerts.Message) (alerts.Receipt, *alerts.DeliveryError) {
	if message.Recipient == "" {
		message.Recipient = channel.Recipients()[0]
	}
	receipt, err := channel.Deliver(ctx, message)
	failure, _ := errors.AsType[*alerts.DeliveryError](err)
	return receipt, failure
}
