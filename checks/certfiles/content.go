package certfiles

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"lapsewatch/watch"
)

// held is one thing that a file holds, or the reason why it could not be read.
type held struct {
	dated
	// place tells containers within the file apart, where they have names that last:
	// `alias "web"` of a Java keystore, `user "admin"` of a kubeconfig.
	place string
	// number counts the certificates and CRLs of a place from 1, unreadable ones too.
	number int
	reason watch.Reason
	err    error
	remedy string
	// hidesMore: what could not be read may have held more of the place than one.
	hidesMore bool
	// referenced is the file that a kubeconfig refers to.
	referenced string
	contexts   []string
}

// The formats, in the words of reports.
const (
	formatPEM        = "PEM"
	formatDER        = "DER"
	formatPKCS7      = "PKCS #7"
	formatPKCS12     = "PKCS #12"
	formatJKS        = "Java keystore"
	formatKubeconfig = "kubeconfig"
)

var (
	errUnknownFormat = errors.New("is neither PEM nor DER, nor a key store, kubeconfig or CRL that can be read")
	errNotKubeconfig = errors.New("is not a kubeconfig: its kind is not Config")
	errBouncyCastle  = errors.New("is a BKS key store of Bouncy Castle, which is not read")
	errUTF16         = errors.New("is UTF-16 text")
)

// namedForCertificates reports whether a file's name promises certificates, so that it
// is never passed over without a word.
func namedForCertificates(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".pem", ".crt", ".cer", ".cert", ".der", ".ca-bundle", ".p7b", ".p7c", ".p12", ".pfx", ".pkcs12",
		".jks", ".jceks", ".bks", ".keystore", ".truststore", ".crl", ".kubeconfig":
		return true
	}
	return false
}

// namedForKeys reports whether a file's name says that it is a private key, which is not
// opened in a folder.
func namedForKeys(path string) bool {
	return strings.EqualFold(filepath.Ext(path), ".key")
}

// sniffLength is how much is read of a file whose name promises nothing.
const sniffLength = 16 << 10

// mayHold judges a file by its first bytes.
func mayHold(head []byte) bool {
	return bytes.HasPrefix(head, []byte(magicJKS)) || bytes.HasPrefix(head, []byte(magicJCEKS)) ||
		startsSequence(head) || looksLikeKubeconfig(head) ||
		bytes.Contains(head, pemBegin) && slices.ContainsFunc(pemMarkers, func(m []byte) bool { return bytes.Contains(head, m) })
}

// startsSequence recognises the beginning of a DER SEQUENCE of at least 128 bytes.
func startsSequence(head []byte) bool {
	return len(head) > 2 && head[0] == byte(asn1.SEQUENCE) && head[1] >= 0x81 && head[1] <= 0x84
}

var utf8BOM = []byte("\xef\xbb\xbf")

// decode reads everything dated in a file into s.items and names the file's format. It
// returns an error when the file as a whole could not be made out. No items and no
// error means that the file holds something else, such as a key.
func (s *scratch) decode(file source, data []byte) (format string, err error) {
	s.items = s.items[:0]
	data = bytes.TrimPrefix(data, utf8BOM)
	switch {
	case bytes.HasPrefix(data, []byte(magicJKS)) || bytes.HasPrefix(data, []byte(magicJCEKS)):
		s.decodeJKS(data)
		return formatJKS, nil
	case s.decodePEM(data, file.expected()):
		return formatPEM, nil
	case looksLikeKubeconfig(data):
		return s.decodeKubeconfig(file, data)
	case bytes.HasPrefix(data, []byte{byte(asn1.SEQUENCE)}):
		return s.decodeDER(file, data)
	case bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")):
		return "", errUTF16
	case isBouncyCastle(file.path, data):
		return "", &unopened{watch.Unparsable, errBouncyCastle, remedyConvertBKS}
	}
	return "", errUnknownFormat
}

// maxItems bounds what a hostile file can make of a pass.
const maxItems = 10_000

var errTooMany = fmt.Errorf("holds more than %d certificates: the rest was not read", maxItems)

// keep adds an item, and reports false when the file has more than are taken.
func (s *scratch) keep(item held) bool {
	item.number = len(s.items) + 1
	if item.number > maxItems {
		item = held{number: item.number, reason: watch.TooLarge, err: errTooMany, hidesMore: true}
	}
	s.items = append(s.items, item)
	return item.number <= maxItems
}

// keepUnreadable records that one thing among others could not be read.
func (s *scratch) keepUnreadable(item dated, err error) bool {
	return s.keep(held{dated: item, reason: watch.Unparsable, err: err})
}

