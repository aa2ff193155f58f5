package mailflow_test

import (
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"lapsewatch/internal/pki"
)

const (
	username = "canary@example.com"
	password = "canary-password-9e2b"
)

// sender is a real SMTP server for submission that does with mail what a test wants.
type sender struct {
	address string

	mu sync.Mutex
	// mails are those that it took and holds; deliver, if it is set, takes them at once.
	mails   []string
	deliver func(raw string)
	// refuse is what it answers to MAIL, hangUp ends the connection behind the mail.
	refuse   error
	hangUp   bool
	password string
	logins   int
	tokens   func(user, token string) bool
}

// authority issues the certificate of the test's servers.
func authority(t testing.TB) (pair pki.Pair, caFile string) {
	t.Helper()
	root, err := pki.NewRoot("mail test authority")
	if err != nil {
		t.Fatal(err)
	}
	pair, err = root.Issue(pki.Spec{CommonName: "mail", Names: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, root.ChainPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	return pair, caFile
}

func startSender(t testing.TB, pair pki.Pair) *sender {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &sender{address: listener.Addr().String(), password: password}
	server := smtp.NewServer(smtp.BackendFunc(func(conn *smtp.Conn) (smtp.Session, error) { return &session{server: s, conn: conn}, nil }))
	server.Domain, server.TLSConfig = "mail.example.com", &tls.Config{Certificates: []tls.Certificate{pair.TLS()}}
	server.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	t.Cleanup(func() {
		_ = server.Close()
		_ = listener.Close()
		serving.Wait()
	})
	return s
}

// change edits how the server behaves.
func (s *sender) change(edit func(*sender)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	edit(s)
}

func (s *sender) held() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.mails...)
}

// session is one client's conversation.
type session struct {
	server *sender
	conn   *smtp.Conn
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain, "XOAUTH2"} }

func (s *session) Auth(mechanism string) (sasl.Server, error) {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.logins++
	no := &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "Authentication credentials invalid"}
	if mechanism == "XOAUTH2" {
		tokens := s.server.tokens
		return &bearer{func(user, token string) error {
			if tokens == nil || !tokens(user, token) {
				return no
			}
			return nil
		}}, nil
	}
	wanted := s.server.password
	return sasl.NewPlainServer(func(_, user, given string) error {
		if user != username || given != wanted {
			no.Message += " for " + given
			return no
		}
		return nil
	}), nil
}

// bearer is XOAUTH2.
type bearer struct {
	check func(user, token string) error
}

func (b *bearer) Next(response []byte) (challenge []byte, done bool, err error) {
	user, rest, _ := strings.Cut(strings.TrimPrefix(string(response), "user="), "\x01")
	token, found := strings.CutSuffix(strings.TrimPrefix(rest, "auth=Bearer "), "\x01\x01")
	if !found {
		return nil, true, errors.New("malformed")
	}
	return nil, true, b.check(user, token)
}

func (s *session) Mail(string, *smtp.MailOptions) error {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	return s.server.refuse
}

func (s *session) Rcpt(string, *smtp.RcptOptions) error { return nil }

func (s *session) Data(content io.Reader) error {
	raw, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	s.server.mu.Lock()
	deliver, hangUp := s.server.deliver, s.server.hangUp
	if deliver == nil {
		s.server.mails = append(s.server.mails, string(raw))
	}
	s.server.mu.Unlock()
	if deliver != nil {
		deliver(string(raw))
	}
	if hangUp {
		return s.conn.Conn().Close()
	}
	return &smtp.SMTPError{Code: 250, EnhancedCode: smtp.EnhancedCode{2, 0, 0}, Message: "Ok: queued as 4bX7"}
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }
