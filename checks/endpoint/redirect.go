package endpoint

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
)

// errInside says that a redirect leads to where no service has its callers.
var errInside = errors.New("its redirect leads to an address of this machine or of its cloud's own services, and is not followed")

// redirect follows as many as are allowed. No header goes along to another host, and none
// leads from https to http.
func (a attempt) redirect(next *http.Request, before []*http.Request) error {
	last := before[len(before)-1]
	known := next.URL.Scheme == schemeHTTPS || next.URL.Scheme == schemeHTTP && last.URL.Scheme == schemeHTTP
	if len(before) > a.Redirects || !known || next.URL.User != nil {
		return http.ErrUseLastResponse
	}
	// By a proxy, the address is never seen but here.
	if ip, err := netip.ParseAddr(next.URL.Hostname()); err == nil && forbidden(ip, a.watch.isLocal()) {
		return errInside
	}
	a.watch.hold(func() { a.watch.hops = len(before) })
	// net/http copies the header of the first request to each, and adds the address that led
	// there. A host that the way has left is another one when it leads back there.
	elsewhere := func(one *http.Request) bool { return !a.own(one) }
	if elsewhere(next) || slices.ContainsFunc(before, elsewhere) {
		next.Header = http.Header{"User-Agent": {userAgent}}
	}
	next.Header.Del("Referer")
	return nil
}

// own reports whether a request goes to the member itself.
func (a attempt) own(request *http.Request) bool {
	return request.URL.Host == a.target.Host && request.URL.Scheme == a.target.Scheme
}

// isLocal reports whether the member itself is on this machine.
func (s *stopwatch) isLocal() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	ip, ok := addressOf(s.first)
	return ok && ip.IsLoopback()
}

// inside refuses the address that a redirect has led to, before anything is sent there. The
// member's own address is whoever configures it's to choose, and so is that of a proxy.
func (s *stopwatch) inside(to net.Addr) error {
	local := s.isLocal()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byProxy {
		return nil
	}
	if s.hops == 0 {
		s.first = to
		return nil
	}
	if ip, ok := addressOf(to); ok && forbidden(ip, local) {
		return errInside
	}
	return nil
}

func addressOf(address net.Addr) (netip.Addr, bool) {
	known, ok := address.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}, false
	}
	ip, ok := netip.AddrFromSlice(known.IP)
	return ip.Unmap(), ok
}

// forbidden reports whether an address is one that clouds serve credentials and metadata at
// (those of AWS, Azure, Google and others are link-local; the rest are listed), this machine's
// unless local, or either by NAT64 (RFC 6052).
func forbidden(ip netip.Addr, local bool) bool {
	ip = ip.Unmap().WithZone("")
	if nat64 := netip.MustParsePrefix("64:ff9b::/96"); nat64.Contains(ip) {
		whole := ip.As16()
		ip, _ = netip.AddrFromSlice(whole[12:])
	}
	switch ip.String() {
	case "168.63.129.16", "100.100.100.200", "fd00:ec2::254": // Azure, Alibaba Cloud, AWS
		return true
	}
	return ip.IsLinkLocalUnicast() || ip.IsMulticast() || !local && (ip.IsLoopback() || ip.IsUnspecified())
}
