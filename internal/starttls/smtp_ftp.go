package starttls

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/textproto"
	"strings"
)

// smtp is RFC 3207 on RFC 5321, also for submission (RFC 6409).
func smtp(s *session) error {
	if _, err := s.numbered(220); err != nil {
		return err
	}
	if err := s.send("EHLO " + addressLiteral(s.wire.conn.LocalAddr()) + "\r\n"); err != nil {
		return err
	}
	extensions, err := s.numbered(250)
	if err != nil {
		return err
	}
	if !offersStartTLS(extensions) {
		return s.refused("its EHLO reply lists no STARTTLS: " + extensions)
	}
	if err := s.send("STARTTLS\r\n"); err != nil {
		return err
	}
	_, err = s.numbered(220)
	return err
}

// ftp is RFC 4217.
func ftp(s *session) error {
	if _, err := s.numbered(220); err != nil {
		return err
	}
	if err := s.send("AUTH TLS\r\n"); err != nil {
		return err
	}
	_, err := s.numbered(234)
	return err
}

// numbered reads one reply, of one or more lines, that starts with a code (RFC 5321
// section 4.2, RFC 959 section 4.2).
func (s *session) numbered(want int) (text string, err error) {
	code, err := s.in.Peek(3)
	if err != nil {
		return "", err
	}
	// ReadResponse would take "SSH-2.0" for the first of many lines and wait for the rest.
	if bytes.ContainsFunc(code, func(r rune) bool { return r < '0' || r > '9' }) {
		return "", s.alien("its reply starts with %q", code)
	}
	_, text, err = textproto.NewReader(s.in).ReadResponse(want)
	if reply, ok := errors.AsType[*textproto.Error](err); ok {
		return "", s.refused(fmt.Sprintf("%d %s", reply.Code, reply.Msg))
	}
	return text, err
}

// addressLiteral is how a client without a domain name introduces itself (RFC 5321
// section 4.1.3).
func addressLiteral(local net.Addr) string {
	tcp, ok := local.(*net.TCPAddr)
	if !ok {
		return "localhost"
	}
	address, _ := netip.AddrFromSlice(tcp.IP)
	address = address.Unmap()
	if address.Is6() {
		return "[IPv6:" + address.String() + "]"
	}
	return "[" + address.String() + "]"
}

func offersStartTLS(reply string) bool {
	for line := range strings.Lines(reply) {
		if strings.EqualFold(strings.TrimSpace(line), "STARTTLS") {
			return true
		}
	}
	return false
}
