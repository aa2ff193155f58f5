// Package starttls leads a plaintext connection to the point at which the server waits
// for a TLS ClientHello, for the protocols that start TLS on their ordinary port. It does
// not dial, does no TLS handshake, authenticates nobody and sends no mail or query.
package starttls

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// Protocol is a protocol that can upgrade its connection to TLS. It is the URL scheme
// that people write: "smtp", "xmpp-server".
type Protocol string

// Service is a protocol with the port that IANA registered for it.
type Service struct {
	Protocol Protocol
	Port     uint16
}

type offer struct {
	Service
	dialogue func(*session) error
}

func offers() []offer {
	return []offer{
		{Service{"smtp", 25}, smtp},
		{Service{"submission", 587}, smtp},
		{Service{"imap", 143}, imap},
		{Service{"pop3", 110}, pop3},
		{Service{"ftp", 21}, ftp},
		{Service{"ldap", 389}, ldap},
		{Service{"postgres", 5432}, postgres},
		{Service{"mysql", 3306}, mysql},
		{Service{"xmpp", 5222}, xmppClient},
		{Service{"xmpp-server", 5269}, xmppServer},
	}
}

// Protocols lists every protocol with its port.
func Protocols() []Service {
	var services []Service
	for _, offer := range offers() {
		services = append(services, offer.Service)
	}
	return services
}

// Lookup finds the protocol that a lower-case URL scheme names, and its usual port.
func Lookup(scheme string) (protocol Protocol, port uint16, ok bool) {
	for _, offer := range offers() {
		if string(offer.Protocol) == scheme {
			return offer.Protocol, offer.Port, true
		}
	}
	return "", 0, false
}

// Upgrade runs the protocol's dialogue on a connection that nobody has read from yet.
// When it returns nil, the next bytes on conn are the caller's ClientHello. host is the
// name that the server is asked for, where the protocol has a place for one (XMPP).
//
// The end of ctx interrupts the dialogue and leaves conn with a deadline in the past.
// What the server may send is bounded. Errors are *RefusedError where the server grants
// no TLS, *ProtocolError where it does not keep to the protocol, and otherwise wrap
// ctx's error or the connection's. Upgrade does not close conn.
func Upgrade(ctx context.Context, conn net.Conn, protocol Protocol, host string) error {
	for _, offer := range offers() {
		if offer.Protocol == protocol {
			return offer.upgrade(ctx, conn, host)
		}
	}
	return fmt.Errorf("start TLS: no protocol %q is known", protocol)
}

func (o offer) upgrade(ctx context.Context, conn net.Conn, host string) error {
	s := newSession(conn, o.Protocol, host)
	stop := context.AfterFunc(ctx, func() {
		// A connection that takes no deadline is already closed.
		_ = conn.SetDeadline(time.Unix(1, 0))
	})
	err := o.dialogue(s)
	if !stop() {
		return fmt.Errorf("start TLS (%s): %w", o.Protocol, ctx.Err())
	}
	// TLS servers wait for the client to speak first, so whatever else has arrived
	// is plaintext that somebody wants to be taken for the encrypted session's
	// (CVE-2011-0411, CVE-2021-23222).
	if surplus := s.in.Buffered(); err == nil && surplus > 0 {
		err = s.alien("it sent %d more bytes of plaintext after it agreed to TLS", surplus)
	}
	return s.explain(err)
}

// explain gives an error its type: what the peer said counts before how the
// connection then ended, and a parser's complaint without an I/O error behind it means
// that the peer speaks something else.
func (s *session) explain(err error) error {
	if err == nil {
		return nil
	}
	_, refused := errors.AsType[*RefusedError](err)
	_, alien := errors.AsType[*ProtocolError](err)
	switch {
	case refused, alien:
		return err
	case errors.Is(s.wire.failure, io.EOF):
		return fmt.Errorf("start TLS (%s): the server closed the connection: %w", s.protocol, io.ErrUnexpectedEOF)
	case s.wire.failure != nil:
		return fmt.Errorf("start TLS (%s): %w", s.protocol, s.wire.failure)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return s.alien("its reply is cut short")
	default:
		return s.alien("%v", err)
	}
}
