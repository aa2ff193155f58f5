package tls_test

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	cryptotls "crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/tls"
	"lapsewatch/internal/parts"
	"lapsewatch/internal/pki"
	"lapsewatch/watch"
)

func rsaLeaf(t testing.TB, root pki.Pair, bits int) cryptotls.Certificate {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return made(root.Issue(pki.Spec{CommonName: "old.example", Names: []string{"old.example"}, NotAfter: day("2031-05-06"), Key: key}))(t).TLS()
}

func TestOldAndNarrowServersAreRead(t *testing.T) {
	root := newRoot(t, "test root")
	ecdsa := made(root.Issue(pki.Spec{CommonName: "old.example", Names: []string{"old.example"}, NotAfter: day("2031-05-06")}))(t).TLS()
	rsa := rsaLeaf(t, root, 2048)
	tests := []struct {
		name           string
		config         *cryptotls.Config
		chain          cryptotls.Certificate
		version, suite string
	}{
		{"TLS 1.0 only", &cryptotls.Config{MinVersion: cryptotls.VersionTLS10, MaxVersion: cryptotls.VersionTLS10}, rsa, "TLS 1.0", ""},
		{"TLS 1.1 only", &cryptotls.Config{MinVersion: cryptotls.VersionTLS11, MaxVersion: cryptotls.VersionTLS11}, ecdsa, "TLS 1.1", ""},
		{"TLS 1.3 only", &cryptotls.Config{MinVersion: cryptotls.VersionTLS13}, ecdsa, "TLS 1.3", ""},
		{"RSA key exchange only", &cryptotls.Config{MaxVersion: cryptotls.VersionTLS12, CipherSuites: []uint16{cryptotls.TLS_RSA_WITH_AES_128_CBC_SHA}}, rsa, "TLS 1.2", "TLS_RSA_WITH_AES_128_CBC_SHA"},
		{"3DES only", &cryptotls.Config{MaxVersion: cryptotls.VersionTLS12, CipherSuites: []uint16{cryptotls.TLS_RSA_WITH_3DES_EDE_CBC_SHA}}, rsa, "TLS 1.2", "TLS_RSA_WITH_3DES_EDE_CBC_SHA"},
		{"RC4 only", &cryptotls.Config{MaxVersion: cryptotls.VersionTLS12, CipherSuites: []uint16{cryptotls.TLS_RSA_WITH_RC4_128_SHA}}, rsa, "TLS 1.2", "TLS_RSA_WITH_RC4_128_SHA"},
		{"X25519 only", &cryptotls.Config{CurvePreferences: []cryptotls.CurveID{cryptotls.X25519}}, ecdsa, "TLS 1.3", ""},
		{"P-384 only", &cryptotls.Config{CurvePreferences: []cryptotls.CurveID{cryptotls.CurveP384}}, ecdsa, "TLS 1.3", ""},
		{"post-quantum key exchange only", &cryptotls.Config{CurvePreferences: []cryptotls.CurveID{cryptotls.X25519MLKEM768}}, ecdsa, "TLS 1.3", ""},
		{"an RSA key of 1024 bits", &cryptotls.Config{}, rsaLeaf(t, root, 1024), "TLS 1.3", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.config.Certificates = []cryptotls.Certificate{test.chain}
			address := peer(t, test.config)
			credential := credentialOf(t, collect(t, testEnv(), tls.Options{Targets: []tls.Target{at("old.example", address)}, Trust: trusting(t, root)}))
			if !credential.NotAfter.Equal(day("2031-05-06")) {
				t.Errorf("notAfter is %s", credential.NotAfter)
			}
			wantObserved(t, credential)
			if got := credential.Details["tls_version"]; got != test.version {
				t.Errorf("tls_version is %v, want %s", got, test.version)
			}
			if got := credential.Details["cipher_suite"]; test.suite != "" && got != test.suite {
				t.Errorf("cipher_suite is %v, want %s", got, test.suite)
			}
		})
	}
}

