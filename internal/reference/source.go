package reference

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/ntp/nts"
)

const ntpPort = 123

// Source is a server whose time is believed, together with others. It is written
// ntp://HOST[:PORT] or, where the server authenticates its answers (RFC 8915),
// nts://HOST[:PORT] with the TCP port of its key exchange.
type Source struct {
	// NTS: its answers are authenticated.
	NTS bool
	// Host is a name in ASCII and lower case, or an IP address.
	Host string
	Port uint16
}

// hostName allows underscores, which names of hosts have in practice.
var hostName = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$`)

const maxHostName = 253

// ParseSource reads a source. What it refuses it repeats, and says what to write, unless
// the text has a user name, which may have a password beside it.
func ParseSource(text string) (Source, error) {
	if strings.Contains(text, "@") {
		return Source{}, errors.New("a reference takes no user name or password: write ntp://HOST or nts://HOST")
	}
	scheme, rest, isURL := strings.Cut(text, "://")
	if !isURL {
		return Source{}, refusal(text, "it has no scheme: write ntp://HOST, or nts://HOST if the server offers NTS")
	}
	source := Source{}
	switch strings.ToLower(scheme) {
	case "ntp":
		source.Port = ntpPort
	case "nts":
		source.NTS, source.Port = true, nts.DefaultPort
	default:
		return Source{}, refusal(text, "its scheme is neither ntp nor nts: write ntp://HOST, or nts://HOST if the server offers NTS")
	}
	if strings.ContainsAny(rest, "/?#") {
		return Source{}, refusal(text, "it has more than a host and a port: leave out what follows them")
	}
	parsed, err := url.Parse("ntp://" + rest)
	if err != nil || strings.Count(rest, ":") > 1 && !strings.HasPrefix(rest, "[") {
		return Source{}, refusal(text, "the URL is malformed: write ntp://HOST or ntp://HOST:PORT, with an IPv6 address in brackets")
	}
	if port := parsed.Port(); port != "" || strings.HasSuffix(rest, ":") {
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil || number == 0 {
			return Source{}, refusal(text, "its port is no number from 1 to 65535")
		}
		source.Port = uint16(number)
	}
	if source.Host, err = host(parsed.Hostname()); err != nil {
		return Source{}, refusal(text, err.Error())
	}
	return source, nil
}

func refusal(text, why string) error {
	return fmt.Errorf("reference %q: %s", clean.Text(text, 300), why)
}

func host(text string) (string, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		if address.IsUnspecified() || address.IsMulticast() {
			return "", errors.New("it is not the address of one host")
		}
		return address.Unmap().String(), nil
	}
	name := strings.TrimSuffix(strings.ToLower(text), ".")
	switch {
	case name == "":
		return "", errors.New("the host is missing")
	case len(name) > maxHostName || !hostName.MatchString(name):
		return "", errors.New("the host is no name of a host: want ASCII letters, digits, hyphens and dots (xn--… for other letters)")
	}
	return name, nil
}

// String writes the source as a URL, with its port only if that is not the usual one.
func (s Source) String() string {
	scheme, usual := "ntp", uint16(ntpPort)
	if s.NTS {
		scheme, usual = "nts", nts.DefaultPort
	}
	if s.Port != usual {
		return scheme + "://" + net.JoinHostPort(s.Host, strconv.Itoa(int(s.Port)))
	}
	if strings.Contains(s.Host, ":") {
		return scheme + "://[" + s.Host + "]"
	}
	return scheme + "://" + s.Host
}

// UnmarshalText reads what ParseSource does.
func (s *Source) UnmarshalText(text []byte) error {
	parsed, err := ParseSource(string(text))
	if err == nil {
		*s = parsed
	}
	return err
}

// MarshalText writes what String does.
func (s Source) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MaxSources bounds how many sources there are.
const MaxSources = 64

// Sources are those that are asked together. Four that do not depend on each other are
// the least that still agree when one of them fails or lies (RFC 8633, 3.2).
type Sources []Source

// Validate refuses more than 64 sources, and the same one twice. Every mistake is named.
func (all Sources) Validate() error {
	var errs []error
	if len(all) > MaxSources {
		errs = append(errs, fmt.Errorf("%d references are more than %d: leave some out", len(all), MaxSources))
	}
	seen := map[Source]bool{}
	for _, source := range all {
		if seen[source] {
			errs = append(errs, fmt.Errorf("reference %s is listed twice: one server has one vote", source))
		}
		seen[source] = true
	}
	return errors.Join(errs...)
}
