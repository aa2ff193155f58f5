package endpoint_test

import (
	"crypto/sha256"
	cryptotls "crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/checktest"
	"lapsewatch/checks/endpoint"
	"lapsewatch/internal/entry"
	"lapsewatch/internal/parts"
	"lapsewatch/internal/pki"
	"lapsewatch/watch"
)

// real is an environment with this machine's own network.
func real(t testing.TB) checks.Env {
	env := checktest.Env(time.Now())
	env.Dial = (&net.Dialer{}).DialContext
	env.HTTP = &http.Client{Transport: &http.Transport{}}
	env.Timeout = 20 * time.Second
	return env
}

// at are options with one group of members with these addresses, by their names, in which no
// latency is worth a word: the machine may be busy.
func at(addresses ...string) endpoint.Options {
	options := usual()
	options.Warn, options.Samples = watch.Duration(19*time.Second), 1
	options.Peers.AtLeast = watch.Duration(time.Minute)
	for i := 0; i < len(addresses); i += 2 {
		options.Groups[0].Members = append(options.Groups[0].Members, endpoint.Member{Entry: entry.Entry{Name: addresses[i]}, URL: addresses[i+1]})
	}
	return options
}

// listen serves each connection until the test ends.
func listen(t testing.TB, serve func(conn net.Conn)) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	ended := make(chan struct{})
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				served := make(chan struct{})
				go func() {
					defer close(served)
					serve(conn)
				}()
				select {
				case <-served:
				case <-ended:
				}
				_ = conn.Close()
				<-served
			})
		}
	})
	t.Cleanup(func() {
		close(ended)
		_ = listener.Close()
		serving.Wait()
	})
	return listener.Addr().String()
}

func issued(t testing.TB, root pki.Pair, spec pki.Spec) pki.Pair {
	t.Helper()
	pair, err := root.Issue(spec)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// trusted is a file with an authority.
func trusted(t testing.TB, root pki.Pair) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, root.ChainPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var measured = regexp.MustCompile(`[0-9]+\.[0-9]+ m?s|[0-9]+ ms`)

// wantMasked is wantTold where what was measured is not known beforehand.
func wantMasked(t testing.TB, facts []watch.Fact, want ...string) {
	t.Helper()
	if got := measured.ReplaceAllString(told(facts), "N ms"); got != strings.Join(want, "\n") {
		t.Errorf("told\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func TestF4_HalfDeadPeersOfARealServer(t *testing.T) {
	root, pair := parts.Authority(t)
	nginx := parts.Nginx(t, pair)
	half := func(reply string, then func(conn net.Conn)) string {
		return "http://" + listen(t, func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 4096))
			_, _ = io.WriteString(conn, reply)
			then(conn)
		})
	}
	untilClosed := func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }
	drip := func(conn net.Conn) {
		for {
			if _, err := conn.Write([]byte("x")); err != nil {
				return
			}
			time.Sleep(time.Second)
		}
	}
	flood := func(conn net.Conn) {
		block := []byte(strings.Repeat("x", 64<<10))
		for {
			if _, err := conn.Write(block); err != nil {
				return
			}
		}
	}
	reset := func(conn net.Conn) { _ = conn.(*net.TCPConn).SetLinger(0) }
	options := at(
		"ring", "https://"+nginx, "black hole", half("", untilClosed), "black hole behind TLS", strings.Replace(half("", untilClosed), "http:", "https:", 1),
		"drips its header", half("HTTP/1.1 200 OK\r\nX-", drip), "drips its body", half("HTTP/1.1 200 OK\r\n\r\n", drip),
		"endless body", half("HTTP/1.1 200 OK\r\n\r\n", flood), "endless header", half("HTTP/1.1 200 OK\r\nX: ", flood), "resets", half("", reset),
		"breaks off", half("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", func(net.Conn) {}), "no HTTP", half("SSH-2.0-\x1b[31mevil\r\n", func(net.Conn) {}),
	)
	options.CAFile = trusted(t, root)
	options.Timeout, options.Warn = watch.Duration(6*time.Second), watch.Duration(5900*time.Millisecond)
	before := runtime.NumGoroutine()
	env := real(t)
	env.Concurrency = 20
	wantMasked(t, pass(t, options, env),
		"rings/black hole behind TLS: critical response_timed_out: the request had no TLS handshake within 6s, while 2 of its 9 peers answer: ring in N ms, endless body in N ms",
		"rings/black hole: critical response_timed_out: the request had no answer within 6s, while 2 of its 9 peers answer: ring in N ms, endless body in N ms",
		"rings/breaks off: critical response_failed: the request failed: it answered 200 OK, and then the connection was closed without a complete answer, while 2 of its 9 peers answer: ring in N ms, endless body in N ms",
		"rings/drips its body: critical response_timed_out: the request had no complete answer within 6s, while 2 of its 9 peers answer: ring in N ms, endless body in N ms",
		"rings/drips its header: critical response_timed_out: the request had no complete answer within 6s, while 2 of its 9 peers answer: ring in N ms, endless body in N ms",
		"rings/endless body: ok: answers in N ms",
		"rings/endless header: critical response_failed: the request failed: the header of the answer has more than 65536 bytes, while 2 of its 9 peers answer: ring in N ms, endless body in N ms",
		"rings/no HTTP: critical response_failed: the request failed: what it answers is no HTTP, while 2 of its 9 peers answer: ring in N ms, endless body in N ms",
		"rings/resets: critical response_failed: the request failed: the connection was reset, while 2 of its 9 peers answer: ring in N ms, endless body in N ms",
		"rings/ring: ok: answers in N ms",
	)
	for wait := time.Millisecond; runtime.NumGoroutine() > before; wait *= 2 {
		if wait > 10*time.Second {
			t.Fatalf("%d goroutines, %d before the pass", runtime.NumGoroutine(), before)
		}
		time.Sleep(wait)
	}
}

