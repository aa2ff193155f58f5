package tls

import (
	"context"
	cryptotls "crypto/tls"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	gopsnet "github.com/shirou/gopsutil/v4/net"

	"lapsewatch/checks"
	"lapsewatch/watch"
)

func TestWhichSocketsListen(t *testing.T) {
	socket := func(ip string, port uint32, pid int32, status string, family uint32) gopsnet.ConnectionStat {
		return gopsnet.ConnectionStat{Laddr: gopsnet.Addr{IP: ip, Port: port}, Pid: pid, Status: status, Family: family}
	}
	tests := []struct {
		name    string
		sockets []gopsnet.ConnectionStat
		want    []string
	}{
		{"a socket for all IPv4 addresses is reached over loopback", []gopsnet.ConnectionStat{socket("0.0.0.0", 443, 7, "LISTEN", 2)}, []string{"127.0.0.1:443"}},
		{"a socket for all IPv6 addresses is reached over loopback", []gopsnet.ConnectionStat{socket("::", 443, 7, "LISTEN", 10)}, []string{"[::1]:443"}},
		{"macOS writes a star", []gopsnet.ConnectionStat{socket("*", 443, 7, "LISTEN", 2), socket("*", 444, 7, "LISTEN", 30)}, []string{"127.0.0.1:443", "[::1]:444"}},
		{"one process on both families is one listener", []gopsnet.ConnectionStat{socket("::", 443, 7, "LISTEN", 10), socket("0.0.0.0", 443, 7, "LISTEN", 2)}, []string{"127.0.0.1:443"}},
		{"two processes on one port are two", []gopsnet.ConnectionStat{socket("::", 443, 8, "LISTEN", 10), socket("0.0.0.0", 443, 7, "LISTEN", 2)}, []string{"127.0.0.1:443", "[::1]:443"}},
		{"workers that share a socket are one", []gopsnet.ConnectionStat{socket("192.0.2.7", 443, 7, "LISTEN", 2), socket("192.0.2.7", 443, 8, "LISTEN", 2)}, []string{"192.0.2.7:443"}},
		{"a connection does not listen", []gopsnet.ConnectionStat{socket("192.0.2.7", 443, 7, "ESTABLISHED", 2)}, nil},
		{"an address that cannot be read is passed over", []gopsnet.ConnectionStat{socket("nowhere", 443, 7, "LISTEN", 2)}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, found := range listeners(test.sockets) {
				got = append(got, found.address.String())
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestAPortOfAStartTLSProtocolIsSpokenToInIt(t *testing.T) {
	for port, want := range map[uint16]string{25: "smtp", 587: "submission", 143: "imap", 110: "pop3", 21: "ftp", 389: "ldap", 5432: "postgres", 3306: "mysql", 5222: "xmpp", 443: "", 8443: ""} {
		made := listener{address: netip.AddrPortFrom(loopback(false), port)}.service()
		if string(made.protocol) != want || made.verify != "" || made.sni != "" {
			t.Errorf("port %d: %+v", port, made)
		}
	}
}

// listen starts a server of this process and says on which port.
func listen(t *testing.T, talk func(net.Conn)) string {
	t.Helper()
	socket, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := socket.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				talk(conn)
				_ = conn.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = socket.Close()
		running.Wait()
	})
	_, port, err := net.SplitHostPort(socket.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return "127.0.0.1:" + port
}

func TestTLSSocketsOfThisMachineAreFoundWithoutBeingTold(t *testing.T) {
	chain := testChain(t)
	secure := listen(t, func(conn net.Conn) {
		side := cryptotls.Server(conn, &cryptotls.Config{Certificates: []cryptotls.Certificate{chain}})
		if side.Handshake() == nil {
			_, _ = side.Read(make([]byte, 1))
		}
	})
	picky := listen(t, func(conn net.Conn) {
		_ = cryptotls.Server(conn, &cryptotls.Config{GetCertificate: func(*cryptotls.ClientHelloInfo) (*cryptotls.Certificate, error) { return nil, os.ErrNotExist }}).Handshake()
	})
	plain := listen(t, func(conn net.Conn) { _, _ = conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) })
	silent := listen(t, func(conn net.Conn) { _, _ = conn.Read(make([]byte, 4096)); _, _ = conn.Read(make([]byte, 1)) })
	env := checks.DefaultEnv(nil)
	dial := env.Dial
	// The servers of other tests on this machine are left in peace.
	env.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if slices.Contains([]string{secure, picky, plain, silent}, address) {
			return dial(ctx, network, address)
		}
		return nil, &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	announced := 0
	var mu sync.Mutex
	env.Expect = func(n int) {
		mu.Lock()
		defer mu.Unlock()
		announced += n
	}
	check, err := Kind.BuildForThisMachine(env)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]watch.Fact{}
	err = check.Collect(t.Context(), func(fact watch.Fact) {
		mu.Lock()
		defer mu.Unlock()
		found[strings.Split(fact.About().ID, "/")[1]] = fact
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 2 || announced != 2 {
		t.Fatalf("found %v and announced %d, want the two that speak TLS", found, announced)
	}
	credential, ok := found[secure].(watch.Credential)
	if !ok || stamp(credential.NotAfter) != "2031-05-06T00:00:00Z" {
		t.Fatalf("got %+v", found[secure])
	}
	process := filepath.Base(os.Args[0])
	if credential.Details["pid"] != os.Getpid() || credential.Details["process"] != process || credential.Subject.Name != secure+" ("+process+")" {
		t.Errorf("process %v, pid %v, name %q", credential.Details["process"], credential.Details["pid"], credential.Subject.Name)
	}
	for _, observation := range credential.Observations {
		if observation.Reason == watch.NameMismatch {
			t.Errorf("nobody knows the right name here, yet: %s", observation.Text)
		}
	}
	if problem, ok := found[picky].(watch.Problem); !ok || problem.Reason != watch.HandshakeFailed {
		t.Errorf("got %+v", found[picky])
	}
}

func TestAMachineOnWhichNothingListensIsNoError(t *testing.T) {
	options := defaults()
	options.listeners = listeners(nil)
	if err := options.Validate(); err != nil {
		t.Error(err)
	}
}
