package tls_test

import (
	"context"
	cryptotls "crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lapsewatch/checks/tls"
	"lapsewatch/internal/pki"
	"lapsewatch/watch"
)

// zone is a DNS that knows a few names.
type zone struct {
	mu        sync.Mutex
	addresses map[string][]string
	errors    map[string]error
	asked     []string
}

func (z *zone) LookupNetIP(_ context.Context, network, host string) ([]netip.Addr, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.asked = append(z.asked, network+" "+host)
	if err := z.errors[host]; err != nil {
		return nil, err
	}
	var found []netip.Addr
	for _, address := range z.addresses[host] {
		found = append(found, netip.MustParseAddr(address))
	}
	if found == nil {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return found, nil
}

// byAddress serves another chain on each address of 127.0.0.0/8.
func byAddress(t *testing.T, chains map[string]cryptotls.Certificate) (port uint16) {
	t.Helper()
	return peerOn(t, "0.0.0.0:0", &cryptotls.Config{GetCertificate: func(hello *cryptotls.ClientHelloInfo) (*cryptotls.Certificate, error) {
		chain := chains[netip.MustParseAddrPort(hello.Conn.LocalAddr().String()).Addr().Unmap().String()]
		return &chain, nil
	}}).Port()
}

func TestEveryAddressOfANameIsReadAndTheDivergentOneNamed(t *testing.T) {
	root := newRoot(t, "test root")
	leaf := func(until string) cryptotls.Certificate {
		return made(root.Issue(pki.Spec{CommonName: "cdn.example", Names: []string{"cdn.example"}, NotBefore: day("2020-01-01"), NotAfter: day(until)}))(t).TLS()
	}
	stale, fresh, odd := leaf("2027-01-01"), leaf("2030-01-01"), leaf("2031-01-01")
	tests := []struct {
		name   string
		chains map[string]cryptotls.Certificate
		want   map[string]string
	}{
		{"all alike", map[string]cryptotls.Certificate{"127.0.0.2": fresh, "127.0.0.3": fresh}, map[string]string{"127.0.0.2": "", "127.0.0.3": ""}},
		{"one of three is stale", map[string]cryptotls.Certificate{"127.0.0.2": fresh, "127.0.0.3": stale, "127.0.0.4": fresh}, map[string]string{
			"127.0.0.2": "", "127.0.0.4": "",
			"127.0.0.3": "divergent_node: differs from the one that 2 of the 3 addresses of cdn.example serve: this one ends 2027-01-01 00:00 UTC, theirs 2030-01-01 00:00 UTC",
		}},
		{"two disagree", map[string]cryptotls.Certificate{"127.0.0.2": fresh, "127.0.0.3": stale}, map[string]string{
			"127.0.0.2": "divergent_node: differs from what other addresses of cdn.example serve, and none is served by most: this one ends 2030-01-01 00:00 UTC, against 127.0.0.3 (ends 2027-01-01 00:00 UTC)",
			"127.0.0.3": "divergent_node: differs from what other addresses of cdn.example serve, and none is served by most: this one ends 2027-01-01 00:00 UTC, against 127.0.0.2 (ends 2030-01-01 00:00 UTC)",
		}},
		{"three disagree", map[string]cryptotls.Certificate{"127.0.0.2": fresh, "127.0.0.3": stale, "127.0.0.4": odd}, map[string]string{
			"127.0.0.2": "divergent_node: differs from what other addresses of cdn.example serve, and none is served by most: this one ends 2030-01-01 00:00 UTC, against 127.0.0.3 (ends 2027-01-01 00:00 UTC), 127.0.0.4 (ends 2031-01-01 00:00 UTC)",
			"127.0.0.3": "divergent_node: differs from what other addresses of cdn.example serve, and none is served by most: this one ends 2027-01-01 00:00 UTC, against 127.0.0.2 (ends 2030-01-01 00:00 UTC), 127.0.0.4 (ends 2031-01-01 00:00 UTC)",
			"127.0.0.4": "divergent_node: differs from what other addresses of cdn.example serve, and none is served by most: this one ends 2031-01-01 00:00 UTC, against 127.0.0.2 (ends 2030-01-01 00:00 UTC), 127.0.0.3 (ends 2027-01-01 00:00 UTC)",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			port := byAddress(t, test.chains)
			env := testEnv()
			env.Resolver = &zone{addresses: map[string][]string{"cdn.example": keys(test.chains)}}
			facts := collect(t, env, tls.Options{Targets: []tls.Target{{Host: "cdn.example", Port: port}}, Trust: trusting(t, root)})
			if len(facts) != len(test.chains) {
				t.Fatalf("%d facts for %d addresses", len(facts), len(test.chains))
			}
			for _, fact := range facts {
				credential := asCredential(t, fact)
				address := netip.MustParseAddrPort(credential.Details["address"].(string)).Addr().String()
				if want := fmt.Sprintf("cdn.example:%d (%s)", port, address); credential.Subject.Name != want {
					t.Errorf("name %q, want %q", credential.Subject.Name, want)
				}
				if said := strings.Join(observed(credential), "; "); said != test.want[address] {
					t.Errorf("%s\ngot  %s\nwant %s", address, said, test.want[address])
				}
			}
		})
	}
}

func keys(chains map[string]cryptotls.Certificate) []string {
	var all []string
	for address := range chains {
		all = append(all, address)
	}
	return all
}

func TestHowSubjectsAreNamed(t *testing.T) {
	root := newRoot(t, "test root")
	chain := made(root.Issue(pki.Spec{Names: []string{"www.example", "xn--bcher-kva.example", "under_score.example", "127.0.0.1", "::1", "fe80::1"}, NotAfter: day("2031-05-06")}))(t).TLS()
	port := peerOn(t, "[::]:0", &cryptotls.Config{Certificates: []cryptotls.Certificate{chain}}).Port()
	env := testEnv()
	names := &zone{addresses: map[string][]string{
		"www.example": {"::ffff:127.0.0.1"}, "www.example.": {"127.0.0.1"}, "xn--bcher-kva.example": {"::1"}, "under_score.example": {"127.0.0.1"},
	}}
	env.Resolver = names
	tests := []struct {
		name     string
		target   tls.Target
		id, want string
		sni      any
	}{
		{"a name", tls.Target{Host: "www.example"}, "www.example/127.0.0.1:PORT/sni=www.example", "www.example:PORT", "www.example"},
		{"capitals", tls.Target{Host: "WWW.Example"}, "www.example/127.0.0.1:PORT/sni=www.example", "www.example:PORT", "www.example"},
		{"a final dot", tls.Target{Host: "www.example."}, "www.example/127.0.0.1:PORT/sni=www.example", "www.example:PORT", "www.example"},
		{"an underscore", tls.Target{Host: "under_score.example"}, "under_score.example/127.0.0.1:PORT/sni=under_score.example", "under_score.example:PORT", "under_score.example"},
		{"a name beyond ASCII", tls.Target{Host: "Bücher.example"}, "xn--bcher-kva.example/[::1]:PORT/sni=xn--bcher-kva.example", "bücher.example:PORT (xn--bcher-kva.example)", "xn--bcher-kva.example"},
		{"the same in punycode", tls.Target{Host: "xn--bcher-kva.example"}, "xn--bcher-kva.example/[::1]:PORT/sni=xn--bcher-kva.example", "bücher.example:PORT (xn--bcher-kva.example)", "xn--bcher-kva.example"},
		{"an IPv4 address has no SNI", tls.Target{Host: "127.0.0.1"}, "127.0.0.1/127.0.0.1:PORT/sni=", "127.0.0.1:PORT", nil},
		{"an IPv6 address", tls.Target{Host: "::1"}, "::1/[::1]:PORT/sni=", "[::1]:PORT", nil},
		{"another server name", tls.Target{Host: "127.0.0.1", SNI: new("www.example")}, "127.0.0.1/127.0.0.1:PORT/sni=www.example", "127.0.0.1:PORT (SNI www.example)", "www.example"},
		{"no server name", tls.Target{Host: "www.example", SNI: new("")}, "www.example/127.0.0.1:PORT/sni=", "www.example:PORT (no SNI)", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.target.Port = port
			credential := credentialOf(t, collect(t, env, tls.Options{Targets: []tls.Target{test.target}, Trust: trusting(t, root)}))
			numbered := func(text string) string { return strings.ReplaceAll(text, "PORT", fmt.Sprint(port)) }
			if credential.Subject.ID != numbered(test.id) || credential.Subject.Name != numbered(test.want) {
				t.Errorf("got  %q, %q\nwant %q, %q", credential.Subject.ID, credential.Subject.Name, numbered(test.id), numbered(test.want))
			}
			if credential.Details["sni"] != test.sni {
				t.Errorf("sni is %v, want %v", credential.Details["sni"], test.sni)
			}
			wantObserved(t, credential)
		})
	}
	if asked := strings.Join(names.asked, ","); !strings.Contains(asked, "ip www.example.,") || strings.Contains(asked, "ü") {
		t.Errorf("DNS was asked for %s", asked)
	}
}