// decodePEM reads the certificates, CRLs and PKCS #7 of a PEM file and steps over keys,
// requests and parameters. What looks like a damaged block is told if something is
// expected of the file: elsewhere it may be prose. It reports whether there was any of
// these.
func (s *scratch) decodePEM(data []byte, expected bool) bool {
	s.pem.reset(data)
	from := len(s.items)
	for {
		block, more := s.pem.next(pemWanted)
		if _, damaged := errors.AsType[*damagedLine](block.err); damaged && !expected {
			continue
		}
		if !more || !s.keepBlock(block) {
			return s.pem.known > 0 || len(s.items) > from
		}
	}
}

func (s *scratch) keepBlock(block pemBlock) bool {
	if block.err != nil && block.label == "" {
		return s.keepUnreadable(dated{}, block.err)
	}
	if block.err != nil {
		return s.keepUnreadable(dated{}, fmt.Errorf("read PEM block %q: %w", block.label, block.err))
	}
	switch block.label {
	case "X509 CRL":
		return s.keepFirst(readCRL(block.der))
	case "PKCS7", "CMS":
		if err := s.decodePKCS7(block.der); err != nil {
			return s.keep(held{reason: watch.Unparsable, err: err, hidesMore: true})
		}
		return len(s.items) <= maxItems
	default:
		return s.keepFirst(readCertificate(block.der))
	}
}

var pemMarkers = [][]byte{
	[]byte("BEGIN CERTIFICATE-----"), []byte("BEGIN X509 CERTIFICATE-----"), []byte("BEGIN TRUSTED CERTIFICATE-----"),
	[]byte("BEGIN X509 CRL-----"), []byte("BEGIN PKCS7-----"), []byte("BEGIN CMS-----"),
}

func pemWanted(label []byte) bool {
	switch string(label) {
	case "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE", "X509 CRL", "PKCS7", "CMS":
		return true
	}
	return false
}

// pemOther recognises the labels of what may well stand in such a file and has no date.
func pemOther(label []byte) bool {
	label = bytes.ToUpper(label)
	return bytes.Contains(label, []byte("KEY")) || bytes.Contains(label, []byte("PARAMETERS")) || bytes.Contains(label, []byte("PGP ")) ||
		bytes.HasSuffix(label, []byte("REQUEST")) || bytes.HasSuffix(label, []byte("SIGNATURE")) || bytes.HasSuffix(label, []byte("ECHCONFIG"))
}

func (s *scratch) keepFirst(item dated, _ []byte, err error) bool {
	if err != nil {
		return s.keepUnreadable(item, err)
	}
	return s.keep(held{dated: item})
}

// keepAll reads concatenated DER elements; OpenSSL too passes over what else follows.
func (s *scratch) keepAll(der []byte, read func([]byte) (dated, []byte, error)) {
	for more := true; more && startsSequence(der); {
		item, rest, err := read(der)
		more = s.keepFirst(item, rest, err)
		der = rest
	}
}

func (s *scratch) decodePKCS7(der []byte) error {
	certificates, lists, err := openPKCS7(der)
	if err != nil {
		return err
	}
	s.keepAll(certificates, readCertificate)
	s.keepAll(lists, readCRL)
	return nil
}

// decodeDER finds out by trying what a DER file is: the structures exclude each other.
func (s *scratch) decodeDER(file source, data []byte) (string, error) {
	if _, _, err := readCertificate(data); !errors.Is(err, errNotCertificate) {
		s.keepAll(data, readCertificate)
		return formatDER, nil
	}
	if _, _, err := readCRL(data); !errors.Is(err, errNotCRL) {
		s.keepAll(data, readCRL)
		return formatDER, nil
	}
	if err := s.decodePKCS7(data); !errors.Is(err, errNotPKCS7) {
		return formatPKCS7, err
	}
	if isKeyMaterial(data) {
		return formatDER, nil
	}
	if err := s.decodePKCS12(file, data); !errors.Is(err, errNotPKCS12) {
		return formatPKCS12, err
	}
	return "", errUnknownFormat
}

// isKeyMaterial recognises, without reading them, a private key (PKCS #1, SEC 1,
// PKCS #8), an encrypted or public key, and a certificate request.
func isKeyMaterial(data []byte) bool {
	rest := cryptobyte.String(data)
	var outer, first cryptobyte.String
	var version int
	if !rest.ReadASN1(&outer, asn1.SEQUENCE) || !rest.Empty() {
		return false
	}
	if outer.PeekASN1Tag(asn1.INTEGER) {
		return outer.ReadASN1Integer(&version) && version <= 1
	}
	if !outer.ReadASN1(&first, asn1.SEQUENCE) {
		return false
	}
	if first.PeekASN1Tag(asn1.OBJECT_IDENTIFIER) {
		return outer.PeekASN1Tag(asn1.BIT_STRING) || outer.PeekASN1Tag(asn1.OCTET_STRING)
	}
	return first.ReadASN1Integer(&version) && version == 0 && first.SkipASN1(asn1.SEQUENCE) &&
		first.SkipASN1(asn1.SEQUENCE) && first.PeekASN1Tag(asn1.Tag(0).Constructed().ContextSpecific())
}
