package tls

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/shirou/gopsutil/v4/net"
	"github.com/shirou/gopsutil/v4/process"

	"lapsewatch/checks"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/starttls"
)

// listener is a TCP socket that listens on this machine.
type listener struct {
	// address is where the socket can be reached from this machine.
	address netip.AddrPort
	// everywhere: the socket listens on all addresses.
	everywhere bool
	// pid and process are zero where this user may not know them.
	pid     int32
	process string
}

const (
	listTimeout = 10 * time.Second
	// listenerTimeout suffices on the same machine.
	listenerTimeout = time.Second
	maxProcessName  = 40
)

// find fills the options with the sockets that listen on this machine. Which of them
// speak TLS shows when they are read.
func find(_ checks.Env, options Options) (Options, error) {
	ctx, cancel := context.WithTimeout(context.Background(), listTimeout)
	defer cancel()
	connections, err := net.ConnectionsWithoutUidsWithContext(ctx, "tcp")
	if err != nil {
		return options, fmt.Errorf("list the sockets that listen on this machine: %w", err)
	}
	options.listeners = listeners(connections)
	for i, found := range options.listeners {
		options.listeners[i].process = processName(ctx, found.pid)
	}
	return options, nil
}

// listeners picks the listening sockets. A process that listens on the same port for
// IPv4 and IPv6 alike is one listener.
func listeners(connections []net.ConnectionStat) []listener {
	found := []listener{}
	for _, connection := range connections {
		if connection.Status != "LISTEN" || connection.Laddr.Port == 0 || connection.Laddr.Port > 65535 {
			continue
		}
		address, everywhere, ok := reachable(connection)
		if ok {
			found = append(found, listener{address: netip.AddrPortFrom(address, uint16(connection.Laddr.Port)), everywhere: everywhere, pid: connection.Pid})
		}
	}
	slices.SortFunc(found, func(a, b listener) int {
		return cmp.Or(
			cmp.Compare(a.address.Port(), b.address.Port()),
			cmp.Compare(a.address.Addr().BitLen(), b.address.Addr().BitLen()),
			a.address.Compare(b.address),
			cmp.Compare(b.pid, a.pid),
		)
	})
	var distinct []listener
	for _, candidate := range found {
		if !slices.ContainsFunc(distinct, candidate.same) {
			distinct = append(distinct, candidate)
		}
	}
	if distinct == nil {
		return []listener{}
	}
	return distinct
}

func (l listener) same(other listener) bool {
	return l.address == other.address ||
		l.everywhere && other.everywhere && l.pid == other.pid && l.address.Port() == other.address.Port()
}

// reachable is the address under which this machine reaches the socket.
func reachable(connection net.ConnectionStat) (address netip.Addr, everywhere, ok bool) {
	const familyIPv6Linux, familyIPv6Darwin, familyIPv6Windows = 10, 30, 23
	if connection.Laddr.IP == "*" {
		ipv6 := slices.Contains([]uint32{familyIPv6Linux, familyIPv6Darwin, familyIPv6Windows}, connection.Family)
		return loopback(ipv6), true, true
	}
	address, err := netip.ParseAddr(connection.Laddr.IP)
	if err != nil {
		return netip.Addr{}, false, false
	}
	address = address.Unmap()
	if address.IsUnspecified() {
		return loopback(address.Is6()), true, true
	}
	return address, false, true
}

func loopback(ipv6 bool) netip.Addr {
	if ipv6 {
		return netip.IPv6Loopback()
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}

func processName(ctx context.Context, pid int32) string {
	if pid <= 0 {
		return ""
	}
	owner, err := process.NewProcessWithContext(ctx, pid)
	if err != nil {
		return "" // it has ended, or belongs to somebody else
	}
	name, err := owner.NameWithContext(ctx)
	if err != nil {
		return ""
	}
	return clean.Text(name, maxProcessName)
}

// service makes the listener ready to be looked at. Which name its certificate should
// have is not known, so none is verified. A port that is known to start in plain text is
// spoken to in its protocol.
func (l listener) service() *service {
	host := hostName{ascii: l.address.Addr().String(), literal: l.address.Addr()}
	made := &service{host: host, port: l.address.Port(), addresses: []netip.Addr{l.address.Addr()}, listener: &l}
	for _, offered := range starttls.Protocols() {
		if offered.Port == l.address.Port() {
			made.protocol = offered.Protocol
		}
	}
	return made
}

func (l listener) describe(details map[string]any) {
	if l.pid > 0 {
		details["pid"] = int(l.pid)
	}
	if l.process != "" {
		details["process"] = l.process
	}
}
