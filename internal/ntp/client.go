// Package ntp asks hosts for their time (NTP version 4, client mode: RFC 5905) and
// reports what they answer as it is: a host that is a year ahead, or says that it is not
// synchronised, has answered. Only a packet that is not the answer to the question is no
// answer. The package judges nothing, sets no clock, keeps no association, and serves no
// time.
package ntp

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// ErrNoReply: no answer came in time.
var ErrNoReply = errors.New("no answer came")

const (
	// maxPending bounds the questions under way.
	maxPending = 1 << 16
	// window bounds the packets whose answers may come at once. A socket that may not
	// have a larger buffer than Linux grants everybody holds some 270 answers, and what
	// does not fit would look like a host that is silent.
	window = 192
	// hold is how long a packet counts for the window if no answer comes sooner.
	hold = 20 * time.Millisecond
	// grace is for answers that came in time and were not read yet, because the machine
	// is busy.
	grace = 20 * time.Millisecond
)

// Client asks any number of hosts through one socket for each family of addresses. It is
// safe for concurrent use, by thousands at once, and meant for one pass: its offsets are
// those from the own clock as it was when the client was opened, plus the time that has
// passed since. So a step of the own clock meanwhile bends none of them, and shows only
// to the next client.
type Client struct {
	line   timeline
	v4, v6 *socket
	window chan struct{}
	closed chan struct{}
	// strays counts packets that answer nothing.
	strays atomic.Uint64

	mu      sync.Mutex
	pending map[uint64]*question
	readers sync.WaitGroup
}

// question is one packet that waits for its answer.
type question struct {
	to netip.AddrPort
	// whole: the answer is wanted with what follows its header.
	whole bool
	// answer takes one answer, and never blocks whoever brings it.
	answer chan answer
}

// answer is a packet as it came, or why none will.
type answer struct {
	header [headerSize]byte
	whole  []byte
	// stamped is when it came, by the kernel where it says so; read is when it was read.
	stamped, read time.Time
	err           error
}

// Open opens the sockets. A machine without one of the two families does without it.
func Open() (*Client, error) {
	c := &Client{line: newTimeline(time.Now()), window: make(chan struct{}, window), closed: make(chan struct{}), pending: map[uint64]*question{}}
	var err4, err6 error
	c.v4, err4 = listen("udp4")
	c.v6, err6 = listen("udp6")
	if err4 != nil && err6 != nil {
		return nil, fmt.Errorf("open a socket for NTP: %w", errors.Join(err4, err6))
	}
	for _, s := range []*socket{c.v4, c.v6} {
		if s != nil {
			c.readers.Go(func() { s.read(c) })
		}
	}
	return c, nil
}

// Close ends the questions under way and closes the sockets. It is called once.
func (c *Client) Close() error {
	close(c.closed)
	var errs []error
	for _, s := range []*socket{c.v4, c.v6} {
		if s != nil {
			errs = append(errs, s.conn.Close())
		}
	}
	c.readers.Wait()
	return errors.Join(errs...)
}

// Now is the instant from which offsets count: the own clock as it was when the client
// was opened, plus the time that has passed since.
func (c *Client) Now() time.Time { return c.line.at(time.Now()) }

// Strays counts the packets that came and answered nothing: late, repeated, or forged.
func (c *Client) Strays() uint64 { return c.strays.Load() }

// Ask sends one packet and waits for the answer to it, until ctx ends. Nothing in the
// packet but a random number says anything about this machine (draft-ietf-ntp-data-
// minimization). That a host's port is closed is known on Linux only (ECONNREFUSED);
// elsewhere that is ErrNoReply, too.
func (c *Client) Ask(ctx context.Context, to netip.AddrPort) (Reply, error) {
	reply, _, err := c.exchange(ctx, to, NewRequest(), false)
	return reply, err
}

