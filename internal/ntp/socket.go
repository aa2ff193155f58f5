package ntp

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// maxPacket is more than a packet with extension fields has that was not fragmented.
	maxPacket = 2048
	// receiveBuffer is asked for; the system may grant less.
	receiveBuffer = 4 << 20
	// sendAttempts: on Linux one host's refusal is reported to whoever sends next.
	sendAttempts = 8
)

// socket is shared by all questions to addresses of one family.
type socket struct {
	conn *net.UDPConn
	// sending keeps the time that a packet waits for others out of its round trip.
	sending sync.Mutex
}

func listen(network string) (*socket, error) {
	conn, err := net.ListenUDP(network, nil)
	if err != nil {
		return nil, err
	}
	_ = conn.SetReadBuffer(receiveBuffer) // a smaller one serves, too: see window
	arm(conn, network)
	return &socket{conn: conn}, nil
}

// send gives the instant before the packet left.
func (s *socket) send(c *Client, request []byte, to netip.AddrPort) (sent time.Time, err error) {
	s.sending.Lock()
	defer s.sending.Unlock()
	for range sendAttempts {
		sent = time.Now()
		if _, err = s.conn.WriteToUDPAddrPort(request, to); err == nil || errors.Is(err, net.ErrClosed) {
			break
		}
		s.refusals(c)
	}
	return sent, err
}

// read brings answers to their questions until the socket is closed.
func (s *socket) read(c *Client) {
	packet, control := make([]byte, maxPacket), make([]byte, controlSize)
	for {
		n, controlled, _, from, err := s.conn.ReadMsgUDPAddrPort(packet, control)
		read := time.Now()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			// What it is about is another host's refusal, or passes.
			s.refusals(c)
			select {
			case <-c.closed:
				return
			case <-time.After(time.Millisecond):
			}
			continue
		}
		c.deliver(packet[:n], from, stamp(control[:controlled]), read)
	}
}

// deliver is called by one goroutine for each socket.
func (c *Client) deliver(packet []byte, from netip.AddrPort, stamped, read time.Time) {
	origin, err := form(packet)
	if err != nil {
		c.strays.Add(1)
		return
	}
	q := c.take(origin, netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
	if q == nil {
		c.strays.Add(1)
		return
	}
	came := answer{header: [headerSize]byte(packet), stamped: stamped, read: read}
	if q.whole {
		came.whole = append([]byte(nil), packet...)
	}
	q.answer <- came
}
