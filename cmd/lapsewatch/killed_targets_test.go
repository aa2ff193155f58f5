package main

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"lapsewatch/internal/pki"
)

// targets are services of five kinds, which keep what they take.
type targets struct {
	t        *testing.T
	mailPort int
	https    *httptest.Server
	// victim is the process to kill, and killAfter the number of the message after which
	// that is done; zero for never.
	victim, killAfter atomic.Int64

	mu sync.Mutex
	// taken holds by channel and id what came under that id.
	taken map[string]map[string][]string
}

// targetNames are the names of the alerts; also the paths of those that speak HTTPS.
func targetNames() []string { return []string{"mail", "hook", "slack", "ntfy", "discord"} }

func openTargets(t *testing.T) *targets {
	t.Helper()
	opened := &targets{t: t, taken: map[string]map[string][]string{}}
	for _, name := range targetNames() {
		opened.taken[name] = map[string][]string{}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	opened.mailPort = listener.Addr().(*net.TCPAddr).Port
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return targetSession{opened}, nil }))
	server.Domain, server.ErrorLog = "localhost", log.New(io.Discard, "", 0)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	opened.https = httptest.NewUnstartedServer(http.HandlerFunc(opened.serve))
	opened.https.Config.ErrorLog = log.New(io.Discard, "", 0)
	opened.https.StartTLS()
	t.Cleanup(opened.https.Close)
	return opened
}

// configuration lists the alerts; write puts files where they stay.
func (s *targets) configuration(write func(name, text string) string) string {
	authority := write("targets.pem", string(pki.Pair{Chain: []*x509.Certificate{s.https.Certificate()}}.ChainPEM()))
	secret := write("hook-secret", "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
	at := func(path string) string { return fmt.Sprintf("url: %q, ca_file: %q", s.https.URL+path, authority) }
	return strings.Join([]string{
		fmt.Sprintf("  - {name: mail, kind: email, options: {host: 127.0.0.1, port: %d, tls: none, from: a@example.com, to: [b@example.com]}}", s.mailPort),
		fmt.Sprintf("  - {name: hook, kind: webhook, options: {%s, signing_secrets: [{file: %q}]}}", at("/hook"), secret),
		fmt.Sprintf("  - {name: slack, kind: slack, options: {%s}}", at("/slack")),
		fmt.Sprintf("  - {name: ntfy, kind: ntfy, options: {%s, topic: lapses}}", at("")),
		fmt.Sprintf("  - {name: discord, kind: discord, options: {%s}}", at("/discord")),
	}, "\n")
}

// take keeps a message, and kills its sender if it is the one to die at.
func (s *targets) take(channel, id, content string) {
	s.mu.Lock()
	s.taken[channel][id] = append(s.taken[channel][id], content)
	s.mu.Unlock()
	if pid := s.victim.Load(); pid > 0 && s.killAfter.Load() > 0 && s.killAfter.Add(-1) == 0 {
		_ = syscall.Kill(int(pid), syscall.SIGKILL)
	}
}

func (s *targets) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	sum := sha256.Sum256(body)
	channel, id := strings.Trim(r.URL.Path, "/"), hex.EncodeToString(sum[:])
	answer := "ok"
	switch channel {
	case "hook":
		id = r.Header.Get("Webhook-Id")
	case "":
		channel, answer = "ntfy", `{"id":"abcdefghijkl","event":"message","title":"taken"}`
	case "discord":
		answer = `{"id":"123456789012345678"}`
	}
	s.take(channel, id, string(body))
	_, _ = io.WriteString(w, answer)
}

type targetSession struct{ targets *targets }

func (targetSession) Mail(string, *smtp.MailOptions) error { return nil }
func (targetSession) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (targetSession) Reset()                               {}
func (targetSession) Logout() error                        { return nil }

func (s targetSession) Data(r io.Reader) error {
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	message, err := mail.ReadMessage(bytes.NewReader(content))
	if err != nil {
		return err
	}
	id, _, _ := strings.Cut(strings.Trim(message.Header.Get("Message-ID"), "<>"), "@")
	// What parts the mail is drawn anew each time, and says nothing.
	s.targets.take("mail", id, mimeBoundary.ReplaceAllString(string(content), "boundary"))
	return nil
}

var mimeBoundary = regexp.MustCompile(`[0-9a-f]{60}`)

func (s *targets) took(channel, id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.taken[channel][id]) > 0
}

// counts says how many deliveries a channel took, how often it took one again, and which
// came with other content then.
func (s *targets) counts(channel string) (distinct, repeated int, altered []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, contents := range s.taken[channel] {
		distinct++
		repeated += len(contents) - 1
		for _, content := range contents[1:] {
			if content != contents[0] {
				altered = append(altered, id+": "+cmp.Diff(contents[0], content))
				break
			}
		}
	}
	return distinct, repeated, altered
}
