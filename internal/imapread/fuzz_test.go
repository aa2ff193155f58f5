package imapread_test

import (
	"bytes"
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"lapsewatch/internal/imapread"
	"lapsewatch/watch"
)

// said is a connection to a server that says this whatever it is asked, and ends.
type said struct {
	net.Conn
	mu     sync.Mutex
	text   *bytes.Reader
	closed bool
}

func (s *said) Read(buffer []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, net.ErrClosed
	}
	return s.text.Read(buffer)
}

func (s *said) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, net.ErrClosed
	}
	return len(text), nil
}

func (s *said) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

func (s *said) SetReadDeadline(time.Time) error  { return nil }
func (s *said) SetWriteDeadline(time.Time) error { return nil }

func FuzzServer(f *testing.F) {
	const greeting = "* OK [CAPABILITY IMAP4rev1 UIDPLUS] ready\r\n"
	for _, seed := range []string{
		"", greeting, greeting + "L1 OK in\r\nL2 OK\r\n* SEARCH 1 2\r\nL3 OK\r\n* 1 FETCH (UID 1 BODY[HEADER.FIELDS (X-Test)] {4}\r\nX: y INTERNALDATE \"22-Nov-2026 12:00:00 +0000\")\r\nL4 OK\r\n",
		greeting + "L1 NO [AUTHENTICATIONFAILED] no\r\n", greeting + "* 0 EXPUNGE\r\n* 0 EXPUNGE\r\nL1 OK\r\n", "* PREAUTH in\r\n* ESEARCH UID ALL 1:*\r\n", greeting + "+ \r\n+ \r\n", strings.Repeat("(", 2000), "* OK [CAPABILITY (MAP4rev1\"",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		session, err := imapread.Open(t.Context(), imapread.Setup{
			Address: "192.0.2.1:143", Encryption: imapread.None, Timeout: time.Minute, Username: "user", Credential: watch.NewSecret(secret),
			Dial: func(context.Context, string, string) (net.Conn, error) {
				return &said{text: bytes.NewReader(text)}, nil
			},
		})
		if err != nil {
			return
		}
		defer session.Close()
		found, err := session.Find(t.Context(), "INBOX", "X-Test", []string{"value"}, []string{"X-Test"})
		if err == nil && len(found) > imapread.MaxFound {
			t.Errorf("found %d", len(found))
		}
		_, _ = session.Remove(t.Context(), "INBOX", []uint32{1})
	})
}
