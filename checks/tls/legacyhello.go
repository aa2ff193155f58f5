package tls

import (
	"crypto/rand"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
)

// legacyHello is a ClientHello of TLS 1.2 (RFC 5246, section 7.4.1.2) for servers with
// which crypto/tls has nothing in common: finite-field Diffie-Hellman only, DSS keys,
// SSL 3.0, or trouble with newer hellos. Nothing secret ever follows it.
func legacyHello(serverName string) ([]byte, error) {
	var random [serverRandomLength]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, fmt.Errorf("make a ClientHello: %w", err)
	}
	var record cryptobyte.Builder
	record.AddUint8(recordHandshake)
	record.AddUint16(0x0301)
	record.AddUint16LengthPrefixed(func(body *cryptobyte.Builder) {
		body.AddUint8(messageClientHello)
		body.AddUint24LengthPrefixed(func(hello *cryptobyte.Builder) {
			hello.AddUint16(0x0303)
			hello.AddBytes(random[:])
			hello.AddUint8(0) // no session
			hello.AddUint16LengthPrefixed(func(suites *cryptobyte.Builder) { addAll(suites, legacySuites()) })
			hello.AddBytes([]byte{1, 0}) // no compression
			hello.AddUint16LengthPrefixed(func(extensions *cryptobyte.Builder) { addLegacyExtensions(extensions, serverName) })
		})
	})
	hello, err := record.Bytes()
	if err != nil {
		return nil, fmt.Errorf("make a ClientHello: %w", err)
	}
	return hello, nil
}

const (
	messageClientHello = 1

	extensionServerName        = 0
	extensionSupportedGroups   = 10
	extensionPointFormats      = 11
	extensionSignatures        = 13
	extensionRenegotiationInfo = 0xff01
)

func addLegacyExtensions(extensions *cryptobyte.Builder, serverName string) {
	add := func(kind uint16, content func(*cryptobyte.Builder)) {
		extensions.AddUint16(kind)
		extensions.AddUint16LengthPrefixed(content)
	}
	if serverName != "" {
		add(extensionServerName, func(b *cryptobyte.Builder) {
			b.AddUint16LengthPrefixed(func(list *cryptobyte.Builder) {
				list.AddUint8(0) // host_name (RFC 6066, section 3)
				list.AddUint16LengthPrefixed(func(name *cryptobyte.Builder) { name.AddBytes([]byte(serverName)) })
			})
		})
	}
	add(extensionSupportedGroups, func(b *cryptobyte.Builder) {
		b.AddUint16LengthPrefixed(func(list *cryptobyte.Builder) { addAll(list, legacyGroups()) })
	})
	add(extensionPointFormats, func(b *cryptobyte.Builder) { b.AddBytes([]byte{1, 0}) })
	add(extensionSignatures, func(b *cryptobyte.Builder) {
		b.AddUint16LengthPrefixed(func(list *cryptobyte.Builder) { addAll(list, legacySignatures()) })
	})
	add(extensionRenegotiationInfo, func(b *cryptobyte.Builder) { b.AddUint8(0) })
}

func addAll(b *cryptobyte.Builder, values []uint16) {
	for _, value := range values {
		b.AddUint16(value)
	}
}

// legacySuites lists every way to authenticate with a certificate that servers had
// before TLS 1.3, by their IANA numbers.
func legacySuites() []uint16 {
	return []uint16{
		0xc02b, 0xc02c, 0xc02f, 0xc030, 0xcca8, 0xcca9, 0xc009, 0xc00a, 0xc013, 0xc014, 0xc023, 0xc024, 0xc027, 0xc028, // ECDHE
		0x009e, 0x009f, 0xccaa, 0x0033, 0x0039, 0x0067, 0x006b, 0x0016, 0x0015, 0x0045, 0x0088, 0x009a, // DHE_RSA
		0x00a2, 0x00a3, 0x0032, 0x0038, 0x0040, 0x006a, 0x0013, 0x0012, // DHE_DSS
		0x009c, 0x009d, 0x002f, 0x0035, 0x003c, 0x003d, 0x000a, 0x0009, 0x0041, 0x0084, 0x0096, 0x0007, // RSA
		0xc004, 0xc005, 0xc00e, 0xc00f, 0xc02d, 0xc02e, 0xc031, 0xc032, // ECDH
		0xc007, 0xc008, 0xc011, 0xc012, 0x0005, 0x0004, // RC4 and 3DES
		0x003b, 0x0002, 0x0001, // without encryption
		0x0003, 0x0006, 0x0008, 0x0014, 0x0011, // for export
	}
}

func legacyGroups() []uint16 {
	return []uint16{
		29, 23, 24, 25, 30, // x25519, secp256r1, secp384r1, secp521r1, x448
		26, 27, 28, // brainpool (RFC 7027)
		22, 21, 19, 20, 9, 10, 11, 12, 13, 14, // the older curves of RFC 8422
		256, 257, 258, // ffdhe2048 to ffdhe4096 (RFC 7919)
	}
}

func legacySignatures() []uint16 {
	return []uint16{
		0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x0807, 0x0808,
		0x0401, 0x0501, 0x0601, 0x0402, 0x0502, 0x0602, // with SHA-2; the last three are DSS
		0x0303, 0x0301, 0x0302, 0x0203, 0x0201, 0x0202, 0x0101, // SHA-224, SHA-1, MD5
	}
}
