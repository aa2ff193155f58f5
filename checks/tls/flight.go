package tls

import (
	"bytes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/cryptobyte"
)

// Record and handshake types of RFC 8446, sections 5.1 and 4.
const (
	recordChangeCipherSpec = 20
	recordAlert            = 21
	recordHandshake        = 22
	recordApplicationData  = 23

	messageServerHello = 2
	messageCertificate = 11

	versionTLS13 = 0x0304
)

const (
	maxRecordBody = 16384 + 2048
	// maxFlight bounds what is read until the certificates have come. Clients refuse
	// certificate messages beyond 256 KiB; a larger one is cut here.
	maxFlight = 512 << 10
	maxChain  = 128
)

// flight is what can be read of a server's answer to a ClientHello without taking part
// in the handshake.
type flight struct {
	version uint16
	suite   uint16
	// chain is the presented certificates in DER, leaf first.
	chain [][]byte
	// truncated: the certificate message is malformed from some point on, or does not
	// end within the limits.
	truncated bool
}

var (
	errNoFlight      = errors.New("the server's answer holds no certificate")
	errRecord        = errors.New("the server's answer is no TLS record")
	errHandshakeForm = errors.New("the server's handshake message is malformed")
)

// flightReader reads records (RFC 8446, section 5; the same since SSL 3.0) until the
// certificates have come.
type flightReader struct {
	in io.Reader
	// secret gives the server's handshake traffic secret of TLS 1.3, if it is known.
	secret   func() []byte
	opener   *recordOpener
	messages []byte
	found    flight
}

// readFlight reads up to the certificates. They stand in clear up to TLS 1.2; for
// TLS 1.3 secret must give the key to them. What could be read of a certificate message
// that is too long or cut short is returned as truncated.
func readFlight(in io.Reader, secret func() []byte) (flight, error) {
	r := flightReader{in: io.LimitReader(in, maxFlight), secret: secret}
	for {
		err := r.readRecord()
		for err == nil {
			var done bool
			if done, err = r.takeMessage(); done {
				return r.found, nil
			} else if errors.Is(err, errIncomplete) {
				err = nil
				break
			}
		}
		if err != nil {
			if r.salvage() {
				return r.found, nil
			}
			return r.found, err
		}
	}
}

var errIncomplete = errors.New("incomplete")

func (r *flightReader) readRecord() error {
	var header [5]byte
	if _, err := io.ReadFull(r.in, header[:]); err != nil {
		return fmt.Errorf("%w: %w", errNoFlight, err)
	}
	length := int(header[3])<<8 | int(header[4])
	if header[1] != 3 || length > maxRecordBody {
		return errRecord
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(r.in, body); err != nil {
		return fmt.Errorf("%w: %w", errNoFlight, err)
	}
	kind := header[0]
	if kind == recordApplicationData {
		if r.opener == nil {
			return errNoFlight
		}
		var err error
		if kind, body, err = r.opener.open(header[:], body); err != nil {
			return err
		}
	}
	switch kind {
	case recordHandshake:
		r.messages = append(r.messages, body...)
		return nil
	case recordChangeCipherSpec:
		return nil
	case recordAlert:
		return fmt.Errorf("%w: %w", errNoFlight, alertError(body))
	default:
		return errRecord
	}
}

// alertError gives the alert of a record in clear.
func alertError(body []byte) error {
	if len(body) != 2 {
		return errRecord
	}
	return fmt.Errorf("alert %d", body[1])
}

// takeMessage consumes one handshake message; done says that it held the certificates.
func (r *flightReader) takeMessage() (done bool, err error) {
	if len(r.messages) < 4 {
		return false, errIncomplete
	}
	length := int(r.messages[1])<<16 | int(r.messages[2])<<8 | int(r.messages[3])
	if len(r.messages) < 4+length {
		return false, errIncomplete
	}
	kind, body := r.messages[0], r.messages[4:4+length]
	r.messages = r.messages[4+length:]
	switch kind {
	case messageServerHello:
		return false, r.serverHello(body)
	case messageCertificate:
		err := r.certificates(body)
		return err == nil, err
	}
	return false, nil
}

// salvage takes the certificates that came before an unfinished certificate message
// broke off.
func (r *flightReader) salvage() bool {
	if len(r.messages) < 4 || r.messages[0] != messageCertificate {
		return false
	}
	// The broken-off message is malformed by nature; what counts is what it yielded.
	return r.certificates(r.messages[4:]) == nil
}

const (
	serverRandomLength = 32
	extensionVersions  = 43
)

// serverHello notes version and cipher suite (RFC 8446, section 4.1.3). A
// HelloRetryRequest has the same form, and the ServerHello after it the last word.
func (r *flightReader) serverHello(body []byte) error {
	in := cryptobyte.String(body)
	var session, extensions cryptobyte.String
	var compression uint8
	if !in.ReadUint16(&r.found.version) || !in.Skip(serverRandomLength) || !in.ReadUint8LengthPrefixed(&session) ||
		!in.ReadUint16(&r.found.suite) || !in.ReadUint8(&compression) {
		return errHandshakeForm
	}
	if !in.ReadUint16LengthPrefixed(&extensions) {
		return nil
	}
	for !extensions.Empty() {
		var kind uint16
		var value cryptobyte.String
		if !extensions.ReadUint16(&kind) || !extensions.ReadUint16LengthPrefixed(&value) {
			return errHandshakeForm
		}
		if kind == extensionVersions && !value.ReadUint16(&r.found.version) {
			return errHandshakeForm
		}
	}
	if r.found.version != versionTLS13 || r.secret == nil {
		return nil
	}
	opener, err := newRecordOpener(r.found.suite, r.secret())
	r.opener = opener
	return err
}

// certificates reads the list of RFC 5246, section 7.4.2, or with the context and
// extensions of RFC 8446, section 4.4.2, as far as it goes.
func (r *flightReader) certificates(body []byte) error {
	in := cryptobyte.String(body)
	modern := r.found.version == versionTLS13
	var request cryptobyte.String
	if modern && !in.ReadUint8LengthPrefixed(&request) || !in.Skip(3) {
		return errHandshakeForm
	}
	for !in.Empty() {
		var der, extensions cryptobyte.String
		if len(r.found.chain) == maxChain || !in.ReadUint24LengthPrefixed(&der) {
			r.found.truncated = true
			break
		}
		r.found.chain = append(r.found.chain, bytes.Clone(der))
		if modern && !in.ReadUint16LengthPrefixed(&extensions) {
			r.found.truncated = true
			break
		}
	}
	if len(r.found.chain) == 0 {
		return errNoFlight
	}
	return nil
}

// recordOpener decrypts the records of one direction (RFC 8446, section 5.2).
type recordOpener struct {
	aead     cipher.AEAD
	iv       []byte
	sequence uint64
}

func (o *recordOpener) open(header, body []byte) (kind byte, content []byte, err error) {
	nonce := bytes.Clone(o.iv)
	for i := range 8 {
		nonce[len(nonce)-1-i] ^= byte(o.sequence >> (8 * i))
	}
	o.sequence++
	inner, err := o.aead.Open(body[:0], nonce, body, header)
	if err != nil {
		return 0, nil, fmt.Errorf("decrypt the server's answer: %w", err)
	}
	inner = bytes.TrimRight(inner, "\x00")
	if len(inner) == 0 {
		return 0, nil, errRecord
	}
	return inner[len(inner)-1], inner[:len(inner)-1], nil
}
