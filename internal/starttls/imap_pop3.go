package starttls

import (
	"net/textproto"
	"strings"
)

// imap is section 6.2.1 of RFC 9051. It does not ask for CAPABILITY first: a server
// without STARTTLS answers BAD, and the round trip is saved.
func imap(s *session) error {
	lines := textproto.NewReader(s.in)
	greeting, err := lines.ReadLine()
	if err != nil {
		return err
	}
	switch status(greeting, "* ") {
	case "OK":
	case "PREAUTH", "BYE":
		return s.refused(greeting)
	default:
		return s.alien("its greeting is %q", greeting)
	}
	const tag = "a1 "
	if err := s.send(tag + "STARTTLS\r\n"); err != nil {
		return err
	}
	for {
		line, err := lines.ReadLine()
		if err != nil {
			return err
		}
		switch {
		case status(line, tag) == "OK":
			return nil
		case status(line, tag) != "", status(line, "* ") == "BYE":
			return s.refused(line)
		case !strings.HasPrefix(line, "* "):
			return s.alien("it answered STARTTLS with %q", line)
		}
	}
}

// pop3 is section 4 of RFC 2595.
func pop3(s *session) error {
	if err := s.positive(); err != nil {
		return err
	}
	if err := s.send("STLS\r\n"); err != nil {
		return err
	}
	return s.positive()
}

// positive reads one reply of RFC 1939.
func (s *session) positive() error {
	line, err := textproto.NewReader(s.in).ReadLine()
	if err != nil {
		return err
	}
	switch status(line, "") {
	case "+OK":
		return nil
	case "-ERR":
		return s.refused(line)
	default:
		return s.alien("it said %q where a POP3 server says +OK", line)
	}
}

// status is the word behind the prefix, in upper case; empty where line has another
// prefix.
func status(line, prefix string) string {
	rest, found := strings.CutPrefix(line, prefix)
	if !found {
		return ""
	}
	word, _, _ := strings.Cut(rest, " ")
	return strings.ToUpper(word)
}
