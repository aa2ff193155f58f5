package tls

import (
	"context"
	"net"
	"runtime"
	"sync"
	"time"
)

// pace bounds how much a pass does at a time, but not for how many peers it waits: a
// scanner that starts more than its cores, or the peers', can answer for starves itself
// and takes its own delay for theirs.
type pace struct {
	// turns are the handshakes that compute.
	turns chan struct{}
	// fresh are the looks that began a moment ago, so that an answer is likely to come.
	fresh chan struct{}
}

const (
	turnsPerCore = 2
	maxFresh     = 256
	// freshness is longer than what most peers take to answer. Those that take longer
	// are waited for and hold nobody up.
	freshness = 250 * time.Millisecond
)

// newPace lets concurrency looks be fresh, but for maxFresh.
func newPace(concurrency int) pace {
	return pace{turns: make(chan struct{}, turnsPerCore*runtime.GOMAXPROCS(0)), fresh: make(chan struct{}, min(concurrency, maxFresh))}
}

// begin waits until another look may begin; done says that it has ended. It reports
// false if ctx ended before.
func (p pace) begin(ctx context.Context) (done func(), ok bool) {
	select {
	case p.fresh <- struct{}{}:
	case <-ctx.Done():
		return nil, false
	}
	age := sync.OnceFunc(func() { <-p.fresh })
	timer := time.AfterFunc(freshness, age)
	return func() {
		timer.Stop()
		age()
	}, true
}

// enter waits for a turn to compute and returns how long that took.
func (p pace) enter() time.Duration {
	select {
	case p.turns <- struct{}{}:
		return 0
	default:
	}
	start := time.Now()
	p.turns <- struct{}{}
	return time.Since(start)
}

func (p pace) leave() { <-p.turns }

// pacedConn gives the turn up while it waits for the peer. The time that it then waits
// for its next turn is not the peer's and is added to until.
type pacedConn struct {
	net.Conn
	pace  pace
	until *time.Time
}

func (c *pacedConn) Read(p []byte) (int, error) {
	c.pace.leave()
	n, err := c.Conn.Read(p)
	if waited := c.pace.enter(); waited > 0 {
		*c.until = c.until.Add(waited)
		if err == nil {
			err = c.SetDeadline(*c.until)
		}
	}
	return n, err
}
