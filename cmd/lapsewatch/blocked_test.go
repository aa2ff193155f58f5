package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"lapsewatch/internal/pki"
)

// A log that nobody reads any more once stopped a whole service. Here stderr takes
// nothing at all: the warning is delivered all the same, the results are written, and
// the run ends.
func TestO4_ABlockedStderrHoldsNoRun(t *testing.T) {
	folder := t.TempDir()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &mailSession{folder: folder}, nil }))
	server.Domain = "localhost"
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	pair, err := pki.SelfSigned(pki.Spec{CommonName: "web", NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(0, 0, 20)})
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	configuration := write("lapsewatch.yaml", fmt.Sprintf(`
checks: [{name: files, kind: certfiles, options: {paths: [%q]}}]
alerts: [{name: mail, kind: email, options: {host: 127.0.0.1, port: %d, tls: none, from: a@example.com, to: [b@example.com]}}]
ledger: {dsn: "sqlite:%s/ledger.db"}
log: {level: debug}
`, write("web.pem", string(pair.ChainPEM())), listener.Addr().(*net.TCPAddr).Port, folder))

	reader, blocked := io.Pipe()
	t.Cleanup(func() { _ = reader.Close() })
	var results bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		ended <- app{stdout: &results, stderr: blocked}.execute(t.Context(), []string{"run", "--config", configuration})
	}()
	select {
	case code := <-ended:
		if code != exitDone {
			t.Errorf("exit code %d", code)
		}
	case <-time.After(time.Minute):
		t.Fatal("the run hangs on its log")
	}
	if _, err := os.Stat(filepath.Join(folder, "mail-1.eml")); err != nil {
		t.Errorf("the warning was not delivered: %v", err)
	}
	if !bytes.Contains(results.Bytes(), []byte("4 subjects: 1 warning, 3 ok")) {
		t.Errorf("the results are %q", results.String())
	}
}
