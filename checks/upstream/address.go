package upstream

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// addressFault is why a text is not an https URL that can be read; nil if it is one.
func addressFault(text string, query bool) error {
	address, err := url.Parse(text)
	switch {
	case text == "":
		return errors.New("it is missing: want the https URL of the status page or feed")
	case err != nil: // the parser's error repeats the URL, which may hold a password
		return errors.New("it cannot be parsed as a URL: want https://HOST")
	case address.Scheme != "https":
		return errors.New("want https://HOST: over http anybody on the way can say that all is well")
	case address.Hostname() == "":
		return errors.New("it names no host")
	case address.User != nil:
		return errors.New("it holds a user name or password")
	case len(text) > maxURL:
		return fmt.Errorf("want at most %d bytes", maxURL)
	case address.Fragment != "" || !query && (address.RawQuery != "" || address.ForceQuery):
		return errors.New("want nothing behind the path")
	}
	return nil
}

// managementFault is why the token for Azure Resource Manager must not go to the source's
// address: it opens all that the identity may see. The one other place that it may go to is
// a stand-in on this machine that hands out tokens itself.
func (s Source) managementFault(caFile bool) error {
	address, err := url.Parse(s.URL)
	if err != nil || s.Azure == nil {
		return nil // said elsewhere
	}
	own := managementOf(s.Azure.Cloud)
	if strings.EqualFold("https://"+address.Host, own) && strings.Trim(address.Path, "/") == "" {
		return nil
	}
	issuer, err := url.Parse(s.Azure.AuthorityURL)
	if err == nil && caFile && loopback(address) && loopback(issuer) {
		return nil
	}
	return fmt.Errorf("want %s, or leave it out: the token for Azure goes nowhere else", own)
}

func loopback(address *url.URL) bool {
	ip, err := netip.ParseAddr(address.Hostname())
	return err == nil && ip.IsLoopback()
}