func TestALinkLocalAddressKeepsItsZone(t *testing.T) {
	env := testEnv()
	var dialled string
	env.Dial = func(_ context.Context, _, address string) (net.Conn, error) {
		dialled = address
		return nil, &net.OpError{Op: "dial", Err: context.DeadlineExceeded}
	}
	problem := problemOf(t, collect(t, env, tls.Options{Targets: []tls.Target{{Host: "fe80::1%eth0"}}, Trust: tls.Trust{System: true}}))
	if dialled != "[fe80::1%eth0]:443" || problem.Subject.ID != "fe80::1%eth0/[fe80::1%eth0]:443/sni=" || problem.Subject.Name != "[fe80::1%eth0]:443" {
		t.Errorf("dialled %q, subject %+v", dialled, problem.Subject)
	}
}

func TestNamesThatDoNotResolve(t *testing.T) {
	env := testEnv()
	env.Timeout = 5 * time.Second
	env.Resolver = &zone{errors: map[string]error{
		"slow.example":   &net.DNSError{Err: "i/o timeout", Name: "slow.example", Server: "192.0.2.53:53", IsTimeout: true},
		"broken.example": &net.DNSError{Err: "server misbehaving", Name: "broken.example", Server: "192.0.2.53:53", IsTemporary: true},
	}}
	tests := []struct {
		host   string
		reason watch.Reason
		text   string
	}{
		{"gone.example", watch.NameNotFound, "look up gone.example: no such host"},
		{"broken.example", watch.NameNotFound, "look up broken.example: server misbehaving"},
		{"slow.example", watch.TimedOut, "look up slow.example: no answer from DNS within 5s"},
	}
	for _, test := range tests {
		t.Run(test.host, func(t *testing.T) {
			problem := problemOf(t, collect(t, env, tls.Options{Targets: []tls.Target{{Host: test.host}}, Trust: tls.Trust{System: true}}))
			if problem.Reason != test.reason || problem.Err.Error() != test.text {
				t.Errorf("got %s: %v", problem.Reason, problem.Err)
			}
			if !problem.Confined || problem.HidesPrefix != test.host+"/" {
				t.Errorf("the problem hides %q (confined %t); want the addresses behind the name, and no others", problem.HidesPrefix, problem.Confined)
			}
			if want := test.host + "/:443/sni=" + test.host; problem.Subject.ID != want || problem.Subject.Name != test.host+":443" {
				t.Errorf("subject %+v", problem.Subject)
			}
		})
	}
}

