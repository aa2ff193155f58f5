package tls

import (
	"net"
	"runtime"
	"time"
)

// pace bounds how many handshakes compute at the same time. Waiting for a peer is not
// bounded by it: a scanner that starts more cryptography than it has cores starves
// itself and takes its own delay for the peers'.
type pace chan struct{}

const handshakesPerCore = 2

func newPace() pace { return make(pace, handshakesPerCore*runtime.GOMAXPROCS(0)) }

// enter waits for a turn to compute and returns how long that took.
func (p pace) enter() time.Duration {
	select {
	case p <- struct{}{}:
		return 0
	default:
	}
	start := time.Now()
	p <- struct{}{}
	return time.Since(start)
}

func (p pace) leave() { <-p }

// pacedConn gives the turn up while it waits for the peer. The time that it then waits
// for its next turn is not the peer's and does not count against the deadline.
type pacedConn struct {
	net.Conn
	pace     pace
	deadline time.Time
}

func (c *pacedConn) Read(p []byte) (int, error) {
	c.pace.leave()
	n, err := c.Conn.Read(p)
	if waited := c.pace.enter(); waited > 0 && err == nil {
		c.deadline = c.deadline.Add(waited)
		err = c.SetDeadline(c.deadline)
	}
	return n, err
}
