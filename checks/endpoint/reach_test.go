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

// A ring whose datacentre has lost its power is no host any more: its router says so.
func TestO3_AMissingRouteIsTheMembersFaultWhereOthersAreReached(t *testing.T) {
	good := httptest.NewServer(fine)
	defer good.Close()
	const gone, alsoGone = "http://127.0.0.9:1", "http://127.0.0.9:2"
	routeless := func(err error) checks.Env {
		env := real(t)
		env.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if strings.HasPrefix(address, "127.0.0.9:") {
				return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", err)}
			}
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}
		return env
	}
	elsewhere := func(options, other endpoint.Options) endpoint.Options {
		options.Groups = append(options.Groups, other.Groups...)
		options.Groups[1].Name = "others"
		return options
	}
	down, unreachable := routeless(syscall.EHOSTUNREACH), routeless(syscall.ENETUNREACH)
	wantMasked(t, pass(t, at("ring-1", gone, "ring-2", good.URL), down),
		"rings/ring-1: critical response_failed: the request failed: there is no route to its host, while its peer ring-2 answers in N ms", "rings/ring-2: ok: answers in N ms")
	wantMasked(t, pass(t, elsewhere(at("ring", gone), at("good", good.URL)), down),
		"others/good: ok: answers in N ms", "rings/ring: critical response_failed: the request failed: there is no route to its host")
	wantMasked(t, pass(t, elsewhere(at("ring", gone), at("other", alsoGone)), down),
		"others/other: unknown unreachable: could not be read: connect to 127.0.0.9:2: no route to host", "rings/ring: unknown unreachable: could not be read: connect to 127.0.0.9:1: no route to host")
	wantMasked(t, pass(t, at("ring-1", gone, "ring-2", good.URL), unreachable),
		"rings/ring-1: unknown unreachable: could not be read: connect to 127.0.0.9:1: network is unreachable", "rings/ring-2: ok: answers in N ms")
	check := checktest.Build(t, endpoint.Kind, at("ring-1", gone, "ring-2", good.URL), down)
	checktest.Pass(t, check)
	wantMasked(t, recheck(t, check, "rings/ring-1"), "rings/ring-1: critical response_failed: the request failed: there is no route to its host, while its peer ring-2 answers in N ms")
}

func TestNoRedirectLeadsToWhereCloudsKeepTheirSecrets(t *testing.T) {
	inner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"version":"` + canary + `"}`)) }))
	defer inner.Close()
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(inner.URL, "http://"))
	const refused = "rings/ring: critical response_failed: the request failed: its redirect leads to an address of this machine or of its cloud's own services, and is not followed"
	for target, want := range map[string]string{
		"http://169.254.169.254/latest/meta-data":     refused,
		"http://[fe80::1]/":                           refused,
		"http://168.63.129.16/machine":                refused,
		"http://100.100.100.200/latest":               refused,
		"http://[fd00:ec2::254]/latest":               refused,
		"http://[64:ff9b::a9fe:a9fe]/latest":          refused,
		"http://[::ffff:169.254.169.254]/latest":      refused,
		"http://metadata.example:" + port + "/latest": refused,
		"http://here.example:" + port + "/":           "rings/ring: ok: answers in N ms",
		"http://127.0.0.1:" + port + "/":              "rings/ring: ok: answers in N ms",
	} {
		t.Run(target, func(t *testing.T) {
			home := httptest.NewServer(http.RedirectHandler(target, http.StatusFound))
			defer home.Close()
			options := at("ring", home.URL)
			options.Groups[0].Members[0].Redirects, options.Groups[0].Members[0].VersionJSON = 1, "/version"
			env := real(t)
			env.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				host, port, _ := net.SplitHostPort(address)
				named := map[string]string{"here.example": "127.0.0.1", "metadata.example": "127.0.0.1"}
				conn, err := (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort(cmp.Or(named[host], host), port))
				if err == nil && host == "metadata.example" {
					conn = metadata{conn}
				}
				return conn, err
			}
			facts := pass(t, options, env)
			wantMasked(t, facts, want)
			checktest.WantNone(t, []string{canary}, map[string]string{"facts": checktest.Shown(t, facts...)})
		})
	}
}

// metadata is a connection to where a cloud serves metadata.
type metadata struct{ net.Conn }

func (metadata) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(169, 254, 169, 254), Port: 80}
}

func (metadata) Write([]byte) (int, error) { panic("something was sent") }

func TestNoRedirectLeadsBackToThisMachine(t *testing.T) {
	inner := httptest.NewServer(fine)
	defer inner.Close()
	home := httptest.NewServer(http.RedirectHandler(inner.URL, http.StatusFound))
	defer home.Close()
	options := at("ring", "http://ring.example:80/")
	options.Groups[0].Members[0].Redirects = 1
	env := real(t)
	env.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if address != "ring.example:80" {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}
		conn, err := (&net.Dialer{}).DialContext(ctx, network, strings.TrimPrefix(home.URL, "http://"))
		return public{conn}, err
	}
	wantMasked(t, pass(t, options, env), "rings/ring: critical response_failed: the request failed: its redirect leads to an address of this machine or of its cloud's own services, and is not followed")
}

// public is a connection to a host elsewhere.
type public struct{ net.Conn }

func (public) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80} }