func TestAnRSAKeyOf16384BitsIsRead(t *testing.T) {
	content, err := os.ReadFile("testdata/rsa16384.key.pem")
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(content)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	root := newRoot(t, "test root")
	leaf := made(root.Issue(pki.Spec{CommonName: "big.example", Names: []string{"big.example"}, NotAfter: day("2031-05-06"), Key: key.(*rsa.PrivateKey)}))(t)
	env := testEnv()
	env.Timeout = time.Minute // the server signs for seconds
	credential := credentialOf(t, collect(t, env, tls.Options{Targets: []tls.Target{at("big.example", presenting(t, leaf.TLS()))}, Trust: trusting(t, root)}))
	wantObserved(t, credential)
	if credential.Details["key"] != "RSA 16384" || !credential.NotAfter.Equal(day("2031-05-06")) {
		t.Errorf("key %v, notAfter %s", credential.Details["key"], credential.NotAfter)
	}
}

func TestAServerThatWantsAClientCertificateIsRead(t *testing.T) {
	root := newRoot(t, "test root")
	leaf := made(root.Issue(pki.Spec{CommonName: "mtls.example", Names: []string{"mtls.example"}, NotAfter: day("2031-05-06")}))(t)
	tests := []struct {
		name    string
		version uint16
		auth    cryptotls.ClientAuthType
		said    string
	}{
		{"TLS 1.2 insists", cryptotls.VersionTLS12, cryptotls.RequireAndVerifyClientCert, "required"},
		{"TLS 1.2 asks", cryptotls.VersionTLS12, cryptotls.RequestClientCert, "requested"},
		{"TLS 1.3 insists, which shows only later", cryptotls.VersionTLS13, cryptotls.RequireAnyClientCert, "requested"},
		{"TLS 1.3 asks", cryptotls.VersionTLS13, cryptotls.RequestClientCert, "requested"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			address := peer(t, &cryptotls.Config{
				Certificates: []cryptotls.Certificate{leaf.TLS()}, ClientAuth: test.auth, ClientCAs: root.Pool(),
				MinVersion: test.version, MaxVersion: test.version,
			})
			credential := credentialOf(t, collect(t, testEnv(), tls.Options{Targets: []tls.Target{at("mtls.example", address)}, Trust: trusting(t, root)}))
			wantObserved(t, credential)
			if !credential.NotAfter.Equal(day("2031-05-06")) || credential.Details["client_certificate"] != test.said {
				t.Errorf("notAfter %s, client_certificate %v, want %s", credential.NotAfter, credential.Details["client_certificate"], test.said)
			}
		})
	}
}

func TestAServerThatCannotBearModernHellosIsReadAsByAnOldClient(t *testing.T) {
	root := newRoot(t, "test root")
	leaf := made(root.Issue(pki.Spec{CommonName: "old.example", Names: []string{"old.example"}, NotAfter: day("2031-05-06")}))(t).TLS()
	address := peer(t, &cryptotls.Config{Certificates: []cryptotls.Certificate{leaf}, GetConfigForClient: func(hello *cryptotls.ClientHelloInfo) (*cryptotls.Config, error) {
		if slices.Contains(hello.SupportedVersions, cryptotls.VersionTLS13) {
			return nil, errors.New("what is this?")
		}
		return nil, nil
	}})
	credential := credentialOf(t, collect(t, testEnv(), tls.Options{Targets: []tls.Target{at("old.example", address)}, Trust: trusting(t, root)}))
	if !credential.NotAfter.Equal(day("2031-05-06")) || credential.Details["tls_version"] != "TLS 1.2" {
		t.Errorf("notAfter %s over %v", credential.NotAfter, credential.Details["tls_version"])
	}
	wantObserved(t, credential)
}

