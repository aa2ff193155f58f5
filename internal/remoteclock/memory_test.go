package remoteclock_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"lapsewatch/internal/remoteclock"
)

// memory is a network of one server. Time passes in it as in a bubble of synctest.
type memory struct {
	conns chan net.Conn
	done  chan struct{}
	close func()
}

func newMemory() *memory {
	m := &memory{conns: make(chan net.Conn), done: make(chan struct{})}
	m.close = sync.OnceFunc(func() { close(m.done) })
	return m
}

func (m *memory) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case m.conns <- theirs:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-m.done:
		return nil, io.ErrClosedPipe
	}
}

// Accept, Close and Addr make it a net.Listener.
func (m *memory) Accept() (net.Conn, error) {
	select {
	case conn := <-m.conns:
		return conn, nil
	case <-m.done:
		return nil, net.ErrClosed
	}
}

func (m *memory) Close() error   { m.close(); return nil }
func (m *memory) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "unix"} }

// serve runs a web server on it until the function that it gives is called.
func serve(handler http.HandlerFunc) (remoteclock.Dial, func()) {
	m := newMemory()
	server := &http.Server{Handler: handler, ErrorLog: silent()}
	go func() { _ = server.Serve(m) }()
	return m.dial, func() { _ = server.Close(); _ = m.Close() }
}

// raw gives each connection to a function of its own. The function that it gives waits
// for them, as bubbles of synctest ask for.
func raw(handle func(net.Conn)) (remoteclock.Dial, func()) {
	m := newMemory()
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := m.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				handle(conn)
			})
		}
	})
	return m.dial, func() { _ = m.Close(); running.Wait() }
}

func encryptedKey(t testing.TB, passphrase string) string {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(passphrase))
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block))
}

func silent() *log.Logger { return log.New(io.Discard, "", 0) }
