package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"lapsewatch/internal/parts"
	"lapsewatch/internal/pki"
)

// program runs lapsewatch in a folder's configuration and gives what it wrote.
type program struct {
	t      *testing.T
	config string
}

func (p program) run(wantCode int, args ...string) (stdout, stderr string) {
	p.t.Helper()
	var out bytes.Buffer
	complaints := &sharedBuffer{}
	code := app{stdout: &out, stderr: complaints}.execute(p.t.Context(), append(args, "--config", p.config))
	if code != wantCode {
		p.t.Fatalf("lapsewatch %s: exit code %d, want %d\n%s\n%s", strings.Join(args, " "), code, wantCode, out.String(), complaints.String())
	}
	return out.String(), complaints.String()
}

func TestTheWholeJobKeepsItsLedgerInPostgreSQL(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	expiring, err := pki.SelfSigned(pki.Spec{CommonName: "web", NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(0, 0, 20).Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	server, err := pki.SelfSigned(pki.Spec{CommonName: "localhost", NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(1, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	database := parts.PostgreSQL(t, server)
	const canary = "canary-password-71"
	t.Setenv("LEDGER_URL", strings.Replace(database.URL, "postgres@", "postgres:"+canary+"@", 1))
	told := filepath.Join(folder, "told")
	p := program{t, write("lapsewatch.yaml", fmt.Sprintf(`
checks: [{name: files, kind: certfiles, options: {paths: [%q]}}]
alerts: [{name: program, kind: exec, options: {command: [/bin/sh, -c, "cat >>%s"]}}]
ledger: {dsn_from: {env: LEDGER_URL}}
`, write("web.pem", string(expiring.ChainPEM())), told))}

	out, _ := p.run(exitDone, "config", "check")
	if !strings.Contains(out, "ledger in environment variable LEDGER_URL") {
		t.Errorf("config check says %s", out)
	}
	_, log := p.run(exitDone, "run", "--dry-run")
	if !strings.Contains(log, "would tell program: 1 change") {
		t.Errorf("the dry run says %s", log)
	}
	_, log = p.run(exitDone, "run")
	if !strings.Contains(log, "told program: 1 change (exit status 0") {
		t.Errorf("the first run says %s", log)
	}
	if _, err := os.Stat(told); err != nil {
		t.Error(err)
	}
	_, log = p.run(exitDone, "run")
	if !strings.Contains(log, "told nobody: nothing has changed") {
		t.Errorf("the second run says %s", log)
	}
	p.run(exitDone, "ack", "*.pem", "--for", "3d", "--reason", "planned")
	out, _ = p.run(exitDone, "run")
	if !regexp.MustCompile(`acknowledged until .* planned`).MatchString(out) {
		t.Errorf("the report says %s", out)
	}
	out, _ = p.run(exitDone, "alerts", "list")
	if !regexp.MustCompile(`program +exec +0 .*\n\n.*\n.* program +1 +delivered`).MatchString(out) {
		t.Errorf("alerts list says %s", out)
	}

	t.Setenv("LEDGER_URL", strings.Replace(os.Getenv("LEDGER_URL"), database.Addr, "127.0.0.1:1", 1))
	out, log = p.run(exitFailed, "run")
	if !strings.Contains(out, "cannot be used, so that this run remembers nothing") || !strings.Contains(log, "told program: 2 changes") {
		t.Errorf("without its database the run says %s\n%s", out, log)
	}
	if strings.Contains(out+log, canary) {
		t.Errorf("the password is shown: %s\n%s", out, log)
	}
}
