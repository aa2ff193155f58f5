package estate

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// visit serves one connection to its end.
type visit func(conn net.Conn)

func tlsOnly(config *tls.Config) visit {
	return func(conn net.Conn) { shakeHands(conn, config) }
}

// shakeHands does the TLS handshake and then waits until the client goes.
func shakeHands(conn net.Conn, config *tls.Config) {
	server := tls.Server(conn, config)
	if server.Handshake() == nil {
		waitForHangUp(server)
	}
}

func waitForHangUp(conn net.Conn) {
	var scratch [512]byte
	for {
		if _, err := conn.Read(scratch[:]); err != nil {
			return
		}
	}
}

// open serves an endpoint at every address, on the same free port.
func (e *Estate) open(endpoint Endpoint, addresses []string, serve ...visit) error {
	port := "0"
	for i, address := range addresses {
		listener, err := net.Listen("tcp", net.JoinHostPort(address, port))
		if err != nil {
			return fmt.Errorf("listen for %s: %w", endpoint.Host, err)
		}
		e.closers = append(e.closers, listener.Close)
		endpoint.Port = uint16(listener.Addr().(*net.TCPAddr).Port)
		port = strconv.Itoa(int(endpoint.Port))
		go e.accept(listener, serve[i])
	}
	endpoint.Addresses = addresses
	e.Endpoints = append(e.Endpoints, endpoint)
	return nil
}

// openPair serves an endpoint at two addresses. Loopback has many of them on Linux and
// Windows; elsewhere the second one is IPv6. A port that is free at the first address
// can be taken at the second, so it tries again with another.
func (e *Estate) openPair(endpoint Endpoint, first, second visit) error {
	var problems []error
	for range 3 {
		for _, other := range []string{"127.0.0.2", "::1"} {
			err := e.open(endpoint, []string{"127.0.0.1", other}, first, second)
			if err == nil {
				return nil
			}
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

func (e *Estate) accept(listener net.Listener, serve visit) {
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(10 * time.Millisecond) // out of descriptors: the next client waits
			continue
		}
		go func() {
			hangUp := context.AfterFunc(e.ctx, func() { _ = conn.Close() })
			defer hangUp()
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(handshakeLimit))
			serve(conn)
		}()
	}
}
