package tls

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/starttls"
	"lapsewatch/watch"
)

// service is a target made ready: names in the form that DNS, SNI and X.509 use.
type service struct {
	host     hostName
	port     uint16
	protocol starttls.Protocol
	// sni is the server name to ask for; empty asks for none.
	sni string
	// verify is the name that the certificate must be valid for; empty for none.
	verify string
	// addresses are fixed; without them DNS is asked.
	addresses []netip.Addr
	// listener is set for a socket that was found on this machine.
	listener *listener
}

// endpoint is one address of a service.
type endpoint struct {
	*service
	address netip.AddrPort
	// only says that the service has no other address, so that its name suffices.
	only bool
}

func (t Target) service() (*service, error) {
	if t.Host == "" {
		return nil, errNoHost
	}
	host, err := parseHost(t.Host)
	if err != nil {
		return nil, &watch.FieldError{Path: "host", Err: err}
	}
	made := &service{host: host, port: t.Port, sni: host.serverName()}
	if t.StartTLS != "" {
		protocol, port, ok := starttls.Lookup(t.StartTLS)
		if !ok {
			return nil, &watch.FieldError{Path: "starttls", Err: fmt.Errorf("%q is no protocol that starts TLS: want one of %s", clean.Text(t.StartTLS, 40), protocolNames())}
		}
		made.protocol = protocol
		if made.port == 0 {
			made.port = port
		}
	}
	if made.port == 0 {
		made.port = defaultPort
	}
	made.verify = host.certificateName()
	if t.SNI != nil {
		asked, err := serverName(*t.SNI)
		if err != nil {
			return nil, &watch.FieldError{Path: "sni", Err: err}
		}
		if made.sni = asked; asked != "" {
			made.verify = asked
		}
	}
	if t.VerifyName != nil && !*t.VerifyName {
		made.verify = ""
	}
	made.addresses, err = t.fixedAddresses(host)
	return made, err
}

func (t Target) fixedAddresses(host hostName) ([]netip.Addr, error) {
	var fixed []netip.Addr
	if host.literal.IsValid() && len(t.Addresses) == 0 {
		fixed = append(fixed, host.literal)
	}
	for i, text := range t.Addresses {
		address, err := netip.ParseAddr(text)
		if err != nil {
			return nil, &watch.FieldError{Path: fmt.Sprintf("addresses[%d]", i), Err: fmt.Errorf("%q is no IP address", clean.Text(text, 60))}
		}
		fixed = append(fixed, address.Unmap())
	}
	return distinct(fixed), nil
}

func serverName(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	name, err := parseHost(text)
	if err != nil {
		return "", err
	}
	if name.literal.IsValid() {
		return "", fmt.Errorf("%s is an IP address, and a server name is none (RFC 6066, section 3)", name.literal)
	}
	return name.ascii, nil
}

func protocolNames() string {
	var names []string
	for _, offered := range starttls.Protocols() {
		names = append(names, string(offered.Protocol))
	}
	return strings.Join(names, ", ")
}

// key tells services apart: two with the same key would be the same subjects.
func (s *service) key() string {
	return s.host.ascii + "\x00" + strconv.Itoa(int(s.port)) + "\x00" + s.sni
}

// subject is the service as a whole, for what cannot be said of one address.
func (s *service) subject() watch.Subject {
	return watch.Subject{
		ID:   fmt.Sprintf("%s/:%d/sni=%s", s.host.ascii, s.port, s.sni),
		Name: s.name(netip.Addr{}),
	}
}

func (e endpoint) subject() watch.Subject {
	told := e.address.Addr()
	if e.only {
		told = netip.Addr{}
	}
	return watch.Subject{
		ID:   e.host.ascii + "/" + e.address.String() + "/sni=" + e.sni,
		Name: e.name(told),
	}
}

// problem says what happened to a name as a whole. It hides the name's addresses, whose
// subjects have not gone because of it, and no other name's.
func (s *service) problem(reason watch.Reason, err error, remedy string) watch.Problem {
	return watch.Problem{Subject: s.subject(), Reason: reason, Err: err, Remedy: remedy, Confined: true, HidesPrefix: s.host.ascii + "/"}
}

// name is "example.com:443", with what is needed to tell it from its siblings in
// parentheses.
func (s *service) name(address netip.Addr) string {
	var extra []string
	if s.host.unicode != "" {
		extra = append(extra, s.host.ascii)
	}
	if address.IsValid() {
		extra = append(extra, address.String())
	}
	if s.sni != s.host.serverName() {
		if s.sni == "" {
			extra = append(extra, "no SNI")
		} else {
			extra = append(extra, "SNI "+s.sni)
		}
	}
	if s.listener != nil && s.listener.process != "" {
		extra = append(extra, s.listener.process)
	}
	name := s.host.shown() + ":" + strconv.Itoa(int(s.port))
	if len(extra) > 0 {
		name += " (" + strings.Join(extra, ", ") + ")"
	}
	return name
}