func TestAFileThatIsTakenForAHostIsExplained(t *testing.T) {
	for host, want := range map[string]string{
		"nofile.pem":   "Check the name and the DNS servers that this machine uses; a file is named with its path, such as ./nofile.pem.",
		"gone.example": "",
	} {
		env := testEnv()
		env.Resolver = &zone{}
		problem := problemOf(t, collect(t, env, tls.Options{Targets: []tls.Target{{Host: host}}, Trust: tls.Trust{System: true}}))
		if problem.Reason != watch.NameNotFound || problem.Remedy != want {
			t.Errorf("%s: %s: remedy %q, want %q", host, problem.Reason, problem.Remedy, want)
		}
	}
}

func TestANameIsAskedForOnceAPass(t *testing.T) {
	root := newRoot(t, "test root")
	address := presenting(t, made(root.Issue(pki.Spec{Names: []string{"www.example"}}))(t).TLS())
	names := &zone{addresses: map[string][]string{"www.example": {"127.0.0.1"}}}
	env := testEnv()
	env.Resolver = names
	options := tls.Options{Trust: trusting(t, root)}
	for i := range 20 {
		options.Targets = append(options.Targets, tls.Target{Host: "www.example", Port: address.Port(), SNI: new(fmt.Sprintf("v%d.example", i))})
	}
	check, err := tls.New(options, env)
	if err != nil {
		t.Fatal(err)
	}
	for pass := range 2 {
		if facts, err := run(t.Context(), check); err != nil || len(facts) != 20 {
			t.Fatalf("%d facts, %v", len(facts), err)
		}
		if len(names.asked) != pass+1 {
			t.Errorf("after pass %d DNS was asked %d times", pass+1, len(names.asked))
		}
	}
}

