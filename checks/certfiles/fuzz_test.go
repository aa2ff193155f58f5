package certfiles

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func fuzzScratch() *scratch {
	options := defaults()
	options.Paths = []string{"/nonexistent"}
	check, err := New(options, testEnv())
	if err != nil {
		panic(err)
	}
	return &scratch{check: check.(*Check)}
}

// readBack holds what is remembered of a file to what was read.
func readBack(t *testing.T, s *scratch, format string) {
	t.Helper()
	if !s.pack(format) {
		return
	}
	first := append([]held(nil), s.items...)
	s.items = s.items[:0]
	if again := s.unpack(string(s.packed)); again != format || len(first) != len(s.items) {
		t.Fatalf("%s with %d items came back as %s with %d", format, len(first), again, len(s.items))
	}
	for i := range first {
		if !reflect.DeepEqual(first[i], s.items[i]) {
			t.Fatalf("remembered\n  %+v\nas\n  %+v", first[i], s.items[i])
		}
	}
}

func FuzzPEM(f *testing.F) {
	leaf := issue(f, "fuzz.example.com", june)
	one := certPEM(leaf.Cert.Raw)
	f.Add([]byte(one))
	f.Add([]byte(keyPEM(f, leaf) + one + certPEM(authority(f).Cert.Raw)))
	f.Add([]byte(strings.ReplaceAll(one, "\n", "\r\n")))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nA: b\n\nAAAA\n-----END CERTIFICATE-----"))
	f.Add([]byte("-----BEGIN X509 CRL-----\n-----END X509 CRL-----\n-----BEGIN PKCS7-----\nMIIB\n-----END PKCS7-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := fuzzScratch()
		s.decodePEM(data, true)
		readBack(t, s, formatPEM)
		// Whatever encoding/pem finds must be found, and be the same.
		var ours [][]byte
		var blocks pemBlocks
		for blocks.reset(data); ; {
			block, more := blocks.next(pemWanted)
			if !more {
				break
			}
			if block.err == nil {
				ours = append(ours, bytes.Clone(block.der))
			}
		}
		for rest := data; ; {
			var block *pem.Block
			if block, rest = pem.Decode(rest); block == nil {
				return
			}
			if !pemWanted([]byte(block.Type)) || len(block.Bytes) == 0 {
				continue
			}
			for len(ours) > 0 && !bytes.Equal(ours[0], block.Bytes) {
				ours = ours[1:]
			}
			if len(ours) == 0 {
				t.Fatalf("encoding/pem finds %x in %q and we do not", block.Bytes, data)
			}
			ours = ours[1:]
		}
	})
}

func FuzzCertificate(f *testing.F) {
	f.Add(issue(f, "fuzz.example.com", june).Cert.Raw)
	f.Add(authority(f).Cert.Raw)
	f.Add(odd(f, func(c *tbs) { c.Serial = integer(0x80, 1); c.Extensions = append(c.Extensions, c.Extensions[0]) }))
	f.Add(odd(f, func(c *tbs) { c.Validity.NotAfter = generalized("99991231235959Z") }))
	f.Fuzz(func(t *testing.T, der []byte) {
		compareWithStandardLibrary(t, der)
		s := fuzzScratch()
		if format, err := s.decodeDER(source{path: "x"}, der); err == nil {
			readBack(t, s, format)
		}
	})
}

func FuzzCRL(f *testing.F) {
	f.Add(crl(f, june))
	f.Fuzz(func(t *testing.T, der []byte) {
		got, _, err := readCRL(der)
		want, wantErr := x509.ParseRevocationList(der)
		if wantErr != nil {
			return
		}
		if err != nil || !got.notBefore.Equal(want.ThisUpdate) || !got.notAfter.Equal(want.NextUpdate) {
			t.Errorf("crypto/x509 reads %x as %s to %s, we as %s to %s, %v", der, want.ThisUpdate, want.NextUpdate, got.notBefore, got.notAfter, err)
		}
	})
}

func FuzzPKCS7(f *testing.F) {
	f.Add([]byte{0x30, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02})
	f.Fuzz(func(_ *testing.T, der []byte) { _ = fuzzScratch().decodePKCS7(der) })
}

func FuzzPKCS12(f *testing.F) {
	f.Add(samples(f)["p12"], "")
	f.Add([]byte(nested(100)), "x")
	f.Fuzz(func(_ *testing.T, data []byte, passphrase string) { _, _ = openPKCS12(data, []string{passphrase}) })
}

func FuzzJKS(f *testing.F) {
	f.Add(samples(f)["jks"])
	f.Add([]byte(magicJCEKS + "\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x03\x00\x01a"))
	f.Fuzz(func(t *testing.T, data []byte) {
		stored, err := openJKS(data)
		for _, certificate := range stored {
			if len(certificate.der) > len(data) || certificate.position < 1 {
				t.Errorf("%+v, %v", certificate, err)
			}
		}
	})
}

func FuzzKubeconfig(f *testing.F) {
	f.Add(samples(f)["kubeconfig"])
	f.Add([]byte(`{"apiVersion":"v1","kind":"Config","clusters":[{"name":"a","cluster":{"certificate-authority":"ca.crt"}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := openKubeconfig(filepath.Join("folder", "config"), data)
		roles := map[string]bool{}
		for _, entry := range entries {
			if roles[entry.role] || entry.embedded == "" && entry.file == "" {
				t.Errorf("%+v, %v", entry, err)
			}
			roles[entry.role] = true
		}
	})
}
