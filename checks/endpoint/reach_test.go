package endpoint_test

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/checktest"
	"lapsewatch/checks/endpoint"
	"lapsewatch/internal/parts"
	"lapsewatch/watch"
)

func TestWhatKeepsThisMachineFromLookingIsNoNewsOfTheService(t *testing.T) {
	refused := listen(t, func(net.Conn) {})
	dial := func(err error) func(*checks.Env) {
		return func(env *checks.Env) {
			env.Dial = (&net.Dialer{Control: func(string, string, syscall.RawConn) error { return err }}).DialContext
		}
	}
	for _, row := range []struct {
		name   string
		change func(*checks.Env)
		want   string
	}{
		{"no route", dial(os.NewSyscallError("connect", syscall.ENETUNREACH)), "unknown unreachable: could not be read: connect to ADDRESS: network is unreachable"},
		{"no route to the host", dial(os.NewSyscallError("connect", syscall.EHOSTUNREACH)), "unknown unreachable: could not be read: connect to ADDRESS: no route to host"},
		{"no socket left", dial(os.NewSyscallError("socket", syscall.EMFILE)), "unknown unreachable: could not be read: connect to ADDRESS: too many open files"},
		{"no name", dial(&net.DNSError{Err: "no such host", Name: "x", IsNotFound: true}), "unknown name_not_found: could not be read: look up 127.0.0.1: no such host"},
		{"no answer from DNS", dial(&net.DNSError{Err: "i/o timeout", Name: "x", IsTimeout: true}), "unknown timed_out: could not be read: look up 127.0.0.1: no answer from DNS within 20s"},
		{"refused", dial(os.NewSyscallError("connect", syscall.ECONNREFUSED)), "critical response_failed: the request failed: the connection was refused"},
		{"timed out by the system", dial(os.NewSyscallError("connect", syscall.ETIMEDOUT)), "critical response_timed_out: the request had no connection within 20s"},
	} {
		t.Run(row.name, func(t *testing.T) {
			env := real(t)
			row.change(&env)
			facts := pass(t, at("ring", "http://"+refused), env)
			wantTold(t, facts, "rings/ring: "+strings.ReplaceAll(row.want, "ADDRESS", refused))
			if problem, ok := facts[0].(watch.Problem); ok && (!problem.Confined || problem.HidesPrefix != "") {
				t.Errorf("it hides more than itself: %+v", problem)
			}
		})
	}
}

func TestAProxyThatDoesNotLetThroughIsNoNewsOfTheService(t *testing.T) {
	root, pair := parts.Authority(t)
	nginx := parts.Nginx(t, pair)
	gone := listen(t, func(net.Conn) {})
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusProxyAuthRequired) }))
	defer refusing.Close()
	letting := httptest.NewServer(http.HandlerFunc(tunnel))
	defer letting.Close()
	by := func(proxy string, dial func(env *checks.Env)) checks.Env {
		env := real(t)
		address, err := url.Parse(proxy)
		if err != nil {
			t.Fatal(err)
		}
		env.HTTP = &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(address)}}
		if dial != nil {
			dial(&env)
		}
		return env
	}
	noName := func(env *checks.Env) {
		env.Dial = (&net.Dialer{Control: func(string, string, syscall.RawConn) error {
			return &net.DNSError{Err: "no such host", Name: "proxy", IsNotFound: true}
		}}).DialContext
	}
	options := at("ring", "https://"+nginx)
	options.CAFile = trusted(t, root)
	wantMasked(t, pass(t, options, by(letting.URL, nil)), "rings/ring: ok: answers in N ms")
	said := "rings/ring: unknown unreachable: could not be read: connect to " + nginx + " by a proxy: "
	wantMasked(t, pass(t, options, by(refusing.URL, nil)), said+"the proxy answered 407 Proxy Authentication Required")
	wantMasked(t, pass(t, options, by("http://"+gone, noName)), said+"lookup proxy: no such host")
}

// tunnel is a proxy.
func tunnel(w http.ResponseWriter, r *http.Request) {
	up, err := net.Dial("tcp", r.Host)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer func() { _ = up.Close() }()
	w.WriteHeader(http.StatusOK)
	down, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = down.Close() }()
	go func() { _, _ = io.Copy(up, down); _ = up.Close() }()
	_, _ = io.Copy(down, up)
}

func TestAnAuthorityFileThatCannotBeReadEndsThePass(t *testing.T) {
	options := at("ring", "https://ring.example")
	options.CAFile = filepath.Join(t.TempDir(), "none.pem")
	_, err := checktest.Gather(t.Context(), checktest.Build(t, endpoint.Kind, options, real(t)))
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the pass ended with %v", cmp.Or(err, errors.New("no error")))
	}
}

func TestTheLookUpOfTheNameIsTimedOnItsOwn(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	env := real(t)
	env.Dial = (&net.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", silent.LocalAddr().String())
	}}}).DialContext
	options := at("ring", "https://ring.example", "broker", "tcp://ring.example:1")
	options.Timeout, options.Warn = watch.Duration(500*time.Millisecond), watch.Duration(400*time.Millisecond)
	wantTold(t, pass(t, options, env),
		"rings/broker: unknown timed_out: could not be read: look up ring.example: no answer from DNS within 500ms",
		"rings/ring: unknown timed_out: could not be read: look up ring.example: no answer from DNS within 500ms",
	)
	address := listen(t, func(conn net.Conn) { never(conn, 0) })
	_, port, _ := net.SplitHostPort(address)
	env.Dial = (&net.Dialer{}).DialContext
	found := checktest.As[watch.Condition](t, pass(t, at("broker", "tcp://localhost:"+port), env)[0])
	if spent, timed := found.Details["dns_ms"]; !timed || found.Reason != "" {
		t.Errorf("the look-up took %v: %s %v", spent, found.Text, found.Details)
	}
}
