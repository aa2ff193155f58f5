package sqlread

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
)

// maxReceived bounds what a server may send for one statement; what is asked for is short.
const maxReceived = 16 << 20

var errFlood = errors.New("the server sent more than 16 MiB")

// sockets knows the open sockets of a connection, so that none outlives it.
type sockets struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)
	mu   sync.Mutex
	all  map[net.Conn]struct{}
	// received counts since the last statement began.
	received atomic.Int64
}

func newSockets(dial func(ctx context.Context, network, address string) (net.Conn, error)) *sockets {
	return &sockets{dial: dial, all: map[net.Conn]struct{}{}}
}

type socket struct {
	net.Conn
	of *sockets
}

func (s *sockets) open(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := s.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[conn] = struct{}{}
	return &socket{Conn: conn, of: s}, nil
}

// Read ends the connection once too much has come.
func (s *socket) Read(into []byte) (int, error) {
	n, err := s.Conn.Read(into)
	if s.of.received.Add(int64(n)) > maxReceived {
		return 0, errors.Join(errFlood, s.Close())
	}
	return n, err
}

// Close closes the socket and forgets it.
func (s *socket) Close() error {
	s.of.mu.Lock()
	delete(s.of.all, s.Conn)
	s.of.mu.Unlock()
	return s.Conn.Close()
}

// close closes all that are open.
func (s *sockets) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.all {
		_ = conn.Close() // there is nobody to tell
	}
	clear(s.all)
}
