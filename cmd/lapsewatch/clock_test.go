package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"lapsewatch/internal/ntp/ntptest"
	"lapsewatch/internal/parts"
	"lapsewatch/internal/pki"
)

// The scripts of this folder find the addresses of real chronyds in their variables:
// TRUE1 to TRUE5, FALSE (5 s ahead), YEAR1 to YEAR4 (a year behind), AHEAD (a year ahead),
// ZONE (8 h 59 min 59 s ahead), FREE (not synchronised), and SILENT, where nobody answers.
func TestClockScripts(t *testing.T) {
	const year = 365 * 24 * time.Hour
	servers := map[string]string{"SILENT": "127.0.0.1:9"}
	for _, name := range []string{"TRUE1", "TRUE2", "TRUE3", "TRUE4", "TRUE5"} {
		servers[name] = parts.TrueTime(t).NTP
	}
	for name, offset := range map[string]time.Duration{
		"FALSE": 5 * time.Second, "YEAR1": -year, "YEAR2": -year, "YEAR3": -year, "YEAR4": -year,
		"AHEAD": year, "ZONE": 9*time.Hour - time.Second,
	} {
		servers[name] = parts.ShiftedTime(t, offset).NTP
	}
	servers["FREE"] = parts.UnsynchronisedTime(t).NTP
	testscript.Run(t, testscript.Params{
		Dir: "testdata/clock",
		Setup: func(env *testscript.Env) error {
			withoutHome(env)
			for name, address := range servers {
				env.Setenv(name, address)
			}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"cert": makeCert, "exitcode": wantExitCode, "envsubst": substitute, "webhookserver": startWebhook,
		},
		RequireExplicitExec: true,
	})
}

// By an own clock that is a year ahead the receiver's certificate has run out, and so has
// the watched one. The references know better: the alert arrives, and says one thing.
func TestF7_AWrongOwnClockKeepsNoAlertFromItsReceiver(t *testing.T) {
	const year = 365 * 24 * time.Hour
	folder := t.TempDir()
	pair, err := pki.SelfSigned(pki.Spec{CommonName: "127.0.0.1", Names: []string{"127.0.0.1"}, NotBefore: time.Now().AddDate(-3, 0, 0), NotAfter: time.Now().AddDate(0, 0, -10)})
	if err != nil {
		t.Fatal(err)
	}
	var heard []string
	var mu sync.Mutex
	receiver := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, string(body))
	}))
	receiver.TLS = &tls.Config{Certificates: []tls.Certificate{pair.TLS()}}
	receiver.StartTLS()
	t.Cleanup(receiver.Close)
	certificate := filepath.Join(folder, "site.pem")
	p := program{t, filepath.Join(folder, "lapsewatch.yaml")}
	behind := ntptest.True()
	behind.Shift = -year
	config := fmt.Sprintf(`
clock: {references: ["ntp://%s", "ntp://%s", "ntp://%s", "ntp://%s"]}
checks: [{name: files, kind: certfiles, options: {paths: [%q]}}]
alerts: [{name: hook, kind: webhook, options: {url: %q, ca_file: %q, signing_secrets: [{file: %q}]}}]
ledger: {dsn: "sqlite:%s"}
`, ntptest.Serve(t, behind).Addr, ntptest.Serve(t, behind).Addr, ntptest.Serve(t, behind).Addr, ntptest.Serve(t, behind).Addr,
		certificate, receiver.URL, certificate, filepath.Join(folder, "secret"), filepath.Join(folder, "ledger.db"))
	for path, text := range map[string]string{p.config: config, certificate: string(pair.ChainPEM()), filepath.Join(folder, "secret"): "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, log := p.run(exitDone, "run")
	if !strings.Contains(log, "told hook: 1 change") || !strings.Contains(out, "own clock not to be believed") || !regexp.MustCompile(`ok +\S*site.pem .* 35\d d`).MatchString(out) {
		t.Errorf("the run says\n%s\n%s", out, log)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(heard) != 1 || !strings.Contains(heard[0], `"clock_jump"`) || strings.Contains(heard[0], "site.pem") {
		t.Errorf("the receiver heard %q", heard)
	}
}

func TestReferencesThatFallSilentAreToldOnceAndNotOfEachHost(t *testing.T) {
	folder := t.TempDir()
	var silent atomic.Bool
	reference := func() string {
		return ntptest.Start(t, func(request []byte) [][]byte {
			if silent.Load() {
				return nil
			}
			return [][]byte{ntptest.True().Answer(request)}
		}).Addr.String()
	}
	var targets []string
	for i := range 20 {
		header := ntptest.True()
		if i == 7 {
			header.Shift = time.Hour
		}
		targets = append(targets, fmt.Sprintf("%q", "ntp://"+ntptest.Serve(t, header).Addr.String()))
	}
	p := program{t, filepath.Join(folder, "lapsewatch.yaml")}
	config := fmt.Sprintf(`
clock: {references: ["ntp://%s", "ntp://%s", "ntp://%s", "ntp://%s"], timeout: 300ms}
checks: [{name: hosts, kind: clock, options: {targets: [%s]}}]
alerts: [{name: program, kind: exec, options: {command: [/bin/sh, -c, "cat >>%s"]}}]
ledger: {dsn: "sqlite:%s"}
`, reference(), reference(), reference(), reference(), strings.Join(targets, ", "), filepath.Join(folder, "told"), filepath.Join(folder, "ledger.db"))
	if err := os.WriteFile(p.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, run := range []struct {
		silent bool
		told   string
	}{
		{false, "told program: 1 change"}, {true, "told program: 1 change"}, {true, "told nobody"}, {false, "told program: 1 change"}, {false, "told nobody"},
	} {
		silent.Store(run.silent)
		out, log := p.run(exitDone, "run")
		if !strings.Contains(log, run.told) {
			t.Errorf("silent %t: the run says\n%s\n%s", run.silent, out, log)
		}
	}
	heard := string(readFile(t, filepath.Join(folder, "told")))
	if n := strings.Count(heard, `"type":"resolved"`); n != 1 || !strings.Contains(heard, "own clock unverified: none of 4 references answered") {
		t.Errorf("told\n%s", heard)
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
