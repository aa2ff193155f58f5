package imapread

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
)

const (
	// maxBytes bounds all that a server may say in one session: some thousand headers.
	maxBytes = 8 << 20
	// maxResponse bounds one response, its literals aside.
	maxResponse = 1 << 20
	bufferBytes = 32 << 10
	// maxLiterals bounds those of one response, each of which is no longer than maxHeader.
	maxLiterals = 8
)

var (
	errTooMuch = errors.New("the server says more than any mailbox server needs to")
	errNoIMAP  = errors.New("its answer is no IMAP")
)

// wire is a connection on which one command at a time is sent.
type wire struct {
	conn   net.Conn
	reader *bufio.Reader
	left   int64
	tags   int
	// patient: what the server says behind its farewell matters too.
	patient bool
}

func newWire(conn net.Conn) *wire {
	w := &wire{left: maxBytes}
	w.renew(conn)
	return w
}

// renew goes on over another connection, with what is left of the bound.
func (w *wire) renew(conn net.Conn) {
	w.conn, w.reader = conn, bufio.NewReaderSize(limited{w, conn}, bufferBytes)
}

// limited reads no more than the bound of its wire.
type limited struct {
	wire *wire
	conn net.Conn
}

func (l limited) Read(buffer []byte) (int, error) {
	if l.wire.left <= 0 {
		return 0, errTooMuch
	}
	n, err := l.conn.Read(buffer[:min(int64(len(buffer)), l.wire.left)])
	l.wire.left -= int64(n)
	return n, err
}

// response is one of the server's, without its line break. Each literal stands as a NUL in
// the text, which IMAP allows nowhere.
type response struct {
	// tag is "*" or "+", or that of a command.
	tag, text string
	literals  [][]byte
}

var literalMark = regexp.MustCompile(`\{([0-9]{1,10})\+?\}$`)

// read reads a response with its literals (RFC 9051, 4.3).
func (w *wire) read() (response, error) {
	var whole strings.Builder
	var literals [][]byte
	for {
		line, err := w.line(maxResponse - whole.Len())
		if err != nil {
			return response{}, err
		}
		mark := literalMark.FindStringSubmatchIndex(line)
		if mark == nil {
			whole.WriteString(line)
			break
		}
		size, err := strconv.ParseInt(line[mark[2]:mark[3]], 10, 64)
		if err != nil || size > maxHeader || len(literals) == maxLiterals {
			return response{}, errTooMuch
		}
		content := make([]byte, size)
		if _, err := io.ReadFull(w.reader, content); err != nil {
			return response{}, err
		}
		literals = append(literals, content)
		whole.WriteString(line[:mark[0]] + "\x00")
	}
	tag, text, found := strings.Cut(whole.String(), " ")
	if tag == "" || !found && tag != "+" {
		return response{}, errNoIMAP
	}
	return response{tag, text, literals}, nil
}

func (w *wire) line(most int) (string, error) {
	var whole []byte
	for {
		part, err := w.reader.ReadSlice('\n')
		whole = append(whole, part...)
		switch {
		case len(whole) > most:
			return "", errTooMuch
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil:
			return "", err
		}
		line := strings.TrimSuffix(strings.TrimSuffix(string(whole), "\n"), "\r")
		if strings.ContainsRune(line, '\x00') {
			return "", errNoIMAP
		}
		return line, nil
	}
}

// command sends a command and reads until it is completed. Parts that end with a line break
// wait for the server's continuation before the next one is sent; what the last part leaves
// to be answered is answered with an empty line. untagged gets what else the server says.
func (w *wire) command(untagged func(response) error, parts ...string) error {
	w.tags++
	tag := fmt.Sprintf("L%d", w.tags)
	pending := lines(parts)
	if err := w.write(tag + " " + pending[0]); err != nil {
		return err
	}
	pending = pending[1:]
	said := ""
	var farewell error
	for {
		got, err := w.read()
		if err != nil {
			if farewell != nil {
				return farewell
			}
			return err
		}
		switch got.tag {
		case tag:
			return completed(got, said)
		case "+":
			if len(pending) == 0 {
				return errNoIMAP
			}
			if said = ""; pending[0] == "\r\n" {
				said = got.text
			}
			if err := w.write(pending[0]); err != nil {
				return err
			}
			pending = pending[1:]
		case "*":
			if status, ok := got.untaggedStatus(); ok && status.word == "BYE" {
				if farewell = status; !w.patient {
					return farewell
				}
			}
			if untagged != nil {
				if err := untagged(got); err != nil {
					return err
				}
			}
		default:
			return errNoIMAP
		}
	}
}

// lines are what is sent at once: parts up to a line break, and the last one with one.
func lines(parts []string) []string {
	var made []string
	line := ""
	for _, part := range parts {
		if line += part; strings.HasSuffix(part, "\r\n") {
			made, line = append(made, line), ""
		}
	}
	return append(made, line+"\r\n")
}

func (w *wire) write(text string) error {
	_, err := io.WriteString(w.conn, text)
	return err
}

// completed is nil for OK, and else what the server says. challenge is what it said before,
// if it explained a refusal there.
func completed(got response, challenge string) error {
	status, ok := readStatus(got.text)
	switch {
	case !ok:
		return errNoIMAP
	case status.word == "OK":
		return nil
	case status.word == "NO" || status.word == "BAD":
		status.challenge = challenge
		return status
	}
	return errNoIMAP
}

// status is a condition with its code and its words (RFC 9051, 7.1).
type status struct {
	word, code, text string
	// challenge is what the server explained a refused login with, in Base64.
	challenge string
}

func (s status) Error() string { return "the server says " + s.words() }

// words are the server's own.
func (s status) words() string {
	code := ""
	if s.code != "" {
		code = " [" + s.code + "]"
	}
	return strings.TrimSpace(s.word + code + " " + s.text)
}

var statusLine = regexp.MustCompile(`^(?i)(OK|NO|BAD|BYE|PREAUTH)(?: (?:\[([^\] ]{1,64})[^\]]*\] ?)?(.*))?$`)

func readStatus(text string) (status, bool) {
	found := statusLine.FindStringSubmatch(text)
	if found == nil {
		return status{}, false
	}
	return status{word: strings.ToUpper(found[1]), code: strings.ToUpper(found[2]), text: found[3]}, true
}

// untaggedStatus is that of a response that concerns no command.
func (r response) untaggedStatus() (status, bool) {
	if r.tag != "*" {
		return status{}, false
	}
	return readStatus(r.text)
}
