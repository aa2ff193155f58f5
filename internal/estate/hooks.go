package estate

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	webhook "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// Hooks is a webhook receiver over TLS that takes nothing unless its Standard Webhooks
// signature is right.
type Hooks struct {
	URL string
	// SecretFile holds the signing secret.
	SecretFile string

	verifier *webhook.Webhook
	mu       sync.Mutex
	received []Hook
	refused  int
}

// Hook is one delivery that was taken.
type Hook struct {
	// ID is the Webhook-Id header, the same on every attempt.
	ID   string
	Body []byte
}

const largestHook = 4 << 20

// Received is every delivery so far, oldest first.
func (h *Hooks) Received() []Hook {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Hook(nil), h.received...)
}

// Refused counts deliveries whose signature was wrong.
func (h *Hooks) Refused() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.refused
}

func (e *Estate) openHooks() error {
	pair, err := e.authority.issuing.Issue(e.authority.yearly(200, "hooks"+domain, "127.0.0.1"))
	if err != nil {
		return fmt.Errorf("open the webhook receiver: %w", err)
	}
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return fmt.Errorf("make a signing secret: %w", err)
	}
	e.Hooks = &Hooks{SecretFile: filepath.Join(e.Folder, "secrets", "webhook-signing-secret")}
	encoded := "whsec_" + base64.StdEncoding.EncodeToString(secret)
	if err := os.WriteFile(e.Hooks.SecretFile, []byte(encoded+"\n"), 0o600); err != nil {
		return fmt.Errorf("keep the signing secret: %w", err)
	}
	if e.Hooks.verifier, err = webhook.NewWebhook(encoded); err != nil {
		return fmt.Errorf("open the webhook receiver: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("open the webhook receiver: %w", err)
	}
	e.Hooks.URL = "https://" + listener.Addr().String() + "/lapsewatch"
	server := &http.Server{
		Handler: e.Hooks, ReadTimeout: handshakeLimit, WriteTimeout: handshakeLimit,
		ErrorLog:  log.New(io.Discard, "", 0), // a probe that hangs up is no news
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair.TLS()}},
	}
	e.closers = append(e.closers, server.Close)
	go func() { _ = server.ServeTLS(listener, "", "") }() // ends with Close
	return nil
}

// ServeHTTP takes one delivery.
func (h *Hooks) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(answer, request.Body, largestHook))
	if err != nil {
		http.Error(answer, "the body cannot be read", http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.verifier.Verify(body, request.Header); err != nil {
		h.refused++
		http.Error(answer, "the signature is wrong", http.StatusUnauthorized)
		return
	}
	h.received = append(h.received, Hook{ID: request.Header.Get("Webhook-Id"), Body: body})
	answer.WriteHeader(http.StatusNoContent)
}
