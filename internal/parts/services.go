package parts

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lapsewatch/internal/pki"
)

// Slapd starts OpenLDAP's server with an empty directory and returns the addresses for
// LDAP with StartTLS and for LDAP over TLS.
func Slapd(t testing.TB, pair pki.Pair) (ldap, ldaps string) {
	t.Helper()
	path := program(t, "slapd", "slapd")
	p := newPart(t, pair)
	p.listenOn("ldap", "ldaps")
	p.start(syscall.SIGKILL, p.accepting, path, "-d", "0", "-f", p.configure("slapd.conf", p),
		"-h", "ldap://"+p.address("ldap")+"/ ldaps://"+p.address("ldaps")+"/")
	return p.address("ldap"), p.address("ldaps")
}

// Vsftpd starts vsftpd with an empty folder for anonymous users and returns its address,
// which offers AUTH TLS.
func Vsftpd(t testing.TB, pair pki.Pair) (address string) {
	t.Helper()
	path := program(t, "vsftpd", "vsftpd")
	p := newPart(t, pair)
	p.folder("empty")
	p.listenOn("ftp")
	p.start(syscall.SIGKILL, p.accepting, path, p.configure("vsftpd.conf", p))
	return p.address("ftp")
}

// Chat are the addresses of an XMPP server.
type Chat struct {
	// Client and Server offer STARTTLS; Direct is for clients with TLS from the first byte.
	Client, Server, Direct string
}

// Prosody starts prosody, which serves the name "localhost" and no other.
func Prosody(t testing.TB, pair pki.Pair) Chat {
	t.Helper()
	path := program(t, "prosody", "prosody")
	p := newPart(t, pair)
	p.listenOn("client", "server", "direct")
	p.start(syscall.SIGKILL, p.accepting, path, "-F", "--config", p.configure("prosody.cfg.lua", p))
	return Chat{Client: p.address("client"), Server: p.address("server"), Direct: p.address("direct")}
}

// Database is where a database server listens.
type Database struct {
	Addr string
	// URL opens the PostgreSQL database "postgres" as its superuser, without TLS and
	// without a password.
	URL string
}

// PostgreSQL starts a fresh PostgreSQL cluster that offers TLS. It does not survive a
// crash of the machine: it writes without fsync.
func PostgreSQL(t testing.TB, pair pki.Pair) Database {
	t.Helper()
	bin := newestPostgreSQL(t)
	p := newPart(t, pair)
	p.listenOn("postgres")
	data := filepath.Join(p.Dir, "data")
	p.run(filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-N", "--no-instructions", "--locale=C", "-E", "UTF8")
	port := p.address("postgres")[len("127.0.0.1:"):]
	ready := func() error {
		return exec.Command(filepath.Join(bin, "pg_isready"), "-q", "-h", "127.0.0.1", "-p", port).Run()
	}
	// SIGQUIT: at once, without waiting for clients, and leaving no shared memory behind.
	p.start(syscall.SIGQUIT, ready, filepath.Join(bin, "postgres"), "-D", data, "-k", p.Dir, "-h", "127.0.0.1", "-p", port,
		"-c", "fsync=off", "-c", "ssl=on", "-c", "ssl_cert_file="+p.Chain, "-c", "ssl_key_file="+p.Key)
	return Database{Addr: p.address("postgres"), URL: "postgres://postgres@" + p.address("postgres") + "/postgres?sslmode=disable"}
}

func newestPostgreSQL(t testing.TB) (bin string) {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	for _, candidate := range found {
		if _, err := os.Stat(filepath.Join(candidate, "initdb")); err == nil {
			bin = candidate
		}
	}
	if bin == "" {
		missing(t, "PostgreSQL's initdb", "postgresql")
	}
	return bin
}

// MariaDB starts a fresh MariaDB that offers TLS and lets everybody do everything.
func MariaDB(t testing.TB, pair pki.Pair) Database {
	t.Helper()
	path := program(t, "mariadbd", "mariadb-server")
	p := newPart(t, pair)
	p.listenOn("mysql")
	data := p.folder("data")
	p.start(syscall.SIGKILL, p.accepting, path, "--no-defaults", "--skip-grant-tables", "--datadir="+data,
		"--socket="+filepath.Join(p.Dir, "socket"), "--bind-address=127.0.0.1", "--port="+p.address("mysql")[len("127.0.0.1:"):],
		"--ssl-cert="+p.Chain, "--ssl-key="+p.Key)
	return Database{Addr: p.address("mysql")}
}

// Alertmanager starts an Alertmanager of its own, which notifies nobody, and returns the
// base URL of its API: https, for the user "lapsewatch" with the password "x".
func Alertmanager(t testing.TB, pair pki.Pair) (url string) {
	t.Helper()
	path := program(t, "prometheus-alertmanager", "prometheus-alertmanager")
	p := newPart(t, pair)
	p.listenOn("http")
	p.start(syscall.SIGKILL, p.accepting, path, "--config.file="+p.configure("alertmanager.yml", p), "--storage.path="+p.folder("data"),
		"--web.config.file="+p.configure("alertmanager-web.yml", p), "--web.listen-address="+p.address("http"), "--cluster.listen-address=")
	return "https://" + p.address("http")
}

// SyslogServer is an rsyslog that keeps what it takes for Lines.
type SyslogServer struct {
	// TLS, TCP and UDP are its addresses for each transport.
	TLS, TCP, UDP string
	file          string
}

// Rsyslog starts rsyslog. It takes what it is sent over each transport.
func Rsyslog(t testing.TB, pair pki.Pair) SyslogServer {
	t.Helper()
	path := program(t, "rsyslogd", "rsyslog")
	if found, _ := filepath.Glob("/usr/lib/*/rsyslog/lmnsd_gtls.so"); len(found) == 0 {
		missing(t, "rsyslog's TLS", "rsyslog-gnutls")
	}
	p := newPart(t, pair)
	p.listenOn("tls", "tcp", "udp")
	kept := p.file("kept", nil)
	ready := func() error {
		ports := p.Ports
		defer func() { p.Ports = ports }()
		p.Ports = map[string]int{"tls": ports["tls"], "tcp": ports["tcp"]}
		return p.accepting()
	}
	p.start(syscall.SIGTERM, ready, path, "-n", "-i", filepath.Join(p.Dir, "pid"), "-f", p.configure("rsyslog.conf", p))
	return SyslogServer{TLS: p.address("tls"), TCP: p.address("tcp"), UDP: p.address("udp"), file: kept}
}

// Lines waits until at least so many messages have come, and returns each with its
// fields as rsyslog has read them.
func (s SyslogServer) Lines(t testing.TB, atLeast int) []string {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		content, err := os.ReadFile(s.file)
		if err != nil {
			t.Fatalf("read what rsyslog kept: %v", err)
		}
		lines := strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
		if len(content) > 0 && len(lines) >= atLeast {
			return lines
		}
		if time.Now().After(deadline) {
			t.Fatalf("rsyslog kept %d messages in %v, want %d: %q", len(lines), patience, atLeast, content)
		}
	}
}
