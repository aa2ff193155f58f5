package tls

import (
	"net"
	"net/netip"
	"slices"
)

// families tells in which address families this machine takes part. Its addresses are
// asked and not its routes: a machine that has an address and no route has lost it, and
// that is to be told.
type families struct {
	// addresses are those of this machine's interfaces.
	addresses func() ([]net.Addr, error)
}

// takePart reports whether an interface has an address of the family that reaches
// beyond its own network. It is true when that cannot be found out, so that nothing is
// passed over by mistake. Private IPv4 addresses count because of NAT; those of IPv6
// (RFC 4193) lead to no public service.
func (f families) takePart(ipv6 bool) bool {
	own, err := f.addresses()
	return err != nil || slices.ContainsFunc(own, func(address net.Addr) bool {
		prefix, err := netip.ParsePrefix(address.String())
		if err != nil {
			return false
		}
		ip := prefix.Addr().Unmap()
		return ip.Is6() == ipv6 && ip.IsGlobalUnicast() && (!ipv6 || !ip.IsPrivate())
	})
}
