// Package nts asks servers for their time so that nobody on the way can change the
// answer (RFC 8915). Each question makes a key exchange of its own: no cookie is kept, so
// that nothing links two of them. It offers the one algorithm that every server has,
// AEAD_AES_SIV_CMAC_256, and no other.
package nts

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/facebook/time/ntp/ntske"
	"github.com/facebook/time/ntp/protocol"
	"github.com/facebook/time/ntp/protocol/nts"
	"github.com/facebook/time/ntp/protocol/nts/aessiv"

	"lapsewatch/internal/certdates"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/ntp"
)

// DefaultPort is that of the key exchange, TCP.
const DefaultPort = 4460

// ntpPort is where time is asked for unless the key exchange says otherwise.
const ntpPort = 123

// ErrNotAuthenticated: an answer came that the server has not signed.
var ErrNotAuthenticated = errors.New("the answer is not authenticated")

// Server is one to ask.
type Server struct {
	// KeyExchange is its address, TCP.
	KeyExchange netip.AddrPort
	// Name is what its certificate must be valid for: a host or an IP address.
	Name string
	// Roots are the authorities to trust; nil means the system's.
	Roots *x509.CertPool
	// Resolve looks up the time server that a key exchange names, if that is another.
	Resolve func(ctx context.Context, name string) (netip.Addr, error)
}

// Answer is what a server has answered and signed.
type Answer struct {
	ntp.Reply
	// From is the address of the server that the time is from; it is also there if the
	// answer never came.
	From netip.AddrPort
	// CertificateDates says that the certificate is not valid as of the own clock, and
	// was verified as of then; empty if it is.
	CertificateDates string
}

// Ask makes a key exchange and asks once for the time; ctx bounds both. A packet that is
// not authenticated is never an answer, also not a kiss-o'-death packet.
//
// Where nothing but its dates is wrong with the certificate, that may be the own clock's
// fault. The answer counts then if it gives a time at which the certificate is valid
// (RFC 8915, 8.5). Whoever has a certificate that has expired, and its key, can choose
// such a time: so the caller believes no single server.
func (s Server) Ask(ctx context.Context, client *ntp.Client) (Answer, error) {
	keys, chain, err := s.exchange(ctx, client.Now)
	if err != nil {
		return Answer{}, fmt.Errorf("exchange keys with %v: %w", s.KeyExchange, err)
	}
	to, err := s.timeServer(ctx, keys)
	if err != nil {
		return Answer{}, fmt.Errorf("find the time server that %v names: %w", s.KeyExchange, err)
	}
	id := make([]byte, nts.MinUniqueIdentifierLen)
	_, _ = rand.Read(id) // never fails
	request, err := seal(ntp.NewRequest(), id, keys.Cookies[0], keys.C2S)
	if err != nil {
		return Answer{From: to}, fmt.Errorf("authenticate a question to %v: %w", to, err)
	}
	reply, packet, err := client.Exchange(ctx, to, request)
	if err != nil {
		return Answer{From: to}, err
	}
	if err := verify(packet, id, keys.S2C); err != nil {
		if reply.Kiss == "NTSN" {
			err = errors.New("it does not know the keys that it has just given (NTSN)")
		}
		return Answer{From: to}, fmt.Errorf("ask %v for its time: %w: %w", to, ErrNotAuthenticated, err)
	}
	if chain.Refusal != nil && (!reply.Timed() || chain.ValidAt(reply.ServerTime) != nil) {
		return Answer{From: to}, fmt.Errorf("exchange keys with %v: %w", s.KeyExchange, chain.Refusal)
	}
	return Answer{Reply: reply, From: to, CertificateDates: chain.Note()}, nil
}

