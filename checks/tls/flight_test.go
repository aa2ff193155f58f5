package tls

import (
	"bytes"
	cryptotls "crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"lapsewatch/internal/pki"
)

// overheard is the server's side of a real handshake, with the secret that opens it.
type overheard struct {
	bytes  []byte
	secret []byte
}

func overhear(t testing.TB, version uint16, chain cryptotls.Certificate) overheard {
	t.Helper()
	client, server := net.Pipe()
	served := make(chan struct{})
	go func() {
		defer close(served)
		side := cryptotls.Server(server, &cryptotls.Config{Certificates: []cryptotls.Certificate{chain}, MinVersion: version, MaxVersion: version, SessionTicketsDisabled: true})
		if side.Handshake() == nil {
			_, _ = side.Read(make([]byte, 1))
		}
		_ = server.Close()
	}()
	var secrets keyLog
	recording := &recordingConn{Conn: client}
	if err := cryptotls.Client(recording, &cryptotls.Config{InsecureSkipVerify: true, MinVersion: version, KeyLogWriter: &secrets}).Handshake(); err != nil {
		t.Fatal(err)
	}
	_ = client.Close()
	<-served
	return overheard{bytes: recording.heard.Bytes(), secret: secrets.secret}
}

func testChain(t testing.TB) cryptotls.Certificate {
	t.Helper()
	root, err := pki.NewRoot("root")
	if err != nil {
		t.Fatal(err)
	}
	issuing, err := root.Issue(pki.Spec{CommonName: "issuing", IsCA: true})
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := issuing.Issue(pki.Spec{CommonName: "leaf", NotAfter: time.Date(2031, 5, 6, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	return leaf.TLS()
}

func versions() []uint16 {
	return []uint16{cryptotls.VersionTLS10, cryptotls.VersionTLS11, cryptotls.VersionTLS12, cryptotls.VersionTLS13}
}

func TestAFlightYieldsTheChainOfEveryVersion(t *testing.T) {
	chain := testChain(t)
	for _, version := range versions() {
		t.Run(cryptotls.VersionName(version), func(t *testing.T) {
			heard := overhear(t, version, chain)
			found, err := readFlight(bytes.NewReader(heard.bytes), func() []byte { return heard.secret })
			if err != nil {
				t.Fatal(err)
			}
			if found.version != version || found.truncated || !slices.EqualFunc(found.chain, chain.Certificate, bytes.Equal) {
				t.Errorf("read version %x, %d certificates, truncated %t", found.version, len(found.chain), found.truncated)
			}
		})
	}
}

func TestAFlightOfTLS13StaysClosedWithoutItsSecret(t *testing.T) {
	heard := overhear(t, cryptotls.VersionTLS13, testChain(t))
	wrong := slices.Clone(heard.secret)
	wrong[0] ^= 1
	for name, secret := range map[string]func() []byte{"no secret": nil, "the wrong secret": func() []byte { return wrong }} {
		t.Run(name, func(t *testing.T) {
			if found, err := readFlight(bytes.NewReader(heard.bytes), secret); err == nil || len(found.chain) > 0 {
				t.Errorf("read %d certificates, %v", len(found.chain), err)
			}
		})
	}
}

func TestAFlightThatBreaksOffYieldsWhatHadCome(t *testing.T) {
	chain := testChain(t)
	for range 300 {
		chain.Certificate = append(chain.Certificate, chain.Certificate[1])
	}
	heard := overhear(t, cryptotls.VersionTLS12, testChain(t))
	if _, err := readFlight(bytes.NewReader(heard.bytes[:40]), nil); err == nil {
		t.Error("40 bytes hold no certificate")
	}
	long := overhear(t, cryptotls.VersionTLS12, chain)
	cut := long.bytes[:40_000]
	found, err := readFlight(bytes.NewReader(cut), nil)
	if err != nil || !found.truncated || !bytes.Equal(found.chain[0], chain.Certificate[0]) {
		t.Errorf("read %d certificates, truncated %t, %v", len(found.chain), found.truncated, err)
	}
	if whole, err := readFlight(bytes.NewReader(long.bytes), nil); err != nil || !whole.truncated || len(whole.chain) != maxChain {
		t.Errorf("read %d certificates, truncated %t, %v", len(whole.chain), whole.truncated, err)
	}
}

func TestDatesOfAMalformedCertificate(t *testing.T) {
	whole := testChain(t).Certificate[0]
	trailing := append(slices.Clone(whole), 5, 0)
	if _, err := x509.ParseCertificate(trailing); err == nil {
		t.Fatal("trailing data was to be refused")
	}
	if _, notAfter, ok := validityOf(trailing); !ok || stamp(notAfter) != "2031-05-06T00:00:00Z" {
		t.Errorf("got %s, %t", notAfter, ok)
	}
	if _, _, ok := validityOf(whole[:60]); ok {
		t.Error("a certificate that ends before its dates has none")
	}
}

func FuzzReadFlight(f *testing.F) {
	chain := testChain(f)
	for _, version := range versions() {
		heard := overhear(f, version, chain)
		f.Add(heard.bytes, heard.secret)
		f.Add(heard.bytes[:len(heard.bytes)/2], heard.secret)
	}
	f.Add([]byte{22, 3, 3, 0, 4, 11, 0, 0, 0}, []byte(nil))
	f.Add([]byte{22, 3, 3, 0, 7, 11, 0, 0, 3, 0, 0, 0}, []byte(nil))
	f.Add([]byte{21, 3, 3, 0, 2, 2, 40}, []byte(nil))
	f.Add(hello13("1301"), bytes.Repeat([]byte{1}, 32))
	f.Add(hello13("1302"), []byte(nil))
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), []byte(nil))
	f.Fuzz(func(t *testing.T, answer, secret []byte) {
		found, err := readFlight(bytes.NewReader(answer), func() []byte { return secret })
		if err != nil {
			return
		}
		if len(found.chain) == 0 || len(found.chain) > maxChain {
			t.Fatalf("%d certificates and no error", len(found.chain))
		}
		got, failed := found.served()
		if (failed == nil) != (len(got.chain) > 0) {
			t.Errorf("%d parsed certificates, failure %v", len(got.chain), failed)
		}
		if failed != nil && strings.ContainsAny(failed.Error(), "\r\n\x1b\x00") {
			t.Errorf("the error would steer a terminal: %q", failed)
		}
	})
}

// hello13 is a ServerHello of TLS 1.3 with the given cipher suite, and a record of noise.
func hello13(suite string) []byte {
	body := "0303" + strings.Repeat("00", 32) + "00" + suite + "00" + "0006" + "002b00020304"
	hello, err := hex.DecodeString("160303003202" + "00002e" + body + "1703030020" + strings.Repeat("ab", 32))
	if err != nil {
		panic(err)
	}
	return hello
}

func TestALegacyHelloIsUnderstood(t *testing.T) {
	hello, err := legacyHello("old.example")
	if err != nil {
		t.Fatal(err)
	}
	client, server := net.Pipe()
	defer func() { _ = client.Close() }()
	asked := make(chan *cryptotls.ClientHelloInfo, 1)
	go func() {
		side := cryptotls.Server(server, &cryptotls.Config{GetConfigForClient: func(info *cryptotls.ClientHelloInfo) (*cryptotls.Config, error) {
			asked <- info
			return nil, io.EOF
		}})
		_ = side.Handshake()
		_ = server.Close()
	}()
	if _, err := client.Write(hello); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, client)
	info := <-asked
	if info.ServerName != "old.example" || slices.Max(info.SupportedVersions) != cryptotls.VersionTLS12 || !slices.Contains(info.CipherSuites, 0x0033) || !slices.Contains(info.SupportedCurves, cryptotls.X25519) {
		t.Errorf("understood as %+v", info)
	}
}
