package nts

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/facebook/time/ntp/ntske"

	"lapsewatch/internal/ntp"
	"lapsewatch/internal/ntp/ntptest"
	"lapsewatch/internal/parts"
	"lapsewatch/internal/pki"
)

const patience = 30 * time.Second

func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func authority(t testing.TB) (root, leaf pki.Pair) {
	t.Helper()
	root = must(pki.NewRoot("Time Root"))(t)
	return root, must(root.Issue(pki.Spec{CommonName: "localhost", Names: []string{"localhost"}}))(t)
}

func open(t testing.TB) *ntp.Client {
	t.Helper()
	client := must(ntp.Open())(t)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestARealServerAuthenticatesItsTime(t *testing.T) {
	root, leaf := authority(t)
	server := parts.NTSTime(t, leaf)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	asked := Server{KeyExchange: netip.MustParseAddrPort(server.KeyExchange), Name: "localhost", Roots: root.Pool()}
	got, err := asked.Ask(ctx, open(t))
	if err != nil {
		t.Fatal(err)
	}
	if got.From.String() != server.NTP || got.Stratum != 3 || got.Offset.Abs() > 200*time.Millisecond || got.CertificateDates != "" {
		t.Errorf("got %+v", got)
	}
}

// exchanger answers each key exchange with these records between those that must be
// there and the end.
func exchanger(t *testing.T, leaf pki.Pair, more ...ntske.Record) netip.AddrPort {
	t.Helper()
	listener := must(tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}, NextProtos: []string{ntske.ALPNProtocol}}))(t)
	records := append([]ntske.Record{ntske.NewNextProtocol(0), ntske.NewAEADAlgorithm(15)}, more...)
	message := must(ntske.MarshalRecords(append(records, ntske.NewEndOfMessage())))(t)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 1024))
			_, _ = conn.Write(message)
			_ = conn.Close()
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		serving.Wait()
	})
	return listener.Addr().(*net.TCPAddr).AddrPort()
}

func TestWhatTheServerHasNotSignedIsNoReply(t *testing.T) {
	root, leaf := authority(t)
	client := open(t)
	tests := []struct {
		name   string
		answer func(request []byte) []byte
		want   string
	}{
		{"a plain answer", func(request []byte) []byte { return ntptest.True().Answer(request) }, "nobody has signed it"},
		{"a plain kiss", func(request []byte) []byte { return ntptest.Kiss("DENY").Answer(request) }, "nobody has signed it"},
		{"keys that are not known", func(request []byte) []byte { return ntptest.Kiss("NTSN").Answer(request) },
			"it does not know the keys that it has just given (NTSN)"},
		{"signed by somebody else", func(request []byte) []byte {
			return signed(t, ntptest.True().Answer(request), request[52:84], make([]byte, 32))
		}, "nts authenticator verification failed"},
		{"the answer to another question", func(request []byte) []byte {
			return signed(t, ntptest.True().Answer(request), make([]byte, 32), make([]byte, 32))
		}, "it is the answer to another question"},
		{"fields that break off", func(request []byte) []byte {
			return append(ntptest.True().Answer(request), 1, 4, 1, 0, 0, 0, 0, 0)
		}, "extension field truncated"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := ntptest.Start(t, func(request []byte) [][]byte { return [][]byte{test.answer(request)} })
			address := exchanger(t, leaf, ntske.NewCookie(make([]byte, 100)), ntske.NewServerNegotiation("time.example"), ntske.NewPortNegotiation(server.Addr.Port()))
			asked := Server{KeyExchange: address, Name: "localhost", Roots: root.Pool(),
				Resolve: func(_ context.Context, name string) (netip.Addr, error) {
					if name != "time.example" {
						t.Errorf("looked up %q", name)
					}
					return server.Addr.Addr(), nil
				}}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			got, err := asked.Ask(ctx, client)
			if !errors.Is(err, ErrNotAuthenticated) || !strings.Contains(err.Error(), test.want) || got != (Answer{From: server.Addr}) {
				t.Errorf("got %+v, %v; want %q", got, err, test.want)
			}
		})
	}
}

func TestAKeyExchangeThatFailsSaysWhy(t *testing.T) {
	root, leaf := authority(t)
	other := must(pki.NewRoot("Another Root"))(t)
	cookie := ntske.NewCookie(make([]byte, 100))
	tests := []struct {
		name, want string
		server     Server
	}{
		{"another authority", "certificate signed by unknown authority",
			Server{exchanger(t, leaf, cookie), "localhost", other.Pool(), nil}},
		{"another name", "certificate is valid for localhost, not time.example",
			Server{exchanger(t, leaf, cookie), "time.example", root.Pool(), nil}},
		{"no cookie", "response contained no cookies",
			Server{exchanger(t, leaf), "localhost", root.Pool(), nil}},
		{"an error", "server returned Error record, code=[2]",
			Server{exchanger(t, leaf, ntske.NewError(2)), "localhost", root.Pool(), nil}},
		{"a name that is not found", "x\uFFFD.example: no such name",
			Server{exchanger(t, leaf, cookie, ntske.NewServerNegotiation("x\n.example")), "localhost", root.Pool(),
				func(context.Context, string) (netip.Addr, error) { return netip.Addr{}, errors.New("no such name") }}},
	}
	client := open(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if _, err := test.server.Ask(ctx, client); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestAuthenticatedTextComesBack(t *testing.T) {
	protected := must(newSIV(bytes.Repeat([]byte{7}, 32)))(t)
	nonce, sealed, err := protected.Seal([]byte("signed"), []byte("plain"))
	if err != nil || len(nonce) != 16 {
		t.Fatalf("nonce %x, %v", nonce, err)
	}
	if plain, err := protected.Open([]byte("signed"), nonce, sealed); err != nil || string(plain) != "plain" {
		t.Errorf("got %q, %v", plain, err)
	}
	if _, err := protected.Open([]byte("signed"), nil, sealed); err == nil {
		t.Error("the nonce is not part of what is signed")
	}
}

func FuzzVerify(f *testing.F) {
	id, key := make([]byte, 32), make([]byte, 32)
	request, err := seal(ntp.NewRequest(), id, make([]byte, 100), key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(request)
	f.Add(request[:60])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, packet []byte) {
		// Whoever does not know the key can at most repeat what was signed.
		if verify(packet, id, bytes.Repeat([]byte{1}, 32)) == nil {
			t.Errorf("%x is taken for signed", packet)
		}
		_ = verify(packet, id, key)
	})
}
