package parts

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"lapsewatch/internal/pki"
)

// Web are the URLs of a web server, without a path.
type Web struct{ HTTP, HTTPS string }

// ShiftedNginx starts nginx with a clock that is off by shift; positive is ahead.
func ShiftedNginx(t testing.TB, pair pki.Pair, shift time.Duration) Web {
	t.Helper()
	path := program(t, "nginx", "nginx-light")
	p := newPart(t, pair)
	p.listenOn("http", "https")
	command := append(shifted(t, shift), path, "-e", "stderr", "-p", p.Dir, "-c", p.configure("nginx-shifted.conf", p))
	p.start(syscall.SIGKILL, p.accepting, "/usr/bin/env", command...)
	return Web{HTTP: "http://" + p.address("http"), HTTPS: "https://" + p.address("https")}
}

// CachingNginx starts nginx as a cache before the origin, whose Date it passes on, and
// returns its URL. It keeps an answer for an hour and says so in X-Cache.
func CachingNginx(t testing.TB, origin string) (url string) {
	t.Helper()
	path := program(t, "nginx", "nginx-light")
	p := newPart(t, certificateFor(t, nil))
	p.listenOn("http")
	configuration := p.configure("nginx-cache.conf", struct {
		*part
		Origin string
	}{p, origin})
	p.start(syscall.SIGKILL, p.accepting, path, "-e", "stderr", "-p", p.Dir, "-c", configuration)
	return "http://" + p.address("http")
}

// shifted is the environment that gives a program another clock. libfaketime shifts what
// the C library tells it, so that it works for no Go program. It reads the environment
// again after 10 s, which nginx has emptied by then, unless it is told to remember.
func shifted(t testing.TB, shift time.Duration) []string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/*/faketime/libfaketime.so.1")
	if len(found) == 0 {
		missing(t, "libfaketime.so.1", "libfaketime")
	}
	sign := ""
	if shift >= 0 {
		sign = "+"
	}
	return []string{
		"LD_PRELOAD=" + found[0], "FAKETIME_DONT_FAKE_MONOTONIC=1", "FAKETIME_CACHE_DURATION=1000000",
		"FAKETIME=" + sign + strconv.FormatFloat(shift.Seconds(), 'f', 6, 64),
	}
}

// NodeExporter starts Prometheus' node_exporter with the collectors for the clock, which
// is this machine's, and returns its URL.
func NodeExporter(t testing.TB) (url string) {
	t.Helper()
	return "http://" + nodeExporter(t, newPart(t, certificateFor(t, nil)))
}

// SecuredNodeExporter starts one with TLS that wants the user "lapsewatch" with the
// password "x".
func SecuredNodeExporter(t testing.TB, pair pki.Pair) (url string) {
	t.Helper()
	p := newPart(t, pair)
	return "https://" + nodeExporter(t, p, "--web.config.file="+p.configure("alertmanager-web.yml", p))
}

func nodeExporter(t testing.TB, p *part, options ...string) (address string) {
	t.Helper()
	path := program(t, "prometheus-node-exporter", "prometheus-node-exporter")
	p.listenOn("http")
	options = append(options, "--web.listen-address="+p.address("http"), "--collector.disable-defaults", "--collector.time", "--collector.timex")
	p.start(syscall.SIGKILL, p.accepting, path, options...)
	return p.address("http")
}

// SSHServer is an sshd that lets one account in with one key.
type SSHServer struct {
	Addr, User string
	// HostKey is a line as in ssh_host_…_key.pub.
	HostKey string
	// PrivateKey is what it lets in, in OpenSSH's PEM.
	PrivateKey string
}

// Sshd starts OpenSSH's server with a clock that is off by shift for what it runs. It
// lets in the account that it runs as: a server without privileges can do no other.
// "nobody" has no shell, so that as root it is that of PostgreSQL, which Debian gives one.
func Sshd(t testing.TB, shift time.Duration) SSHServer {
	t.Helper()
	path := program(t, "sshd", "openssh-server")
	p := newPart(t, certificateFor(t, nil))
	p.runAsAccountWithShell()
	p.listenOn("ssh")
	host, hostLine := sshKey(t)
	client, clientLine := sshKey(t)
	configuration := p.configure("sshd_config", struct {
		*part
		HostKey, Authorised, Environment string
	}{p, p.file("host-key", []byte(host)), p.file("authorised", []byte(clientLine)), strings.Join(shifted(t, shift), " ")})
	p.start(syscall.SIGKILL, p.accepting, path, "-D", "-e", "-f", configuration)
	return SSHServer{Addr: p.address("ssh"), User: p.User, HostKey: hostLine, PrivateKey: client}
}

// runAsAccountWithShell changes the account where nobody would run the server.
func (p *part) runAsAccountWithShell() {
	p.t.Helper()
	if p.User != "nobody" {
		return
	}
	who, err := user.Lookup("postgres")
	if err != nil {
		missing(p.t, "an account with a shell", "postgresql")
	}
	p.account = account{User: who.Username, Group: p.Group, UID: number(p.t, who.Uid), GID: number(p.t, who.Gid)}
	for _, path := range []string{p.Dir, p.Chain, p.Key} {
		p.own(path)
	}
}

// sshKey makes a key: the private half in PEM, the public one as a line.
func sshKey(t testing.TB) (private, line string) {
	t.Helper()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatalf("make a key: %v", err)
	}
	block, err := ssh.MarshalPrivateKey(crypto.PrivateKey(key), "")
	if err != nil {
		t.Fatalf("write a private key: %v", err)
	}
	known, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatalf("write a public key: %v", err)
	}
	return string(pem.EncodeToMemory(block)), fmt.Sprintf("%s lapsewatch-test\n", strings.TrimSpace(string(ssh.MarshalAuthorizedKey(known))))
}
