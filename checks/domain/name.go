package domain

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// profile is that of looking names up (UTS 46), and bounds labels and names as DNS does
// (RFC 1035, 2.3.4).
var profile = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

var (
	errName    = errors.New("want the name of a domain, such as example.com, without a scheme, port or path")
	errAddress = errors.New("want the name of a domain: an address has no registration that lapses")
)

// registrable is the name in A-labels and lower case, if it can be one that is registered,
// and not one below it. With a server of the user's own, what private registries give away
// below their domains counts too.
func registrable(name string, private bool) (string, error) {
	ascii, err := profile.ToASCII(strings.TrimSuffix(strings.ToLower(name), "."))
	if err != nil || strings.HasSuffix(ascii, ".") {
		return "", errName
	}
	if _, err := netip.ParseAddr(ascii); err == nil {
		return "", errAddress
	}
	suffix, official := publicsuffix.PublicSuffix(ascii)
	if private && below(ascii, suffix) == ascii {
		return ascii, nil
	}
	for !official && strings.Contains(suffix, ".") {
		suffix, official = publicsuffix.PublicSuffix(suffix[strings.IndexByte(suffix, '.')+1:])
	}
	switch registered := below(ascii, suffix); registered {
	case ascii:
		return ascii, nil
	case "":
		return "", fmt.Errorf("%s is a public suffix: domains are registered below it", ascii)
	default:
		return "", fmt.Errorf("%s lies below the domain that is registered: want %s", ascii, registered)
	}
}

// below is the suffix with one label more of the name; empty if the name has none.
func below(name, suffix string) string {
	rest, ok := strings.CutSuffix(name, "."+suffix)
	if !ok {
		return ""
	}
	return rest[strings.LastIndexByte(rest, '.')+1:] + "." + suffix
}

// parent is the zone that a name is registered in.
func parent(ascii string) string {
	_, zone, _ := strings.Cut(ascii, ".")
	return zone
}