// Exchange sends a request that begins with a header of NewRequest, and gives beside the
// reply the whole packet, for extension fields (RFC 8915).
func (c *Client) Exchange(ctx context.Context, to netip.AddrPort, request []byte) (Reply, []byte, error) {
	return c.exchange(ctx, to, request, true)
}

// NewRequest is the header of a request with a random transmit timestamp, which the
// server gives back as the origin timestamp.
func NewRequest() []byte {
	request := make([]byte, headerSize)
	request[0] = version<<3 | modeClient
	_, _ = rand.Read(request[transmitAt:]) // never fails
	return request
}

func (c *Client) exchange(ctx context.Context, to netip.AddrPort, request []byte, whole bool) (Reply, []byte, error) {
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	s, err := c.socketFor(to)
	if err != nil {
		return Reply{}, nil, fmt.Errorf("ask %v for its time: %w", to, err)
	}
	select {
	case c.window <- struct{}{}:
	case <-ctx.Done():
		return Reply{}, nil, fmt.Errorf("ask %v for its time: %w: %w", to, ErrNoReply, context.Cause(ctx))
	}
	q := &question{to: to, whole: whole, answer: make(chan answer, 1)}
	cookie := binary.BigEndian.Uint64(request[transmitAt:])
	if err := c.expect(cookie, q); err != nil {
		<-c.window
		return Reply{}, nil, fmt.Errorf("ask %v for its time: %w", to, err)
	}
	defer c.forget(cookie)
	sent, err := s.send(c, request, to)
	if err != nil {
		<-c.window
		return Reply{}, nil, fmt.Errorf("ask %v for its time: %w", to, err)
	}
	came, err := c.await(ctx, q)
	if err != nil {
		return Reply{}, nil, fmt.Errorf("ask %v for its time: %w", to, err)
	}
	return newReply(&came.header, c.line.at(sent), c.line.arrival(came, sent)), came.whole, nil
}

// await gives the place in the window back as soon as it may.
func (c *Client) await(ctx context.Context, q *question) (answer, error) {
	timer := time.NewTimer(hold)
	defer timer.Stop()
	select {
	case came := <-q.answer:
		<-c.window
		return came, came.err
	case <-timer.C:
	case <-ctx.Done():
	case <-c.closed:
	}
	<-c.window
	select {
	case came := <-q.answer:
		return came, came.err
	case <-c.closed:
		return answer{}, net.ErrClosed
	case <-ctx.Done():
	}
	timer.Reset(grace)
	select {
	case came := <-q.answer:
		return came, came.err
	case <-timer.C:
	case <-c.closed:
	}
	return answer{}, fmt.Errorf("%w: %w", ErrNoReply, context.Cause(ctx))
}

func (c *Client) socketFor(to netip.AddrPort) (*socket, error) {
	switch address := to.Addr(); {
	case !to.IsValid() || to.Port() == 0 || address.IsUnspecified() || address.IsMulticast():
		return nil, errors.New("this is not the address of one host")
	case address.Is4() && c.v4 != nil:
		return c.v4, nil
	case address.Is6() && c.v6 != nil:
		return c.v6, nil
	}
	return nil, errors.New("this machine has no such addresses")
}

func (c *Client) expect(cookie uint64, q *question) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, taken := c.pending[cookie]; taken || len(c.pending) >= maxPending {
		return fmt.Errorf("%d questions are under way", len(c.pending))
	}
	c.pending[cookie] = q
	return nil
}

func (c *Client) forget(cookie uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pending, cookie)
}

// take gives the question that a packet answers, which is answered then.
func (c *Client) take(cookie uint64, from netip.AddrPort) *question {
	c.mu.Lock()
	defer c.mu.Unlock()
	q := c.pending[cookie]
	// The zone is that of the interface that was asked through, or the host's routing
	// is amiss; systems write it by name and by number.
	if q == nil || q.to.Port() != from.Port() || q.to.Addr().WithZone("") != from.Addr().WithZone("") {
		return nil
	}
	delete(c.pending, cookie)
	return q
}
