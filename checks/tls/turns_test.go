package tls_test

import (
	"context"
	cryptotls "crypto/tls"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/tls"
	"lapsewatch/internal/pki"
	"lapsewatch/watch"
)

// over gives a connection to a TLS server within a synctest bubble, after a while.
func over(config *cryptotls.Config, serverSide func(net.Conn) net.Conn) net.Conn {
	client, server := net.Pipe()
	go func() {
		defer func() { _ = server.Close() }()
		if side := cryptotls.Server(serverSide(server), config); side.Handshake() == nil {
			_, _ = io.Copy(io.Discard, side)
		}
	}()
	return client
}

func itself(conn net.Conn) net.Conn { return conn }

// costly takes long to write to, as if this machine computed all the while.
type costly struct{ net.Conn }

func (c costly) Write(p []byte) (int, error) {
	time.Sleep(3 * time.Second)
	return c.Conn.Write(p)
}

func TestWaitingForATurnIsNotTakenForTheServersSilence(t *testing.T) {
	root := newRoot(t, "test root")
	chain := made(root.Issue(pki.Spec{Names: []string{"127.0.0.1"}, NotAfter: day("2031-05-06")}))(t).TLS()
	trust := trusting(t, root)
	tests := map[string]*cryptotls.Config{
		"a server that is read at once":                  {Certificates: []cryptotls.Certificate{chain}},
		"a server that is read only at a second attempt": {Certificates: []cryptotls.Certificate{chain}, CurvePreferences: []cryptotls.CurveID{cryptotls.X25519MLKEM768}},
	}
	for name, config := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				env := testEnv()
				env.Timeout = time.Second
				env.Dial = func(_ context.Context, _, address string) (net.Conn, error) {
					if strings.HasPrefix(address, "192.0.2.") {
						return costly{over(config, itself)}, nil
					}
					time.Sleep(100 * time.Millisecond) // until every turn is taken
					return over(config, itself), nil
				}
				options := tls.Options{Targets: []tls.Target{{Host: "127.0.0.1"}}, Trust: trust}
				for i := range 2 * runtime.GOMAXPROCS(0) {
					options.Targets = append(options.Targets, tls.Target{Host: fmt.Sprintf("192.0.2.%d", i)})
				}
				credential := asCredential(t, collect(t, env, options)[0])
				if !credential.NotAfter.Equal(day("2031-05-06")) {
					t.Errorf("notAfter is %s", credential.NotAfter)
				}
				wantObserved(t, credential)
			})
		})
	}
}

// stalling hears nothing any more once it has spoken.
type stalling struct {
	net.Conn
	spoke bool
}

func (s *stalling) Write(p []byte) (int, error) {
	s.spoke = true
	return s.Conn.Write(p)
}

func (s *stalling) Read(p []byte) (int, error) {
	if s.spoke {
		_, _ = io.Copy(io.Discard, s.Conn)
		return 0, io.EOF
	}
	return s.Conn.Read(p)
}

func TestAServerThatFallsSilentAfterItsCertificatesIsLookedAtAgain(t *testing.T) {
	root := newRoot(t, "test root")
	config := &cryptotls.Config{
		Certificates: []cryptotls.Certificate{made(root.Issue(pki.Spec{Names: []string{"127.0.0.1"}, NotAfter: day("2031-05-06")}))(t).TLS()},
		MaxVersion:   cryptotls.VersionTLS12,
	}
	trust := trusting(t, root)
	unproven := "key_not_proven: was presented in a handshake that the server did not end, so that it did not prove to hold the private key: TLS handshake with 127.0.0.1:443: no answer within 1s"
	tests := []struct {
		name string
		// later is what happens at the second look.
		later func() net.Conn
		want  []string
	}{
		{"it answers then", func() net.Conn { return over(config, itself) }, nil},
		{"it falls silent again", func() net.Conn { return over(config, func(conn net.Conn) net.Conn { return &stalling{Conn: conn} }) }, []string{unproven}},
		{"it does not even start then", func() net.Conn { client, _ := net.Pipe(); return client }, []string{unproven}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				env := testEnv()
				env.Timeout = time.Second
				looks := 0
				env.Dial = func(context.Context, string, string) (net.Conn, error) {
					if looks++; looks == 1 {
						return over(config, func(conn net.Conn) net.Conn { return &stalling{Conn: conn} }), nil
					}
					return test.later(), nil
				}
				credential := credentialOf(t, collect(t, env, tls.Options{Targets: []tls.Target{{Host: "127.0.0.1"}}, Trust: trust}))
				if looks != 2 || !credential.NotAfter.Equal(day("2031-05-06")) {
					t.Errorf("%d looks, notAfter %s", looks, credential.NotAfter)
				}
				wantObserved(t, credential, test.want...)
			})
		})
	}
}

