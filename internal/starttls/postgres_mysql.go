package starttls

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// postgresSSLRequest is the message of 8 bytes with the code 80877103.
const postgresSSLRequest = "\x00\x00\x00\x08\x04\xd2\x16\x2f"

// postgres is "SSL Session Encryption" of the PostgreSQL manual's chapter Message Flow
// (https://www.postgresql.org/docs/current/protocol-flow.html).
func postgres(s *session) error {
	if err := s.send(postgresSSLRequest); err != nil {
		return err
	}
	answer, err := s.in.ReadByte()
	if err != nil {
		return err
	}
	switch answer {
	case 'S':
		return nil
	case 'N':
		return s.refused("it answered N to the SSLRequest")
	case 'E':
		return s.postgresError()
	default:
		return s.alien("it answered %q to the SSLRequest", answer)
	}
}

// postgresError reads the ErrorResponse of a server that is too busy or too old for an
// SSLRequest: a length that counts itself, then fields that end with a zero byte each.
func (s *session) postgresError() error {
	var length uint32
	if err := binary.Read(s.in, binary.BigEndian, &length); err != nil {
		return err
	}
	if length < 4 || length > maxReplies {
		return s.alien("it answered the SSLRequest with an error of %d bytes", length)
	}
	fields := make([]byte, length-4)
	if _, err := io.ReadFull(s.in, fields); err != nil {
		return err
	}
	for field := range bytes.SplitSeq(fields, []byte{0}) {
		if message, found := bytes.CutPrefix(field, []byte{'M'}); found {
			return s.refused(string(message))
		}
	}
	return s.refused("an error without a message")
}

// Capability flags of MySQL's handshake, and where its first flags stand behind the
// server version: after the thread id (4), the scramble's first part (8) and a filler (1).
const (
	mysqlProtocol41       = 0x00000200
	mysqlSSL              = 0x00000800
	mysqlSecureConnection = 0x00008000
	mysqlFlagsOffset      = 4 + 8 + 1
)

// mysql is "Protocol::HandshakeV10" and "Protocol::SSLRequest" of MySQL's and MariaDB's
// client/server protocol
// (https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html).
func mysql(s *session) error {
	var header [4]byte
	if _, err := io.ReadFull(s.in, header[:]); err != nil {
		return err
	}
	length := int(header[0]) | int(header[1])<<8 | int(header[2])<<16
	if length == 0 || length > maxReplies {
		return s.alien("its greeting claims %d bytes", length)
	}
	greeting := make([]byte, length)
	if _, err := io.ReadFull(s.in, greeting); err != nil {
		return err
	}
	switch {
	case greeting[0] == 0xff && length >= 3:
		return s.refused(fmt.Sprintf("error %d: %s", binary.LittleEndian.Uint16(greeting[1:]), greeting[3:]))
	case greeting[0] != 10:
		return s.alien("its greeting has the protocol version %d, not 10", greeting[0])
	}
	version, rest, found := bytes.Cut(greeting[1:], []byte{0})
	if !found || len(rest) < mysqlFlagsOffset+2 {
		return s.alien("its greeting is cut short")
	}
	if binary.LittleEndian.Uint16(rest[mysqlFlagsOffset:])&mysqlSSL == 0 {
		return s.refused(fmt.Sprintf("version %s without the SSL capability", version))
	}
	return s.send(mysqlSSLRequest())
}

func mysqlSSLRequest() string {
	const (
		size          = 32
		sequence      = 1
		maxPacketSize = 1 << 24
		utf8mb4       = 45
	)
	request := []byte{size, 0, 0, sequence}
	request = binary.LittleEndian.AppendUint32(request, mysqlProtocol41|mysqlSSL|mysqlSecureConnection)
	request = binary.LittleEndian.AppendUint32(request, maxPacketSize)
	request = append(request, utf8mb4)
	return string(append(request, make([]byte, 23)...))
}
