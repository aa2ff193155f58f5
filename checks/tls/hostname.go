package tls

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/idna"

	"lapsewatch/internal/clean"
)

// hostName is a host in the forms that people, DNS, SNI and X.509 use.
type hostName struct {
	// ascii is the name in A-labels (RFC 5890), lower case and without the final dot,
	// or the IP address with its zone.
	ascii string
	// unicode is the name in U-labels where that differs, made fit to be shown.
	unicode string
	// lookup is what DNS is asked for: with the final dot, if one was written, which
	// keeps search domains out.
	lookup string
	// literal is the address of an IP literal.
	literal netip.Addr
}

const (
	maxNameOctets  = 253 // RFC 1035, section 2.3.4, less the root's length octet and one more
	maxLabelOctets = 63
	maxShownHost   = 60
)

// parseHost accepts IP addresses (IPv6 with a zone too), and names in Unicode or
// punycode. Underscores, which are no host names by RFC 952, are common in container
// networks and allowed.
func parseHost(text string) (hostName, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		address = address.Unmap()
		if zone := address.Zone(); zone != clean.Text(zone, maxShownHost) {
			return hostName{}, errors.New("the address has an unprintable zone")
		}
		return hostName{ascii: address.String(), literal: address}, nil
	}
	relative := strings.TrimSuffix(text, ".")
	ascii, err := toASCII(relative)
	if err != nil {
		return hostName{}, err
	}
	if err := checkLabels(ascii); err != nil {
		return hostName{}, err
	}
	host := hostName{ascii: ascii, lookup: ascii + text[len(relative):]}
	if strings.Contains(ascii, "xn--") {
		if unicode, err := idna.Display.ToUnicode(ascii); err == nil && unicode != ascii {
			host.unicode = clean.Text(unicode, maxNameOctets)
		}
	}
	return host, nil
}

// lookupProfile is the one of RFC 5891 for lookups, but for underscores. It is read-only.
var lookupProfile = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.BidiRule(), idna.StrictDomainName(false))

func toASCII(name string) (string, error) {
	ascii, err := lookupProfile.ToASCII(name)
	if err != nil {
		return "", fmt.Errorf("%q is no host name", clean.Text(name, maxShownHost))
	}
	return strings.ToLower(ascii), nil
}

func checkLabels(name string) error {
	if len(name) > maxNameOctets {
		return fmt.Errorf("the name is longer than %d octets (RFC 1035)", maxNameOctets)
	}
	labels := strings.Split(name, ".")
	for _, label := range labels {
		switch {
		case label == "":
			return fmt.Errorf("%q is no host name: it has an empty label", clean.Text(name, maxShownHost))
		case len(label) > maxLabelOctets:
			return fmt.Errorf("the label %q is longer than %d octets (RFC 1035)", clean.Text(label, maxShownHost), maxLabelOctets)
		case strings.Trim(label, hostCharacters) != "" || strings.HasPrefix(label, "-"):
			return fmt.Errorf("%q is no host name", clean.Text(name, maxShownHost))
		}
	}
	// Some resolvers read such names as IPv4 addresses: 2852039166 is 169.254.169.254.
	if last := labels[len(labels)-1]; strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x") {
		return fmt.Errorf("%q is neither a host name nor an IP address", clean.Text(name, maxShownHost))
	}
	return nil
}

const hostCharacters = "abcdefghijklmnopqrstuvwxyz0123456789-_"

// shown is what stands before the port in a subject's name.
func (h hostName) shown() string {
	switch {
	case h.unicode != "":
		return h.unicode
	case h.literal.Is6():
		return "[" + h.ascii + "]"
	default:
		return h.ascii
	}
}

// serverName is what SNI asks for by default: an IP address is none (RFC 6066).
func (h hostName) serverName() string {
	if h.literal.IsValid() {
		return ""
	}
	return h.ascii
}

// certificateName is what the certificate must be valid for: a zone means nothing there.
func (h hostName) certificateName() string {
	if h.literal.IsValid() {
		return h.literal.WithZone("").String()
	}
	return h.ascii
}

// distinct sorts addresses, IPv4 first, and drops repeated ones.
func distinct(addresses []netip.Addr) []netip.Addr {
	slices.SortFunc(addresses, func(a, b netip.Addr) int {
		return cmp.Or(cmp.Compare(a.BitLen(), b.BitLen()), a.Compare(b))
	})
	return slices.Compact(addresses)
}
