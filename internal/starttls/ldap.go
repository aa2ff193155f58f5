package starttls

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/big"
)

// The tags of RFC 4511 that the reply to StartTLS is made of.
const (
	tagInteger          = 0x02
	tagOctetString      = 0x04
	tagEnumerated       = 0x0a
	tagSequence         = 0x30
	tagExtendedResponse = 0x78
)

// ldapStartTLS is an LDAPMessage with messageID 1 and an ExtendedRequest for the StartTLS
// operation (RFC 4511 section 4.14.1).
const ldapStartTLS = "\x30\x1d\x02\x01\x01\x77\x18\x80\x16" + "1.3.6.1.4.1.1466.20037"

// ldap is section 4.14 of RFC 4511.
func ldap(s *session) error {
	if err := s.send(ldapStartTLS); err != nil {
		return err
	}
	message, err := element(s.in, tagSequence)
	if err != nil {
		return err
	}
	fields := bytes.NewReader(message)
	id, err := element(fields, tagInteger)
	if err != nil {
		return err
	}
	response, err := element(fields, tagExtendedResponse)
	if err != nil {
		return err
	}
	fields.Reset(response)
	var result [3][]byte
	for i, tag := range []byte{tagEnumerated, tagOctetString, tagOctetString} {
		if result[i], err = element(fields, tag); err != nil {
			return err
		}
	}
	// A message with the ID 0 is the server's notice that it disconnects.
	code := new(big.Int).SetBytes(result[0])
	if code.Sign() != 0 || new(big.Int).SetBytes(id).Cmp(big.NewInt(1)) != 0 {
		// Active Directory ends its diagnostic messages with a zero byte.
		return s.refused(fmt.Sprintf("result code %s: %s", code, bytes.TrimRight(result[2], "\x00")))
	}
	return nil
}

// element reads one BER element of the wanted tag. encoding/asn1 will not do: it reads
// DER, and Active Directory writes every length in five octets, which DER forbids.
func element(in interface {
	io.Reader
	io.ByteReader
}, tag byte) ([]byte, error) {
	got, err := in.ReadByte()
	if err != nil {
		return nil, err
	}
	if got != tag {
		return nil, fmt.Errorf("got tag %#02x where an LDAP reply has %#02x", got, tag)
	}
	first, err := in.ReadByte()
	if err != nil {
		return nil, err
	}
	length := int(first)
	if first >= 0x80 {
		length = 0
		for range first & 0x7f {
			octet, err := in.ReadByte()
			if err != nil {
				return nil, err
			}
			if length = length<<8 | int(octet); length > maxReplies {
				return nil, errors.New("an element is longer than an LDAP reply to StartTLS can be")
			}
		}
	}
	content := make([]byte, length)
	_, err = io.ReadFull(in, content)
	return content, err
}
