package tls

import (
	"net"
	"sync"
)

// openConns are the connections that the end of a pass must interrupt. One of them for
// all costs a waiting host less than a context of its own.
type openConns struct {
	mu    sync.Mutex
	conns map[net.Conn]struct{}
	ended bool
}

// add keeps a connection until done is called.
func (o *openConns) add(conn net.Conn) (done func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		_ = conn.Close() // so that the next read or write fails
	}
	o.conns[conn] = struct{}{}
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		delete(o.conns, conn)
	}
}

// interrupt makes reads and writes on every connection fail, from now on.
func (o *openConns) interrupt() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
	for conn := range o.conns {
		_ = conn.Close() // its owner closes it again, in vain
	}
}

// abandon closes without ceremony: a scan of many hosts must not leave one socket a host
// in TIME_WAIT.
func abandon(conn net.Conn) {
	if lingering, ok := conn.(interface{ SetLinger(seconds int) error }); ok {
		// Without it the close is merely slower to forget.
		_ = lingering.SetLinger(0)
	}
	// Nothing was to be written any more.
	_ = conn.Close()
}