func TestANameWithTooManyAddressesIsReported(t *testing.T) {
	var many []string
	for i := range 300 {
		many = append(many, fmt.Sprintf("127.1.%d.%d", i>>8, i&255))
	}
	root := newRoot(t, "test root")
	port := peerOn(t, "0.0.0.0:0", &cryptotls.Config{Certificates: []cryptotls.Certificate{made(root.Issue(pki.Spec{Names: []string{"many.example"}}))(t).TLS()}}).Port()
	env := testEnv()
	env.Resolver = &zone{addresses: map[string][]string{"many.example": many}}
	facts := collect(t, env, tls.Options{Targets: []tls.Target{{Host: "many.example", Port: port}}, Trust: trusting(t, root)})
	if len(facts) != 257 {
		t.Fatalf("%d facts, want 256 addresses and a problem", len(facts))
	}
	problem := facts[256].(watch.Problem) // ":" sorts after the digits of the addresses
	if problem.Reason != watch.TooLarge || problem.HidesPrefix != "many.example/" || problem.Err.Error() != "many.example has 300 addresses; only the first 256 are read" {
		t.Errorf("got %+v", problem)
	}
}

func TestWhichUnroutableAddressesArePassedOver(t *testing.T) {
	root := newRoot(t, "test root")
	address := presenting(t, made(root.Issue(pki.Spec{Names: []string{"dual.example"}}))(t).TLS())
	const unroutableText = "unreachable: connect to %s: network is unreachable"
	tests := []struct {
		name      string
		own       []string
		addresses []string
		// fixed are configured instead of found.
		fixed bool
		// skipped is what the credential says; without it every other address is a problem.
		skipped any
	}{
		{"a machine without IPv6 does not blame the service", []string{"127.0.0.1/8", "::1/128", "192.168.1.7/24", "fe80::7/64"}, []string{"127.0.0.1", "2001:db8::1", "2001:db8::2"}, false, []string{"2001:db8::1", "2001:db8::2"}},
		{"private IPv6 addresses lead to no public service", []string{"192.168.1.7/24", "fd00::7/64"}, []string{"127.0.0.1", "2001:db8::1"}, false, []string{"2001:db8::1"}},
		{"a machine that has an IPv6 address has lost its route", []string{"192.168.1.7/24", "2001:db8:7::7/64"}, []string{"127.0.0.1", "2001:db8::1"}, false, nil},
		{"a machine that does not know its own addresses", []string{"nonsense"}, []string{"127.0.0.1", "2001:db8::1"}, false, nil},
		{"an address of the same family as one that was read", []string{"2001:db8:7::7/64"}, []string{"127.0.0.1", "192.0.2.9"}, false, nil},
		{"an address that was configured", []string{"192.168.1.7/24"}, []string{"127.0.0.1", "2001:db8::1"}, true, nil},
		{"a service of which nothing can be read", []string{"192.168.1.7/24"}, []string{"2001:db8::1"}, false, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			env := testEnv()
			env.Resolver = &zone{addresses: map[string][]string{"dual.example": test.addresses}}
			dial := env.Dial
			env.Dial = func(ctx context.Context, network, to string) (net.Conn, error) {
				if !strings.HasPrefix(to, "127.0.0.1:") {
					return nil, unroutable()
				}
				return dial(ctx, network, to)
			}
			target := tls.Target{Host: "dual.example", Port: address.Port()}
			if test.fixed {
				target.Addresses = test.addresses
			}
			check, err := tls.New(tls.Options{Targets: []tls.Target{target}, Trust: trusting(t, root)}, env)
			if err != nil {
				t.Fatal(err)
			}
			tls.OnMachineWith(check, test.own...)
			facts, err := run(t.Context(), check)
			if err != nil {
				t.Fatal(err)
			}
			var got, want []string
			for _, ip := range test.addresses {
				if to := netip.AddrPortFrom(netip.MustParseAddr(ip), address.Port()).String(); to == address.String() {
					want = append(want, fmt.Sprint("skipped ", test.skipped))
				} else if test.skipped == nil {
					want = append(want, fmt.Sprintf(unroutableText, to))
				}
			}
			for _, fact := range facts {
				if problem, ok := fact.(watch.Problem); ok {
					got = append(got, fmt.Sprintf("%s: %s", problem.Reason, problem.Err))
					continue
				}
				got = append(got, fmt.Sprint("skipped ", asCredential(t, fact).Details["skipped_addresses"]))
			}
			if !slices.Equal(got, want) {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
}

func TestWhatIsSaidOfNodesWhenASiblingCannotBeRead(t *testing.T) {
	root := newRoot(t, "test root")
	leaf := func(until string) cryptotls.Certificate {
		return made(root.Issue(pki.Spec{CommonName: "cdn.example", Names: []string{"cdn.example"}, NotBefore: day("2020-01-01"), NotAfter: day(until)}))(t).TLS()
	}
	stale, fresh := leaf("2027-01-01"), leaf("2030-01-01")
	tests := []struct {
		name   string
		chains map[string]cryptotls.Certificate
		want   map[string]string
	}{
		{"nodes that differ are told all the same", map[string]cryptotls.Certificate{"127.0.0.2": fresh, "127.0.0.3": stale, "127.0.0.4": fresh}, map[string]string{
			"127.0.0.2": "", "127.0.0.4": "",
			"127.0.0.3": "divergent_node: differs from the one that 2 of the 3 addresses of cdn.example that could be read serve: this one ends 2027-01-01 00:00 UTC, theirs 2030-01-01 00:00 UTC",
		}},
		{"the only one that was read is not called compared", map[string]cryptotls.Certificate{"127.0.0.3": stale}, map[string]string{"127.0.0.3": ""}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			port := byAddress(t, test.chains)
			env := testEnv()
			env.Resolver = &zone{addresses: map[string][]string{"cdn.example": append(keys(test.chains), "192.0.2.5")}}
			dial := env.Dial
			env.Dial = func(ctx context.Context, network, to string) (net.Conn, error) {
				if strings.HasPrefix(to, "192.0.2.5:") {
					return nil, &net.OpError{Op: "dial", Net: "tcp", Err: context.DeadlineExceeded}
				}
				return dial(ctx, network, to)
			}
			facts := collect(t, env, tls.Options{Targets: []tls.Target{{Host: "cdn.example", Port: port}}, Trust: trusting(t, root)})
			if problem, ok := facts[len(facts)-1].(watch.Problem); !ok || problem.Reason != watch.TimedOut || len(facts) != len(test.chains)+1 {
				t.Fatalf("got %d facts, the last of which is %+v", len(facts), facts[len(facts)-1])
			}
			for _, fact := range facts[:len(facts)-1] {
				credential := asCredential(t, fact)
				address := netip.MustParseAddrPort(credential.Details["address"].(string)).Addr().String()
				if said := strings.Join(observed(credential), "; "); said != test.want[address] {
					t.Errorf("%s\ngot  %s\nwant %s", address, said, test.want[address])
				}
				if unread := fmt.Sprint(credential.Details["not_compared_with"]); unread != "[192.0.2.5]" {
					t.Errorf("%s: not_compared_with is %s", address, unread)
				}
			}
		})
	}
}
