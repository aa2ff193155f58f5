package tls_test

import (
	"context"
	cryptotls "crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/tls"
	"lapsewatch/internal/pki"
	"lapsewatch/watch"
)

// row starts n servers on addresses of their own, each with its own leaf of the same
// intermediate.
func row(b *testing.B, n int) ([]netip.AddrPort, pki.Pair) {
	b.Helper()
	root := newRoot(b, "bench root")
	intermediate := made(root.Issue(pki.Spec{CommonName: "bench intermediate", IsCA: true}))(b)
	leaves := make(map[netip.Addr]*cryptotls.Certificate, n)
	var addresses []netip.AddrPort
	for i := range n {
		address := netip.AddrFrom4([4]byte{127, 77, byte(i >> 8), byte(i)})
		leaf := made(intermediate.Issue(pki.Spec{CommonName: "leaf", Names: []string{address.String()}}))(b).TLS()
		leaves[address] = &leaf
	}
	config := &cryptotls.Config{GetCertificate: func(hello *cryptotls.ClientHelloInfo) (*cryptotls.Certificate, error) {
		local := netip.MustParseAddrPort(hello.Conn.LocalAddr().String())
		return leaves[local.Addr().Unmap()], nil
	}}
	server := peerOn(b, "0.0.0.0:0", config)
	for address := range leaves {
		addresses = append(addresses, netip.AddrPortFrom(address, server.Port()))
	}
	return addresses, root
}

const benchServers = 1000

// BenchmarkRead compares this check with a client that leaves all to crypto/tls. The
// servers run in the same process and weigh on both alike, so the ratio is milder than
// in `make bench`.
func BenchmarkRead(b *testing.B) {
	addresses, root := row(b, benchServers)
	b.Run("ours", func(b *testing.B) {
		options := tls.Options{Trust: trusting(b, root), Concurrency: 100}
		for _, address := range addresses {
			options.Targets = append(options.Targets, tls.Target{Host: address.Addr().String(), Port: address.Port()})
		}
		for b.Loop() {
			check, err := tls.New(options, testEnv())
			if err != nil {
				b.Fatal(err)
			}
			readAll(b, check)
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*benchServers), "µs/endpoint")
	})
	b.Run("defaults", func(b *testing.B) {
		config := &cryptotls.Config{RootCAs: root.Pool()}
		for b.Loop() {
			readPlainly(b, addresses, config)
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*benchServers), "µs/endpoint")
	})
}

func readAll(b *testing.B, check watch.Check) {
	facts, err := run(b.Context(), check)
	if err != nil || len(facts) != benchServers {
		b.Fatalf("%d facts, %v", len(facts), err)
	}
	for _, fact := range facts {
		if said := observed(asCredential(b, fact)); len(said) > 0 {
			b.Fatal(said)
		}
	}
}

func readPlainly(b *testing.B, addresses []netip.AddrPort, config *cryptotls.Config) {
	slots := make(chan struct{}, 100)
	var running sync.WaitGroup
	for _, address := range addresses {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			conn, err := cryptotls.Dial("tcp", address.String(), config)
			if err != nil {
				b.Error(err)
				return
			}
			_ = conn.Close()
		})
	}
	running.Wait()
}

// BenchmarkWaiting measures what a host costs that takes the connection and never
// answers.
func BenchmarkWaiting(b *testing.B) {
	const hosts = 2000
	silent := talkerOn(b, "0.0.0.0:0", func(conn net.Conn) { _, _ = conn.Read(make([]byte, 4096)); _, _ = conn.Read(make([]byte, 1)) })
	options := tls.Options{Trust: tls.Trust{System: true}, Concurrency: hosts}
	for i := range hosts {
		options.Targets = append(options.Targets, tls.Target{Host: fmt.Sprintf("127.78.%d.%d", i>>8, i&255), Port: silent.Port()})
	}
	env := testEnv()
	env.Timeout = time.Minute
	for b.Loop() {
		b.ReportMetric(float64(waitingCost(b, env, options, hosts))/1024/hosts, "KiB/host")
	}
}

func waitingCost(b *testing.B, env checks.Env, options tls.Options, hosts int) uint64 {
	var connected sync.WaitGroup
	connected.Add(hosts)
	dial := env.Dial
	env.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		connected.Done()
		return conn, err
	}
	check, err := tls.New(options, env)
	if err != nil {
		b.Fatal(err)
	}
	before := inUse()
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error)
	go func() { done <- check.Collect(ctx, func(watch.Fact) {}) }()
	connected.Wait()
	time.Sleep(500 * time.Millisecond) // until all have said their hello
	after := inUse()
	cancel()
	<-done
	return after - before
}

func inUse() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapInuse + stats.StackInuse
}
