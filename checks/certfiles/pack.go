package certfiles

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"

	"lapsewatch/watch"
)

// The bits of a packed item.
const (
	packedAuthority = 1 << iota
	packedCRL
	packedNoNotAfter
	// packedSerial: the serial number is kept as bytes, half as long.
	packedSerial
)

// pack writes format and s.items in few bytes to s.packed. It reports false when there
// is something that must be looked at anew in each pass: an error, a key store, whose
// passphrase may change, or a kubeconfig, which may refer to other files.
func (s *scratch) pack(format string) bool {
	if format == formatPKCS12 || format == formatKubeconfig {
		return false
	}
	s.packed = appendText(s.packed[:0], format)
	for i := range s.items {
		item := &s.items[i]
		if item.err != nil || item.place != "" {
			return false
		}
		// Authorities recur in bundle after bundle, so they are shared as a whole.
		s.body = s.packItem(s.body[:0], item)
		number := uint64(0)
		if item.authority {
			number = s.check.cache.shared.number(s.body)
		}
		s.packed = binary.AppendUvarint(s.packed, number)
		if number == 0 {
			s.packed = append(s.packed, s.body...)
		}
	}
	return true
}

func (s *scratch) packItem(into []byte, item *held) []byte {
	var flags byte
	if item.authority {
		flags |= packedAuthority
	}
	if item.form == watch.CRL {
		flags |= packedCRL
	}
	if item.notAfter.IsZero() {
		flags |= packedNoNotAfter
	}
	serial, err := hex.DecodeString(item.serial)
	if err == nil {
		flags |= packedSerial
	} else {
		serial = []byte(item.serial)
	}
	into = append(into, flags)
	into = append(into, item.fingerprint[:]...)
	into = binary.AppendVarint(into, item.notBefore.Unix())
	into = binary.AppendVarint(into, item.notAfter.Unix())
	into = appendText(into, serial)
	into = appendText(into, item.subject)
	into = s.appendShared(into, []byte(item.issuer))
	into = appendText(into, item.irregular)
	into = binary.AppendUvarint(into, uint64(item.moreNames))
	into = binary.AppendUvarint(into, uint64(len(item.dnsNames)))
	for _, name := range item.dnsNames {
		into = appendText(into, name)
	}
	return into
}

func appendText[T string | []byte](into []byte, text T) []byte {
	return append(binary.AppendUvarint(into, uint64(len(text))), text...)
}

// appendShared writes the number of a shared text, or 0 and the text itself.
func (s *scratch) appendShared(into, text []byte) []byte {
	number := s.check.cache.shared.number(text)
	into = binary.AppendUvarint(into, number)
	if number == 0 {
		into = appendText(into, text)
	}
	return into
}

// unpack reads what pack wrote back into s.items. The texts share packed's memory.
func (s *scratch) unpack(packed string) (format string) {
	in := unpacker{packed, &s.check.cache.shared}
	format = in.text()
	for number := 1; in.rest != ""; number++ {
		s.items = append(s.items, held{number: number})
		item := &s.items[number-1].dated
		if shared := in.uvarint(); shared != 0 {
			body := unpacker{in.shared.text(shared), in.shared}
			body.item(item)
		} else {
			in.item(item)
		}
	}
	return format
}

type unpacker struct {
	rest   string
	shared *sharedTexts
}

func (u *unpacker) item(into *dated) {
	flags := u.bytes(1)[0]
	into.form, into.authority = watch.Certificate, flags&packedAuthority != 0
	if flags&packedCRL != 0 {
		into.form = watch.CRL
	}
	copy(into.fingerprint[:], u.bytes(sha256.Size))
	into.notBefore = time.Unix(u.varint(), 0).UTC()
	into.notAfter = time.Unix(u.varint(), 0).UTC()
	if flags&packedNoNotAfter != 0 {
		into.notAfter = time.Time{}
	}
	into.serial = u.text()
	if flags&packedSerial != 0 {
		into.serial = hex.EncodeToString([]byte(into.serial))
	}
	into.subject, into.issuer, into.irregular = u.text(), u.sharedText(), u.text()
	into.moreNames = int(u.uvarint())
	if names := u.uvarint(); names > 0 {
		into.dnsNames = make([]string, names)
	}
	for i := range into.dnsNames {
		into.dnsNames[i] = u.text()
	}
}

func (u *unpacker) bytes(n int) string {
	taken := u.rest[:n]
	u.rest = u.rest[n:]
	return taken
}

func (u *unpacker) text() string { return u.bytes(int(u.uvarint())) }

func (u *unpacker) sharedText() string {
	if number := u.uvarint(); number != 0 {
		return u.shared.text(number)
	}
	return u.text()
}

func (u *unpacker) uvarint() uint64 {
	for i, value := 0, uint64(0); ; i++ {
		value |= uint64(u.rest[i]&0x7f) << (7 * i)
		if u.rest[i] < 0x80 {
			u.rest = u.rest[i+1:]
			return value
		}
	}
}

// varint undoes the zigzag of binary.AppendVarint.
func (u *unpacker) varint() int64 {
	value := u.uvarint()
	return int64(value>>1) ^ -int64(value&1)
}