func TestAServerThatHangsUpAtOnceIsAskedOncePerSample(t *testing.T) {
	var taken atomic.Int64
	address := listen(t, func(net.Conn) { taken.Add(1) })
	options := at("ring", "http://"+address)
	options.Samples = 10
	found := checktest.As[watch.Condition](t, pass(t, options, real(t))[0])
	ends := regexp.MustCompile(`^10 of 10 requests failed: the connection was (closed without a complete answer|reset)$`)
	if found.Reason != watch.ResponseFailed || !ends.MatchString(found.Text) || taken.Load() != 10 {
		t.Errorf("%s after %d connections: %s", found.Reason, taken.Load(), found.Text)
	}
}

func TestARealServerIsDescribed(t *testing.T) {
	root, pair := parts.Authority(t)
	nginx := parts.Nginx(t, pair)
	options := at("ring", "https://"+nginx+"/health?token=canary-7be1")
	options.CAFile, options.Samples = trusted(t, root), 3
	options.Groups[0].Members[0].VersionHeader = "Server"
	facts := pass(t, options, real(t))
	found := checktest.As[watch.Condition](t, facts[0])
	checktest.Equal(t, "the identity", found.Identity, "")
	checktest.Equal(t, "the certificate", fmt.Sprint(found.Details["certificate"]), fmt.Sprintf("[sha256:%x]", sha256.Sum256(pair.Cert.Raw)))
	for key, want := range map[string]any{"address": "https://" + nginx, "remote_address": nginx, "status": 200, "samples": 3, "answered": 3} {
		checktest.Equal(t, key, found.Details[key], want)
	}
	if version := fmt.Sprint(found.Details["version"]); !strings.HasPrefix(version, "[nginx") {
		t.Errorf("the version is %q", version)
	}
	for _, key := range []string{"latency_ms", "latency_min_ms", "latency_max_ms", "connect_ms", "tls_ms", "first_byte_ms"} {
		if value, ok := found.Details[key].(float64); !ok || value < 0 || value > 60_000 {
			t.Errorf("%s is %v", key, found.Details[key])
		}
	}
	checktest.WantNone(t, []string{"canary-7be1"}, map[string]string{"facts": checktest.Shown(t, facts...)})
}

func TestACertificateThatCallersRefuseIsAFailure(t *testing.T) {
	root, pair := parts.Authority(t)
	other, err := pki.NewRoot("another root")
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"127.0.0.1"}
	for _, row := range []struct {
		name string
		pair pki.Pair
		want string
	}{
		{"expired", issued(t, root, pki.Spec{Names: names, NotBefore: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2024, 2, 29, 6, 30, 0, 0, time.UTC)}), "its certificate expired on 2024-02-29 06:30 UTC"},
		{"not valid yet", issued(t, root, pki.Spec{Names: names, NotBefore: time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}), "its certificate is not valid before 2099-01-01 00:00 UTC"},
		{"of another name", issued(t, root, pki.Spec{Names: []string{"ring-1.example"}}), "its certificate is not valid for 127.0.0.1"},
		{"of an unknown authority", issued(t, other, pki.Spec{Names: names}), "its certificate is of an authority that is not trusted here"},
		{"for another use", issued(t, root, pki.Spec{Names: names, Edit: clientOnly}), "its certificate is refused: certificate specifies an incompatible key usage"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var asked sync.Map
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Store("asked", true) }))
			server.Config.ErrorLog = quiet()
			server.TLS = &cryptotls.Config{Certificates: []cryptotls.Certificate{row.pair.TLS()}}
			server.StartTLS()
			defer server.Close()
			options := at("ring", server.URL)
			options.CAFile = trusted(t, root)
			facts := pass(t, options, real(t))
			wantMasked(t, facts, "rings/ring: critical response_failed: the request failed: "+row.want)
			found := checktest.As[watch.Condition](t, facts[0])
			checktest.Equal(t, "the certificate", fmt.Sprint(found.Details["certificate"]), fmt.Sprintf("[sha256:%x]", sha256.Sum256(row.pair.Cert.Raw)))
			checktest.Equal(t, "the remedy", found.Remedy, "Look at the certificate, which callers refuse; a check of kind tls tells more of it.")
			if _, timed := found.Details["tls_ms"]; !timed {
				t.Errorf("the handshake was not timed: %v", found.Details)
			}
			if _, was := asked.Load("asked"); was {
				t.Error("a request was sent to a server that is not trusted")
			}
		})
	}
	t.Run("no TLS at all", func(t *testing.T) {
		server := httptest.NewServer(http.NotFoundHandler())
		defer server.Close()
		wantMasked(t, pass(t, at("ring", strings.Replace(server.URL, "http:", "https:", 1)), real(t)),
			"rings/ring: critical response_failed: the request failed: it does not speak TLS on this port")
	})
	t.Run("a certificate of the client is wanted", func(t *testing.T) {
		server := httptest.NewUnstartedServer(http.NotFoundHandler())
		server.Config.ErrorLog = quiet()
		server.TLS = &cryptotls.Config{Certificates: []cryptotls.Certificate{pair.TLS()}, ClientAuth: cryptotls.RequireAnyClientCert, MaxVersion: cryptotls.VersionTLS12}
		server.StartTLS()
		defer server.Close()
		options := at("ring", server.URL)
		options.CAFile = trusted(t, root)
		wantMasked(t, pass(t, options, real(t)), "rings/ring: critical response_failed: the request failed: it refused the TLS handshake: handshake failure")
	})
}
