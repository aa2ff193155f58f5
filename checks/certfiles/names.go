package certfiles

import (
	encodingasn1 "encoding/asn1"
	"encoding/hex"
	"strings"
	"unicode/utf16"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"lapsewatch/internal/clean"
)

// Bounds on what is kept of names, which anybody can write into a certificate.
const (
	maxNameRunes = 256
	maxNameBytes = 4 * maxNameRunes
	maxDNSNames  = 20
)

// nameText writes a distinguished name as RFC 4514 does, the most specific part first.
func nameText(name cryptobyte.String) string {
	var parts [16]string
	first := len(parts)
	for !name.Empty() && first > 0 {
		var set cryptobyte.String
		if !name.ReadASN1(&set, asn1.SET) {
			break
		}
		first--
		parts[first] = relativeNameText(set)
	}
	return clean.Text(strings.Join(parts[first:], ","), maxNameRunes)
}

func relativeNameText(set cryptobyte.String) string {
	text := ""
	for !set.Empty() && len(text) < maxNameBytes {
		var pair, id, value cryptobyte.String
		var tag asn1.Tag
		if !set.ReadASN1(&pair, asn1.SEQUENCE) || !pair.ReadASN1(&id, asn1.OBJECT_IDENTIFIER) || !pair.ReadAnyASN1(&value, &tag) {
			return text
		}
		if text != "" {
			text += "+"
		}
		text += attributeName(id) + "=" + escapeValue(directoryString(value[:min(len(value), maxNameBytes)], tag))
	}
	return text
}

// attributeName gives the short names of RFC 4514 section 3, and those that crypto/x509/pkix adds.
func attributeName(id []byte) string {
	switch string(id) {
	case "\x55\x04\x03":
		return "CN"
	case "\x55\x04\x05":
		return "SERIALNUMBER"
	case "\x55\x04\x06":
		return "C"
	case "\x55\x04\x07":
		return "L"
	case "\x55\x04\x08":
		return "ST"
	case "\x55\x04\x09":
		return "STREET"
	case "\x55\x04\x0a":
		return "O"
	case "\x55\x04\x0b":
		return "OU"
	case "\x55\x04\x11":
		return "POSTALCODE"
	case "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19":
		return "DC"
	case "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01":
		return "UID"
	}
	if len(id) > 64 {
		return "#" + hex.EncodeToString(id[:64])
	}
	var builder cryptobyte.Builder
	builder.AddASN1(asn1.OBJECT_IDENTIFIER, func(b *cryptobyte.Builder) { b.AddBytes(id) })
	var dotted encodingasn1.ObjectIdentifier
	encoded := cryptobyte.String(builder.BytesOrPanic())
	if !encoded.ReadASN1ObjectIdentifier(&dotted) {
		return "#" + hex.EncodeToString(id)
	}
	return dotted.String()
}

const (
	tagUniversalString = asn1.Tag(28)
	tagBMPString       = asn1.Tag(30)
)

// directoryString decodes the string types of RFC 5280 section 4.1.2.4. T61String is
// read as Latin-1, as OpenSSL does.
func directoryString(value []byte, tag asn1.Tag) string {
	switch tag {
	case asn1.T61String:
		runes := make([]rune, len(value))
		for i, b := range value {
			runes[i] = rune(b)
		}
		return string(runes)
	case tagBMPString:
		units := make([]uint16, len(value)/2)
		for i := range units {
			units[i] = uint16(value[2*i])<<8 | uint16(value[2*i+1])
		}
		return string(utf16.Decode(units))
	case tagUniversalString:
		runes := make([]rune, len(value)/4)
		for i := range runes {
			unit := value[4*i:]
			runes[i] = rune(unit[0])<<24 | rune(unit[1])<<16 | rune(unit[2])<<8 | rune(unit[3])
		}
		return string(runes)
	default:
		return string(value)
	}
}

// escapeValue escapes what would read as another part of the name (RFC 4514 section 2.4).
func escapeValue(value string) string {
	special := strings.ContainsAny(value, `,+"\<>;`)
	edge := value != "" && (value[0] == '#' || value[0] == ' ' || value[len(value)-1] == ' ')
	if !special && !edge {
		return value
	}
	var escaped strings.Builder
	for i, r := range value {
		if strings.ContainsRune(`,+"\<>;`, r) || i == 0 && (r == '#' || r == ' ') || i > 0 && i == len(value)-1 && r == ' ' {
			escaped.WriteByte('\\')
		}
		escaped.WriteRune(r)
	}
	return escaped.String()
}

// readAltNames collects the DNS names of a subjectAltName (RFC 5280 section 4.2.1.6).
func (c *dated) readAltNames(value cryptobyte.String) {
	var names cryptobyte.String
	if !value.ReadASN1(&names, asn1.SEQUENCE) {
		c.irregular = "the subject alternative names are malformed"
		return
	}
	for !names.Empty() {
		var name cryptobyte.String
		var tag asn1.Tag
		if !names.ReadAnyASN1(&name, &tag) {
			c.irregular = "the subject alternative names are malformed"
			return
		}
		switch {
		case tag != tagDNSName:
		case len(c.dnsNames) == maxDNSNames:
			c.moreNames++
		default:
			c.dnsNames = append(c.dnsNames, clean.Text(string(name), maxNameRunes))
		}
	}
}