// exchange also gives the chain that the server presented.
func (s Server) exchange(ctx context.Context, now func() time.Time) (*ntske.HandshakeResult, certdates.Chain, error) {
	var chain certdates.Chain
	config := &tls.Config{
		ServerName: s.Name, MinVersion: tls.VersionTLS13,
		// VerifyConnection does it instead, so that dates alone do not fail it.
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) (err error) {
			chain, err = certdates.Verify(state, s.Roots, s.Name, now())
			return err
		},
	}
	client := ntske.Client{SupportedAEAD: []uint16{uint16(protocol.AEADAESSIVCMAC256)}}
	keys, err := client.Handshake(ctx, s.KeyExchange.String(), config)
	return keys, chain, err
}

// timeServer honours what the key exchange says (RFC 8915, 4.1.7 and 4.1.8).
func (s Server) timeServer(ctx context.Context, keys *ntske.HandshakeResult) (netip.AddrPort, error) {
	address, port := s.KeyExchange.Addr(), uint16(ntpPort)
	if keys.NTPPort != 0 {
		port = keys.NTPPort
	}
	if keys.NTPServer != "" {
		named, err := netip.ParseAddr(keys.NTPServer)
		if err != nil {
			named, err = s.Resolve(ctx, keys.NTPServer)
		}
		if err != nil {
			return netip.AddrPort{}, fmt.Errorf("%s: %w", clean.Text(keys.NTPServer, 253), err)
		}
		address = named
	}
	return netip.AddrPortFrom(address, port), nil
}

// seal adds the extension fields of a request (RFC 8915, 5.7).
func seal(header, id, cookie, key []byte) ([]byte, error) {
	protected, err := newSIV(key)
	if err != nil {
		return nil, err
	}
	fields, err := protocol.MarshalExtensionFields([]protocol.ExtensionField{nts.NewUniqueIdentifier(id), nts.NewCookie(cookie)})
	if err != nil {
		return nil, err
	}
	packet := append(header, fields...)
	proof, err := nts.SealAuthenticator(protected, packet, nil)
	if err != nil {
		return nil, err
	}
	last, err := protocol.MarshalExtensionFields([]protocol.ExtensionField{proof})
	return append(packet, last...), err
}

// verify checks that the server has signed all of the packet, as the answer to this
// question (RFC 8915, 5.7). What follows the signature is not looked at.
func verify(packet, id, key []byte) error {
	protected, err := newSIV(key)
	if err != nil {
		return err
	}
	var parsed protocol.Packet
	if err := parsed.UnmarshalBinary(packet); err != nil {
		return err
	}
	named := false
	for i, field := range parsed.ExtensionFields {
		switch {
		case field.Type == protocol.UniqueIdentifier:
			named = bytes.Equal(field.Body, id)
		case field.Type == protocol.NTSAuthenticator && !named:
			return errors.New("it is the answer to another question")
		case field.Type == protocol.NTSAuthenticator:
			signed, err := parsed.AssociatedData(i)
			if err != nil {
				return err
			}
			_, err = nts.OpenAuthenticator(protected, signed, field)
			return err
		}
	}
	return errors.New("nobody has signed it")
}

// siv is AEAD_AES_SIV_CMAC_256 with a nonce (RFC 5297, 3), as RFC 8915, 5.6 has it and
// servers send it. That of the library takes none.
type siv struct{ *aessiv.AESSIV }

const nonceSize = 16

func newSIV(key []byte) (nts.AEAD, error) {
	cipher, err := aessiv.NewAESSIV(key)
	return siv{cipher}, err
}

// Seal implements nts.AEAD.
func (s siv) Seal(signed, plain []byte) (nonce, sealed []byte, err error) {
	nonce = make([]byte, nonceSize)
	_, _ = rand.Read(nonce) // never fails
	sealed, err = s.AESSIV.Seal(nil, plain, signed, nonce)
	return nonce, sealed, err
}

// Open implements nts.AEAD. Servers that send no nonce leave it out of the sum.
func (s siv) Open(signed, nonce, sealed []byte) ([]byte, error) {
	if len(nonce) == 0 {
		return s.AESSIV.Open(nil, sealed, signed)
	}
	return s.AESSIV.Open(nil, sealed, signed, nonce)
}
