package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lapsewatch/internal/pki"
	"lapsewatch/ledger"
)

// installation is a folder with everything that a run needs: a certificate that expires
// in 20 days, a configuration and a ledger.
type installation struct {
	t      *testing.T
	folder string
}

func newInstallation(t *testing.T) installation {
	t.Helper()
	i := installation{t, t.TempDir()}
	i.certificate("web.pem", 20)
	return i
}

func (i installation) path(name string) string { return filepath.Join(i.folder, name) }

func (i installation) write(name, text string) string {
	i.t.Helper()
	if err := os.WriteFile(i.path(name), []byte(text), 0o600); err != nil {
		i.t.Fatal(err)
	}
	return i.path(name)
}

// certificate writes one that expires in so many days and a half.
func (i installation) certificate(name string, days int) {
	i.t.Helper()
	ends := time.Now().AddDate(0, 0, days).Add(12 * time.Hour)
	pair, err := pki.SelfSigned(pki.Spec{CommonName: name, NotBefore: ends.AddDate(-1, 0, 0), NotAfter: ends})
	if err != nil {
		i.t.Fatal(err)
	}
	i.write(name, string(pair.ChainPEM()))
}

// configure writes a configuration that watches the certificate and has the alerts, one
// for each line.
func (i installation) configure(alerts ...string) {
	i.t.Helper()
	i.write("lapsewatch.yaml", fmt.Sprintf(`
checks: [{name: files, kind: certfiles, options: {paths: [%q]}}]
alerts:
  - %s
ledger: {dsn: "sqlite:%s"}
log: {level: debug}
limits: {deadline: 2m}
`, i.path("web.pem"), strings.Join(alerts, "\n  - "), i.path("ledger.db")))
}

// hook is a webhook in the configuration.
func (i installation) hook(name, url, authority string) string {
	secret := i.write("hook-secret", "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
	return fmt.Sprintf("{name: %s, kind: webhook, options: {url: %q, ca_file: %q, timeout: 2s, signing_secrets: [{file: %q}]}}", name, url, authority, secret)
}

// mailTo is a mail to ops@example.com in the configuration.
func mailAlert(port int) string {
	return fmt.Sprintf("{name: mail, kind: email, options: {host: 127.0.0.1, port: %d, tls: none, from: a@example.com, to: [ops@example.com]}}", port)
}

// lapsewatch runs a command of the program in this process.
func (i installation) lapsewatch(args ...string) (code int, stdout, stderr string) {
	i.t.Helper()
	var out, complaints sharedBuffer
	code = app{stdout: &out, stderr: &complaints}.execute(i.t.Context(), append(args, "--config", i.path("lapsewatch.yaml")))
	return code, out.String(), complaints.String()
}

// sharedBuffer is written to by the log and by the run itself, each at its own time.
type sharedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *sharedBuffer) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(text)
}

func (b *sharedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// wantRun makes a run that ends with the code.
func (i installation) wantRun(code int) (stdout, stderr string) {
	i.t.Helper()
	got, stdout, stderr := i.lapsewatch("run")
	if got != code {
		i.t.Fatalf("exit code %d, want %d:\n%s%s", got, code, stdout, stderr)
	}
	return stdout, stderr
}

// process is the program as a process of its own, which is to be started still.
func (i installation) process(said io.Writer) *exec.Cmd {
	program := exec.CommandContext(i.t.Context(), "lapsewatch", "run", "--config", i.path("lapsewatch.yaml"))
	program.Stdout, program.Stderr = said, said
	program.Env = append(os.Environ(), "HOME="+i.folder, "TMPDIR="+i.folder)
	return program
}

func (i installation) ledger() *ledger.Ledger {
	i.t.Helper()
	kept, err := ledger.Open(i.t.Context(), "sqlite:"+i.path("ledger.db"))
	if err != nil {
		i.t.Fatal(err)
	}
	i.t.Cleanup(func() { _ = kept.Close() })
	return kept
}

// deliveries are those of each channel, the newest first.
func (i installation) deliveries() map[string][]ledger.Delivered {
	i.t.Helper()
	kept := i.ledger()
	defer func() { _ = kept.Close() }()
	all, err := kept.Deliveries(i.t.Context(), 1000)
	if err != nil {
		i.t.Fatal(err)
	}
	byChannel := map[string][]ledger.Delivered{}
	for _, delivery := range all {
		byChannel[delivery.Channel] = append(byChannel[delivery.Channel], delivery)
	}
	return byChannel
}

// serveTLS starts a service, and gives the file with its authority.
func (i installation) serveTLS(handler http.HandlerFunc) (url, authority string) {
	i.t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	i.t.Cleanup(server.CloseClientConnections)
	i.t.Cleanup(server.Close)
	authority = i.write("authority-"+server.Listener.Addr().String()+".pem", string(pki.Pair{Chain: []*x509.Certificate{server.Certificate()}}.ChainPEM()))
	return server.URL, authority
}

// serveRaw starts a TLS service that does with each connection as it pleases.
func (i installation) serveRaw(handle func(conn *tls.Conn)) (url, authority string) {
	i.t.Helper()
	pair, err := pki.SelfSigned(pki.Spec{CommonName: "raw", Names: []string{"127.0.0.1"}})
	if err != nil {
		i.t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair.TLS()}})
	if err != nil {
		i.t.Fatal(err)
	}
	i.t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				handle(conn.(*tls.Conn))
			}()
		}
	}()
	address := listener.Addr().String()
	return "https://" + address, i.write("authority-"+address+".pem", string(pair.ChainPEM()))
}

func exitCodeOf(err error) int {
	if err == nil {
		return exitDone
	}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return -1
}
