package email_test

import (
	"io"
	"strings"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"lapsewatch/alerts/alerttest"
)

// session is one client's conversation.
type session struct {
	server *mailServer
	conn   *smtp.Conn
	mail   received
}

func (s *mailServer) session(conn *smtp.Conn) (smtp.Session, error) {
	_, encrypted := conn.TLSConnectionState()
	return &session{server: s, conn: conn, mail: received{tls: encrypted}}, nil
}

func (s *session) AuthMechanisms() []string { return []string{s.server.mechanism} }

func (s *session) Auth(mechanism string) (sasl.Server, error) {
	check := func(user, given string) error {
		if s.server.behaves(alerttest.RefusesCredentials) || user != username || given != password {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "user " + user + " may not use " + given}
		}
		s.mail.login = user
		return nil
	}
	if mechanism == mechanismXOAUTH2 {
		s.server.mu.Lock()
		defer s.server.mu.Unlock()
		return &bearerServer{check: func(user, token string) error {
			s.mail.login = user
			return s.server.tokens(user, token)
		}}, nil
	}
	if mechanism == sasl.Login {
		return &loginServer{check: check}, nil
	}
	return sasl.NewPlainServer(func(_, user, given string) error { return check(user, given) }), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.mail.from = from
	if s.server.behaves(alerttest.HangsUp) {
		_ = s.conn.Conn().Close()
	}
	if s.server.behaves(alerttest.Babbles) {
		for line := "250-" + strings.Repeat("on and on ", 100) + "\r\n"; ; {
			if _, err := io.WriteString(s.conn.Conn(), line); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mail.to = to
	s.server.mu.Lock()
	refused := s.server.refuse[to]
	s.server.mu.Unlock()
	switch {
	case refused != nil:
		return refused
	case s.server.behaves(alerttest.Throttles):
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "greylisted, come back later"}
	case s.server.behaves(alerttest.Refuses):
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox; logged in with " + password}
	}
	return nil
}

func (s *session) Data(content io.Reader) error {
	if s.server.behaves(alerttest.Hangs) {
		// Until the client hangs up.
		_, _ = io.Copy(io.Discard, content)
		_, err := s.conn.Conn().Read(make([]byte, 1))
		return err
	}
	if s.server.behaves(alerttest.Fails) {
		// In the middle of the content the server shuts down.
		_, _ = io.CopyN(io.Discard, content, 500)
		_, _ = io.WriteString(s.conn.Conn(), "421 4.3.2 shutting down\r\n")
		// What is unread when it closes would take the reply back from the client.
		_, _ = io.Copy(io.Discard, content)
		return s.conn.Conn().Close()
	}
	raw, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	s.mail.raw = raw
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.mails = append(s.server.mails, s.mail)
	return &smtp.SMTPError{Code: 250, EnhancedCode: smtp.EnhancedCode{2, 0, 0}, Message: "Ok: queued as 4bX7"}
}

func (s *session) Reset() {}

func (s *session) Logout() error { return nil }

// loginServer asks for the name and then for the password.
type loginServer struct {
	check func(user, password string) error
	said  []string
}

func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	if response != nil {
		l.said = append(l.said, string(response))
	}
	if len(l.said) < 2 {
		return []byte([]string{"Username:", "Password:"}[len(l.said)]), false, nil
	}
	return nil, true, l.check(l.said[0], l.said[1])
}
