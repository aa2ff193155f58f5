package starttls

import (
	"bufio"
	"fmt"
	"net"
	"strings"

	"lapsewatch/internal/clean"
)

// maxReplies bounds all that a server may send before TLS, and with it the length of a
// line and the number of lines. The longest dialogue in use, a talkative FTP banner,
// takes a few KiB.
const maxReplies = 16 << 10

// maxQuoted bounds what an error repeats of a server's reply, in characters.
const maxQuoted = 200

// RefusedError reports a server that speaks the protocol but offers or grants no TLS.
type RefusedError struct {
	Protocol Protocol
	// Reply is what the server said, cut to one printable line.
	Reply string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("the %s server grants no TLS: %s", e.Protocol, e.Reply)
}

// ProtocolError reports a server that does not keep to the protocol.
type ProtocolError struct {
	Protocol Protocol
	// Detail is one printable line.
	Detail string
}

func (e *ProtocolError) Error() string {
	return fmt.Sprintf("the server does not follow the %s protocol: %s", e.Protocol, e.Detail)
}

// session is one dialogue. Reading ahead is harmless: in none of the protocols may a
// server send anything between its go-ahead and the ClientHello, and Upgrade refuses
// one that does.
type session struct {
	protocol Protocol
	host     string
	wire     *wire
	in       *bufio.Reader
}

func newSession(conn net.Conn, protocol Protocol, host string) *session {
	s := &session{protocol: protocol, host: host}
	s.wire = &wire{conn: conn, left: maxReplies, tooMuch: s.alien("it sent more than %d KiB before TLS", maxReplies>>10)}
	s.in = bufio.NewReader(s.wire)
	return s
}

func (s *session) send(message string) error {
	_, err := s.wire.Write([]byte(message))
	return err
}

func (s *session) refused(reply string) error {
	return &RefusedError{Protocol: s.protocol, Reply: oneLine(reply)}
}

func (s *session) alien(format string, args ...any) error {
	return &ProtocolError{Protocol: s.protocol, Detail: oneLine(fmt.Sprintf(format, args...))}
}

// wire bounds what is read and remembers how the connection failed, which parsers in
// between do not always pass on.
type wire struct {
	conn    net.Conn
	left    int
	tooMuch error
	failure error
}

func (w *wire) Read(buffer []byte) (int, error) {
	if w.left == 0 {
		return 0, w.tooMuch
	}
	n, err := w.conn.Read(buffer[:min(len(buffer), w.left)])
	w.left -= n
	if err != nil {
		w.failure = fmt.Errorf("read from the server: %w", err)
		return n, err
	}
	return n, nil
}

func (w *wire) Write(message []byte) (int, error) {
	n, err := w.conn.Write(message)
	if err != nil {
		w.failure = fmt.Errorf("write to the server: %w", err)
	}
	return n, err
}

// oneLine is text from outside as an error repeats it; replies may have many lines.
func oneLine(text string) string {
	return clean.Text(strings.Join(strings.Fields(text), " "), maxQuoted)
}
