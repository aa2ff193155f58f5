package tls_test

import (
	"context"
	"crypto/sha256"
	cryptotls "crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/tls"
	"lapsewatch/internal/pki"
	"lapsewatch/watch"
)

// peer starts a TLS server on loopback. It ends each handshake, then waits for the
// client to go.
func peer(t testing.TB, config *cryptotls.Config) netip.AddrPort {
	t.Helper()
	return peerOn(t, "127.0.0.1:0", config)
}

func peerOn(t testing.TB, address string, config *cryptotls.Config) netip.AddrPort {
	t.Helper()
	return talkerOn(t, address, func(conn net.Conn) {
		server := cryptotls.Server(conn, config)
		if server.Handshake() == nil {
			_, _ = server.Read(make([]byte, 1))
		}
	})
}

// printOf is the identity of the leaf of a chain.
func printOf(chain cryptotls.Certificate) string {
	return fmt.Sprintf("sha256:%x", sha256.Sum256(chain.Certificate[0]))
}

// dribble is a slow loris: a byte of a TLS record now and then.
func dribble(conn net.Conn) {
	for _, piece := range append([]byte{22, 3, 3, 63, 255}, make([]byte, 1000)...) {
		if _, err := conn.Write([]byte{piece}); err != nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// presenting starts a TLS server with one certificate chain.
func presenting(t testing.TB, chain cryptotls.Certificate) netip.AddrPort {
	t.Helper()
	return peer(t, &cryptotls.Config{Certificates: []cryptotls.Certificate{chain}})
}

// talker starts a TCP server on loopback that says what talk says.
func talker(t testing.TB, talk func(net.Conn)) netip.AddrPort {
	t.Helper()
	return talkerOn(t, "127.0.0.1:0", talk)
}

func talkerOn(t testing.TB, address string, talk func(net.Conn)) netip.AddrPort {
	t.Helper()
	socket, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := socket.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[conn] = true
			mu.Unlock()
			running.Go(func() {
				talk(conn)
				_ = conn.Close()
				mu.Lock()
				defer mu.Unlock()
				delete(open, conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = socket.Close()
		mu.Lock()
		for conn := range open {
			_ = conn.Close()
		}
		mu.Unlock()
		running.Wait()
	})
	return netip.MustParseAddrPort(socket.Addr().String())
}

func made(pair pki.Pair, err error) func(testing.TB) pki.Pair {
	return func(t testing.TB) pki.Pair {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return pair
	}
}

// newRoot makes an authority that no date of a test outlives.
func newRoot(t testing.TB, name string) pki.Pair {
	t.Helper()
	return made(pki.SelfSigned(pki.Spec{CommonName: name, IsCA: true, NotBefore: day("1949-01-01"), NotAfter: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)}))(t)
}

// at is the target for a server on loopback, watched under a name.
func at(name string, address netip.AddrPort) tls.Target {
	return tls.Target{Host: name, Port: address.Port(), Addresses: []string{address.Addr().String()}}
}

// trusting is a store of exactly these authorities.
func trusting(t testing.TB, authorities ...pki.Pair) tls.Trust {
	t.Helper()
	var content []byte
	for _, authority := range authorities {
		content = append(content, pki.Pair{Chain: authority.Chain[:1]}.ChainPEM()...)
	}
	path := filepath.Join(t.TempDir(), "trust.pem")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Trust{Files: []string{path}}
}

func testEnv() checks.Env {
	env := checks.DefaultEnv(func(watch.SecretRef) (watch.Secret, error) { return watch.Secret{}, errors.New("no secret is needed") })
	env.Timeout = 10 * time.Second
	return env
}

// collect runs one pass and gives the facts in the order of their subjects.
func collect(t testing.TB, env checks.Env, options tls.Options) []watch.Fact {
	t.Helper()
	facts, err := collectWith(t.Context(), t, env, options)
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

func collectWith(ctx context.Context, t testing.TB, env checks.Env, options tls.Options) ([]watch.Fact, error) {
	t.Helper()
	if err := options.Validate(); err != nil {
		t.Fatal(err)
	}
	check, err := tls.New(options, env)
	if err != nil {
		t.Fatal(err)
	}
	return run(ctx, check)
}

func run(ctx context.Context, check watch.Check) ([]watch.Fact, error) {
	var mu sync.Mutex
	var facts []watch.Fact
	err := check.Collect(ctx, func(fact watch.Fact) {
		mu.Lock()
		defer mu.Unlock()
		facts = append(facts, fact)
	})
	slices.SortFunc(facts, func(a, b watch.Fact) int { return strings.Compare(a.About().ID, b.About().ID) })
	return facts, err
}

// credentialOf expects one fact, a credential.
func credentialOf(t testing.TB, facts []watch.Fact) watch.Credential {
	t.Helper()
	if len(facts) != 1 {
		t.Fatalf("got %d facts, want 1: %v", len(facts), facts)
	}
	return asCredential(t, facts[0])
}

func asCredential(t testing.TB, fact watch.Fact) watch.Credential {
	t.Helper()
	if problem, ok := fact.(watch.Problem); ok {
		t.Fatalf("got the problem %s: %v", problem.Reason, problem.Err)
	}
	return fact.(watch.Credential)
}

// problemOf expects one fact, a problem.
func problemOf(t testing.TB, facts []watch.Fact) watch.Problem {
	t.Helper()
	if len(facts) != 1 {
		t.Fatalf("got %d facts, want 1: %v", len(facts), facts)
	}
	problem, ok := facts[0].(watch.Problem)
	if !ok {
		t.Fatalf("got %+v, want a problem", facts[0])
	}
	return problem
}

// observed gives the observations as "reason: text".
func observed(credential watch.Credential) []string {
	said := []string{}
	for _, observation := range credential.Observations {
		said = append(said, string(observation.Reason)+": "+observation.Text)
	}
	return said
}

func wantObserved(t testing.TB, credential watch.Credential, want ...string) {
	t.Helper()
	if got := observed(credential); !slices.Equal(got, append([]string{}, want...)) {
		t.Errorf("observed\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}
