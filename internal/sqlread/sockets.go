package sqlread

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// maxReceived bounds what a server may send for one statement; what is asked for is short.
const maxReceived = 16 << 20

var errFlood = errors.New("the server sent more than 16 MiB")

// sockets knows the open sockets of a connection, and those that are being opened, so
// that none outlives it.
type sockets struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)
	mu   sync.Mutex
	// all holds how each is cut off.
	all map[*socket]func()
	// ended: no more may be opened.
	ended bool
	// none is closed once there are none; nil where nobody waits for that.
	none chan struct{}
	// received counts since the last statement began.
	received atomic.Int64
}

func newSockets(dial func(ctx context.Context, network, address string) (net.Conn, error)) *sockets {
	return &sockets{dial: dial, all: map[*socket]func(){}}
}

type socket struct {
	net.Conn
	of *sockets
}

func (s *sockets) open(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	opened := &socket{of: s}
	if !s.keep(opened, cancel) {
		return nil, net.ErrClosed
	}
	conn, err := s.dial(ctx, network, address)
	if err != nil {
		s.forget(opened)
		return nil, err
	}
	opened.Conn = conn
	if !s.keep(opened, func() { _ = conn.Close() }) { // there is nobody to tell
		return nil, errors.Join(net.ErrClosed, conn.Close())
	}
	return opened, nil
}

func (s *sockets) keep(one *socket, cut func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.all[one] = cut
	}
	return !s.ended
}

func (s *sockets) forget(one *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, one)
	s.tellIfNone()
}

func (s *sockets) tellIfNone() {
	if len(s.all) == 0 && s.none != nil {
		close(s.none)
		s.none = nil
	}
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
	s.of.forget(s)
	return s.Conn.Close()
}

// cut closes all that are open. Others may be opened after them.
func (s *sockets) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, cut := range s.all {
		cut()
	}
	clear(s.all)
	s.tellIfNone()
}

// end waits for drivers to close what they opened, for a farewell at most, then cuts off
// the rest. None is opened after it.
func (s *sockets) end() {
	none := make(chan struct{})
	s.mu.Lock()
	s.none = none
	s.tellIfNone()
	s.mu.Unlock()
	select {
	case <-none:
	case <-time.After(farewell):
	}
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.cut()
}