func TestAServerThatDoesNotProveToHoldTheKeyIsNamed(t *testing.T) {
	root := newRoot(t, "test root")
	rsaKey := func(bits int) crypto.Signer { return rsaLeaf(t, root, bits).PrivateKey.(crypto.Signer) }
	ed25519Key := func() crypto.Signer {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	ecdsaKey := func() crypto.Signer { return made(root.Issue(pki.Spec{}))(t).Key }
	const refuted = "was presented by a server that does not hold its private key"
	const badSignature = "tls: invalid signature by the server certificate: "
	tls13 := &cryptotls.Config{MinVersion: cryptotls.VersionTLS13}
	tls12 := &cryptotls.Config{MaxVersion: cryptotls.VersionTLS12}
	rsaExchange := &cryptotls.Config{MaxVersion: cryptotls.VersionTLS12, CipherSuites: []uint16{cryptotls.TLS_RSA_WITH_AES_128_CBC_SHA}}
	// A server answers with another alert where the message is no number below its modulus.
	modulus := func(key crypto.Signer) *big.Int { return key.Public().(*rsa.PublicKey).N }
	smaller, larger := rsaKey(2048), rsaKey(2048)
	if modulus(smaller).Cmp(modulus(larger)) > 0 {
		smaller, larger = larger, smaller
	}
	tests := []struct {
		name      string
		config    *cryptotls.Config
		own, used crypto.Signer
		want      string
	}{
		{"ECDSA over TLS 1.3", tls13, ecdsaKey(), ecdsaKey(), refuted + ": TLS handshake with ADDRESS: " + badSignature + "ECDSA verification failure"},
		{"ECDSA over TLS 1.2", tls12, ecdsaKey(), ecdsaKey(), refuted + ": TLS handshake with ADDRESS: " + badSignature + "ECDSA verification failure"},
		{"Ed25519 over TLS 1.3", tls13, ed25519Key(), ed25519Key(), refuted + ": TLS handshake with ADDRESS: " + badSignature + "Ed25519 verification failure"},
		{"RSA over TLS 1.3", tls13, rsaKey(2048), rsaKey(2048), refuted + ": TLS handshake with ADDRESS: " + badSignature + "crypto/rsa: verification error"},
		{"RSA over TLS 1.2", tls12, rsaKey(2048), rsaKey(2048), refuted + ": TLS handshake with ADDRESS: " + badSignature + "crypto/rsa: verification error"},
		{"RSA key exchange, which the server cannot decrypt", rsaExchange, smaller, larger, `was presented in a handshake that the server did not end, so that it did not prove to hold the private key: TLS handshake with ADDRESS: the server sent the alert "bad record MAC"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			leaf := made(root.Issue(pki.Spec{CommonName: "real.example", Names: []string{"real.example"}, NotAfter: day("2031-05-06"), Key: test.own}))(t).TLS()
			leaf.PrivateKey = test.used
			config := test.config.Clone()
			config.Certificates = []cryptotls.Certificate{leaf}
			address := peer(t, config)
			credential := credentialOf(t, collect(t, testEnv(), tls.Options{Targets: []tls.Target{at("real.example", address)}, Trust: trusting(t, root)}))
			if !credential.NotAfter.Equal(day("2031-05-06")) {
				t.Errorf("notAfter is %s", credential.NotAfter)
			}
			wantObserved(t, credential, "key_not_proven: "+strings.ReplaceAll(test.want, "ADDRESS", address.String()))
		})
	}
}

func TestAKeyThatThisClientRefusesIsNotHeldAgainstTheServersProof(t *testing.T) {
	t.Setenv("GODEBUG", os.Getenv("GODEBUG")+",rsa1024min=0") // to make such a key, not to read it
	weak, err := rsa.GenerateKey(rand.Reader, 512)
	if err != nil {
		t.Fatal(err)
	}
	pair := made(pki.SelfSigned(pki.Spec{CommonName: "weak.example", Names: []string{"weak.example"}, NotAfter: day("2031-05-06"), Key: weak}))(t)
	address := parts.OpenSSL(t, pair, "-tls1_2", "-cipher", "DEFAULT:@SECLEVEL=0")
	t.Setenv("GODEBUG", "")
	target := at("weak.example", netip.MustParseAddrPort(address))
	credential := credentialOf(t, collect(t, testEnv(), tls.Options{Targets: []tls.Target{target}, Trust: trusting(t, newRoot(t, "test root"))}))
	if !credential.NotAfter.Equal(day("2031-05-06")) || credential.Details["key"] != "RSA 512" {
		t.Errorf("notAfter %s, key %v", credential.NotAfter, credential.Details["key"])
	}
	wantObserved(t, credential,
		"self_signed: is self-signed",
		"key_not_proven: was presented in a handshake that this client refused to go on with, as others may: TLS handshake with "+address+": tls: invalid signature by the server certificate: crypto/rsa: 512-bit keys are insecure (see https://go.dev/pkg/crypto/rsa#hdr-Minimum_key_size)")
}

func TestServersThatCannotBeRead(t *testing.T) {
	say := func(text string) func(net.Conn) {
		return func(conn net.Conn) {
			_, _ = io.WriteString(conn, text)
			_, _ = io.Copy(io.Discard, conn)
		}
	}
	tests := []struct {
		name   string
		talk   func(net.Conn)
		reason watch.Reason
		// text follows the address.
		text string
	}{
		{"plain HTTP", say("HTTP/1.1 400 Bad Request\r\n\r\n"), watch.NotTLS, " answers in plain HTTP and not TLS"},
		{"a mail server on its plain port", say("220 mail.example ESMTP\r\n"), watch.NotTLS, " answers as a mail or FTP server and not TLS"},
		{"SSH", say("SSH-2.0-OpenSSH_9.2\r\n"), watch.NotTLS, " answers as an SSH server and not TLS"},
		{"a banner that would steer a terminal", say("\x1b[2J\u202e!"), watch.NotTLS, ` answers with "` + "\uFFFD[2J\uFFFD" + `" and not TLS`},
		{"endless garbage", func(conn net.Conn) {
			for {
				if _, err := conn.Write(make([]byte, 32<<10)); err != nil {
					return
				}
			}
		}, watch.NotTLS, ` answers with "` + "\uFFFD" + `" and not TLS`},
		{"endless empty records of TLS", func(conn net.Conn) {
			for {
				if _, err := conn.Write([]byte{22, 3, 3, 0, 0}); err != nil {
					return
				}
			}
		}, watch.HandshakeFailed, ": tls: unexpected message"},
		{"a server that hangs up", func(conn net.Conn) { _, _ = conn.Read(make([]byte, 1)) }, watch.HandshakeFailed, ""},
		{"a server that resets", func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 1))
			_ = conn.(*net.TCPConn).SetLinger(0)
		}, watch.HandshakeFailed, ": connection reset by peer"},
		{"a server that says goodbye at once", func(conn net.Conn) {}, watch.HandshakeFailed, ""},
		{"an alert", func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 4096))
			_, _ = conn.Write([]byte{21, 3, 3, 0, 2, 2, 112})
		}, watch.HandshakeFailed, `: the server sent the alert "unrecognized name"`},
		{"a slow loris", dribble, watch.TimedOut, ": no answer within 500ms, asked twice"},
		{"a server that takes the connection and never answers", func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }, watch.TimedOut, ": no answer within 500ms, asked twice"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			address := talker(t, test.talk)
			options := tls.Options{Targets: []tls.Target{at("bad.example", address)}, Trust: tls.Trust{System: true}, Timeout: watch.Duration(500 * time.Millisecond)}
			problem := problemOf(t, collect(t, testEnv(), options))
			if problem.Reason != test.reason || !problem.Confined {
				t.Errorf("reason is %s (confined %t), want %s", problem.Reason, problem.Confined, test.reason)
			}
			if want := address.String() + test.text; !strings.HasSuffix(strings.TrimPrefix(problem.Err.Error(), "TLS handshake with "), want) && test.text != "" {
				t.Errorf("got %q, want …%q", problem.Err, want)
			}
			if problem.Subject.Name != fmt.Sprintf("bad.example:%d", address.Port()) || problem.Details["address"] != address.String() {
				t.Errorf("subject %q, address %v", problem.Subject.Name, problem.Details["address"])
			}
		})
	}
}

func unroutable() error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ENETUNREACH)}
}

func TestEndpointsThatCannotBeReached(t *testing.T) {
	closed := talker(t, func(net.Conn) {})
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refusing := netip.MustParseAddrPort(socket.Addr().String())
	_ = socket.Close()
	unrouted := testEnv()
	unrouted.Dial = func(_ context.Context, _, _ string) (net.Conn, error) {
		return nil, unroutable()
	}
	blackHole := testEnv()
	blackHole.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
	}
	tests := []struct {
		name    string
		env     checks.Env
		address netip.AddrPort
		reason  watch.Reason
		text    string
	}{
		{"nothing listens", testEnv(), refusing, watch.Refused, "connect to " + refusing.String() + ": connection refused"},
		{"a black hole", blackHole, closed, watch.TimedOut, "connect to " + closed.String() + ": no answer within 300ms, asked twice"},
		{"no route", unrouted, netip.MustParseAddrPort("240.0.0.1:443"), watch.Unreachable, "connect to 240.0.0.1:443: network is unreachable"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			options := tls.Options{Targets: []tls.Target{at("gone.example", test.address)}, Trust: tls.Trust{System: true}, Timeout: watch.Duration(300 * time.Millisecond)}
			problem := problemOf(t, collect(t, test.env, options))
			if problem.Reason != test.reason || problem.Err.Error() != test.text || !problem.Confined {
				t.Errorf("got %s (confined %t): %v\nwant %s: %s", problem.Reason, problem.Confined, problem.Err, test.reason, test.text)
			}
		})
	}
}

func TestACertificateBesideTheLeafThatCannotBeParsed(t *testing.T) {
	root := newRoot(t, "test root")
	for _, version := range []uint16{cryptotls.VersionTLS12, cryptotls.VersionTLS13} {
		t.Run(cryptotls.VersionName(version), func(t *testing.T) {
			chain := made(root.Issue(pki.Spec{CommonName: "a.example", Names: []string{"a.example"}, NotAfter: day("2031-05-06")}))(t).TLS()
			chain.Certificate = append(chain.Certificate, []byte("no DER"))
			address := peer(t, &cryptotls.Config{Certificates: []cryptotls.Certificate{chain}, MinVersion: version, MaxVersion: version})
			credential := credentialOf(t, collect(t, testEnv(), tls.Options{Targets: []tls.Target{at("a.example", address)}, Trust: trusting(t, root)}))
			if !credential.NotAfter.Equal(day("2031-05-06")) {
				t.Errorf("notAfter is %s", credential.NotAfter)
			}
			wantObserved(t, credential, "chain_broken: comes with a certificate (sha256:b33049fe0536181355219303c1eaa9fb75a76218317a0fd73aad082a52659414) that cannot be parsed: x509: malformed certificate")
		})
	}
}

func TestAChainBeyondTheLimitOfClientsStillYieldsTheLeaf(t *testing.T) {
	root := newRoot(t, "test root")
	for _, version := range []uint16{cryptotls.VersionTLS12, cryptotls.VersionTLS13} {
		t.Run(cryptotls.VersionName(version), func(t *testing.T) {
			chain := made(root.Issue(pki.Spec{CommonName: "a.example", Names: []string{"a.example"}, NotAfter: day("2031-05-06")}))(t).TLS()
			for range 12_000 {
				chain.Certificate = append(chain.Certificate, root.Cert.Raw)
			}
			address := peer(t, &cryptotls.Config{Certificates: []cryptotls.Certificate{chain}, MinVersion: version, MaxVersion: version})
			credential := credentialOf(t, collect(t, testEnv(), tls.Options{Targets: []tls.Target{at("a.example", address)}, Trust: trusting(t, root)}))
			if !credential.NotAfter.Equal(day("2031-05-06")) {
				t.Errorf("notAfter is %s", credential.NotAfter)
			}
			wantObserved(t, credential, "chain_broken: comes in a certificate message that is malformed or larger than clients accept")
		})
	}
}