// holes is a network in which every address swallows everything, but for the good ones
// of 198.51.100.0/24.
type holes struct {
	chain cryptotls.Certificate

	mu        sync.Mutex
	now, most int
	begun     []time.Time
}

func (h *holes) env(timeout time.Duration) checks.Env {
	env := testEnv()
	env.Timeout = timeout
	env.Dial = func(ctx context.Context, _, address string) (net.Conn, error) {
		if strings.HasPrefix(address, "198.51.100.") {
			return over(&cryptotls.Config{Certificates: []cryptotls.Certificate{h.chain}}, itself), nil
		}
		h.count(1)
		defer h.count(-1)
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
	}
	return env
}

func (h *holes) count(change int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now += change
	h.most = max(h.most, h.now)
	if change > 0 {
		h.begun = append(h.begun, time.Now())
	}
}

func TestF4_MoreBlackHolesThanConcurrencyBeforeAGoodHost(t *testing.T) {
	root := newRoot(t, "test root")
	chain := made(root.Issue(pki.Spec{Names: []string{"198.51.100.1"}}))(t).TLS()
	trust := trusting(t, root)
	synctest.Test(t, func(t *testing.T) {
		network := holes{chain: chain}
		env := network.env(time.Second)
		options := tls.Options{Trust: trust, Concurrency: 64}
		for i := range 200 {
			options.Targets = append(options.Targets, tls.Target{Host: fmt.Sprintf("192.0.2.%d", i)})
		}
		options.Targets = append(options.Targets, tls.Target{Host: "198.51.100.1"})
		check, err := tls.New(options, env)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		var good time.Duration
		if err := check.Collect(t.Context(), func(fact watch.Fact) {
			if _, ok := fact.(watch.Credential); ok {
				good = time.Since(start)
			}
		}); err != nil {
			t.Fatal(err)
		}
		// Three times 64 holes, at most, come before it and are each set aside after a
		// quarter of a second; a first look at a hole takes 800 ms.
		if good > 750*time.Millisecond {
			t.Errorf("the good host was reported after %s, want 750ms at the latest", good)
		}
		if network.most != 200 {
			t.Errorf("at most %d holes were waited for at a time, want all 200", network.most)
		}
	})
}

func TestConcurrencyBoundsTheLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := holes{}
		env := network.env(time.Minute)
		var named []string
		for i := range 40 {
			named = append(named, fmt.Sprintf("192.0.2.%d", i))
		}
		env.Resolver = &zone{addresses: map[string][]string{"a.example": named[:20], "b.example": named[20:]}}
		facts := collect(t, env, tls.Options{Targets: []tls.Target{{Host: "a.example"}, {Host: "b.example"}, {Host: "192.0.2.99"}}, Trust: tls.Trust{System: true}, Concurrency: 3})
		if len(facts) != 41 || network.most != 12 {
			t.Errorf("%d facts, at most %d looks at a time, want 41 and 12", len(facts), network.most)
		}
		for i := 3; i < len(network.begun); i++ {
			if apart := network.begun[i].Sub(network.begun[i-3]); apart < 250*time.Millisecond {
				t.Errorf("4 looks began within %s", apart)
			}
		}
	})
}
