package ntp

import (
	"encoding/binary"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// controlSize holds the kernel's timestamp, or what it tells of an ICMP message.
const controlSize = 128

// arm has the kernel stamp what comes, and tell of ICMP messages. Where it does neither,
// packets are stamped when they are read, and a host that refuses looks silent.
func arm(conn *net.UDPConn, network string) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return // closed
	}
	level, option := unix.IPPROTO_IP, unix.IP_RECVERR
	if network == "udp6" {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_RECVERR
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
		_ = unix.SetsockoptInt(int(fd), level, option, 1)
	})
}

// stamp reads the kernel's timestamp; zero if there is none.
func stamp(control []byte) time.Time {
	for len(control) > 0 {
		header, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			return time.Time{}
		}
		if header.Level == unix.SOL_SOCKET && header.Type == unix.SCM_TIMESTAMPNS {
			return timespec(data)
		}
		control = rest
	}
	return time.Time{}
}

// timespec reads struct timespec, whose fields are as wide as the machine's words.
func timespec(data []byte) time.Time {
	switch {
	case len(data) >= 16:
		return time.Unix(int64(binary.NativeEndian.Uint64(data)), int64(binary.NativeEndian.Uint64(data[8:]))) //nolint:gosec // as the kernel wrote it
	case len(data) >= 8:
		return time.Unix(int64(binary.NativeEndian.Uint32(data)), int64(binary.NativeEndian.Uint32(data[4:])))
	}
	return time.Time{}
}

// refusals tells those who wait for hosts that ICMP messages say are not to be reached.
// A message counts for the question whose packet it quotes, as far as its random number:
// nobody who has not seen the packet can forge that.
func (s *socket) refusals(c *Client) {
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return // closed
	}
	quoted, control := make([]byte, headerSize), make([]byte, controlSize)
	_ = raw.Control(func(fd uintptr) { // it fails for a closed socket only
		for range maxPending {
			n, controlled, _, to, err := unix.Recvmsg(int(fd), quoted, control, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
			if err != nil {
				return
			}
			if cause := refusal(control[:controlled]); cause != 0 && n == headerSize {
				c.refuse(binary.BigEndian.Uint64(quoted[transmitAt:]), destination(to), cause)
			}
		}
	})
}

// refusal reads struct sock_extended_err (ip(7)); zero if there is none.
func refusal(control []byte) unix.Errno {
	for len(control) > 0 {
		header, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			return 0
		}
		known := header.Level == unix.IPPROTO_IP && header.Type == unix.IP_RECVERR ||
			header.Level == unix.IPPROTO_IPV6 && header.Type == unix.IPV6_RECVERR
		if known && len(data) >= 4 {
			return unix.Errno(binary.NativeEndian.Uint32(data))
		}
		control = rest
	}
	return 0
}

func destination(to unix.Sockaddr) netip.AddrPort {
	switch to := to.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(to.Addr), uint16(to.Port)) //nolint:gosec // a port
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(to.Addr), uint16(to.Port)) //nolint:gosec // a port
	}
	return netip.AddrPort{}
}

func (c *Client) refuse(cookie uint64, to netip.AddrPort, cause error) {
	if q := c.take(cookie, to); q != nil {
		q.answer <- answer{err: cause}
	}
}
