package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// The demo is the whole job from end to end, against real servers.
func TestTheDemoShowsTheJobFromEndToEnd(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "demo-output")
	shown := &screen{}
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, shown, folder, true) }()
	shown.await(t, ended, "The estate stays up until Ctrl-C.")
	byHand := exec.CommandContext(ctx, filepath.Join(folder, "lapsewatch"), "alerts", "test", "owners", "--config", filepath.Join(folder, "lapsewatch.yaml"))
	if output, err := byHand.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, output)
	}
	shown.await(t, ended, "This is a test of the channel. Nothing has happened.")
	interrupt()
	if err := <-ended; err != nil {
		t.Errorf("the interrupted demo ends with %v", err)
	}
	for _, want := range []string{
		"lapsewatch.yaml is right: 7 checks, 2 alerts, 1 route, 1 status system",
		"63 subjects: 9 critical, 19 warning, 2 unknown, 4 notice, 29 ok; own clock verified (", " s from 3 of 4 references)",
		"messaging.estate.example",
		"Subject: Lapsewatch: 9 critical, 19 warnings, 2 unreadable",
		"Mail to ada@estate.example, over SMTP with STARTTLS\nSubject: Lapsewatch: 1 critical, 3 warnings - first expires",
		"Mail to bob@estate.example, over SMTP with STARTTLS\nSubject: Lapsewatch: 1 critical, 1 warning - first expired",
		"left out, because Microsoft rotates them: 1 Entra Connect certificate, 1 certificate of a managed identity",
		"  * wiki.estate.example:",
		"opened    critical  pay.estate.example:",
		"incident stub on status \"Expired credential\": made as identified, hidden",
		"- order confirmations",
		"brought to resolved, hidden",
		"It sent 0 mails and 0 webhooks.",
		"Subject: Lapsewatch: 1 resolved",
		"* invoices: secret pipeline [removed]",
		"first page throttled",
		"resolved  ok        pay.estate.example:",
	} {
		if !strings.Contains(shown.String(), want) {
			t.Errorf("the demo does not show %q", want)
		}
	}
	if t.Failed() {
		t.Logf("it shows:\n%s", shown)
	}
	checkReports(t, folder)
}

func checkReports(t *testing.T, folder string) {
	t.Helper()
	for file, begins := range map[string]string{"report.html": "<!doctype html>", "report.csv": "", "report.ics": "BEGIN:VCALENDAR"} {
		text, err := os.ReadFile(filepath.Join(folder, file))
		if err != nil {
			t.Error(err)
		}
		if !bytes.HasPrefix(bytes.ToLower(text), []byte(strings.ToLower(begins))) || !bytes.Contains(text, []byte("wiki.estate.example")) {
			t.Errorf("%s is not what it is named for", file)
		}
	}
	text, err := os.ReadFile(filepath.Join(folder, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Findings []struct{ Name, Severity, Reason string }
	}
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, finding := range report.Findings {
		name, _, _ := strings.Cut(finding.Name, ":")
		if found[name] == "" {
			// Of an application's secrets the most urgent stands first.
			found[name] = finding.Severity + " " + finding.Reason
		}
	}
	for host, want := range map[string]string{
		"shop.estate.example":      "ok ",
		"pay.estate.example":       "ok ",
		"wiki.estate.example":      "critical expired",
		"launch.estate.example":    "critical not_yet_valid",
		"printer.estate.example":   "notice self_signed",
		"www.estate.example":       "warning name_mismatch",
		"erp.estate.example":       "warning untrusted_issuer",
		"archive.estate.example":   "warning unneeded_certificate_expiring",
		"backup.estate.example":    "unknown timed_out",
		"crm-mail":                 "critical expired",
		"reporting":                "notice superseded",
		"travel":                   "warning expires_soon",
		"badge-printer":            "warning expires_soon",
		"legacy-fax":               "notice left_over",
		"kiosk":                    "notice never_expires",
		"lapsewatch":               "critical expires_soon",
		"invoices":                 "ok ",
		"sign-in of crm-mail":      "critical sign_in_secret_expired",
		"CAD licence":              "warning expires_soon",
		"messaging.estate.example": "critical clock_drift",
		"billing.estate.example":   "ok ",
	} {
		if found[host] != want {
			t.Errorf("%s is found %q, want %q", host, found[host], want)
		}
	}
}

// screen may be read while the demo writes to it.
type screen struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *screen) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(text)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// await returns once the screen shows the text.
func (s *screen) await(t *testing.T, ended <-chan error, text string) {
	t.Helper()
	for !strings.Contains(s.String(), text) {
		select {
		case err := <-ended:
			t.Fatalf("the demo ended without showing %q: %v\n%s", text, err, s)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func TestTheDemoEmptiesNoFolderThatIsNotItsOwn(t *testing.T) {
	folder := t.TempDir()
	keep := filepath.Join(folder, "thesis.txt")
	if err := os.WriteFile(keep, []byte("years of work"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := run(t.Context(), &bytes.Buffer{}, folder, false)
	if err == nil || !strings.Contains(err.Error(), "is not empty and not from an earlier demo") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(keep); err != nil {
		t.Error(err)
	}
}
