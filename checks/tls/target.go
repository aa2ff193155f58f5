package tls

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"

	"lapsewatch/internal/starttls"
	"lapsewatch/watch"
)

// Target is one TLS service. In configuration it is a mapping, or a string as on the
// command line: "example.com", "example.com:8443", "smtp://mail.example.com".
type Target struct {
	Host       string   `yaml:"host" jsonschema:"required" jsonschema_description:"host name or IP address"`
	Port       uint16   `yaml:"port,omitempty" jsonschema_description:"TCP port; default 443, or the usual one of the starttls protocol"`
	StartTLS   string   `yaml:"starttls,omitempty" jsonschema:"enum=smtp,enum=submission,enum=imap,enum=pop3,enum=ftp,enum=ldap,enum=postgres,enum=mysql,enum=xmpp,enum=xmpp-server" jsonschema_description:"protocol that starts in plain text; without it TLS is spoken at once"`
	SNI        *string  `yaml:"sni,omitempty" jsonschema_description:"server name to ask for and to verify; default: the host; an empty one asks for none"`
	Addresses  []string `yaml:"addresses,omitempty" jsonschema_description:"IP addresses to read instead of those that DNS gives"`
	VerifyName *bool    `yaml:"verify_name,omitempty" jsonschema_description:"whether the certificate must be valid for the name; default true"`
}

// UnmarshalYAML reads either form. An unknown key of the mapping is an error.
func (t *Target) UnmarshalYAML(decode func(any) error) error {
	type mapping Target
	return watch.TextOrMapping(decode, t.UnmarshalText, (*mapping)(t))
}

// UnmarshalText reads a target as it is written on the command line.
func (t *Target) UnmarshalText(text []byte) error {
	parsed, err := ParseTarget(string(text))
	if err == nil {
		*t = parsed
	}
	return err
}

const defaultPort = 443

// implicitPort is the port of a URL scheme that speaks TLS from the first byte.
func implicitPort(scheme string) (port uint16, ok bool) {
	switch scheme {
	case "https":
		return defaultPort, true
	case "smtps", "submissions":
		return 465, true
	case "imaps":
		return 993, true
	case "pop3s":
		return 995, true
	case "ldaps":
		return 636, true
	case "ftps":
		return 990, true
	}
	return 0, false
}

// ParseTarget reads HOST, HOST:PORT, an IP address (IPv6 with a port in brackets), or a
// URL of a known scheme, of which only host and port count.
func ParseTarget(text string) (Target, error) {
	if scheme, rest, isURL := strings.Cut(text, "://"); isURL {
		return parseURL(strings.ToLower(scheme), rest)
	}
	if _, err := netip.ParseAddr(text); err == nil {
		return validTarget(Target{Host: text})
	}
	host, port := text, ""
	if colon := strings.LastIndexByte(text, ':'); colon >= 0 && !strings.HasSuffix(text, "]") {
		host, port = text[:colon], text[colon+1:]
		if port == "" {
			return Target{}, errors.New("the port after the colon is missing")
		}
	}
	if inner, bracketed := unbracket(host); bracketed {
		host = inner
	} else if strings.Contains(host, ":") {
		return Target{}, errors.New("want HOST, HOST:PORT, or an IPv6 address with its port as [ADDRESS]:PORT")
	}
	return withPort(Target{Host: host}, port)
}

func parseURL(scheme, rest string) (Target, error) {
	target := Target{}
	if port, ok := implicitPort(scheme); ok {
		target.Port = port
	} else if protocol, port, ok := starttls.Lookup(scheme); ok {
		target.StartTLS, target.Port = string(protocol), port
	} else {
		return Target{}, errors.New("the URL's scheme is none of a TLS service")
	}
	if strings.Contains(rest, "@") {
		// What stands before the @ may be a password, so the text is not repeated.
		return Target{}, errors.New("a target takes no user name or password")
	}
	parsed, err := url.Parse(scheme + "://" + rest)
	if err != nil {
		return Target{}, errors.New("the URL is malformed")
	}
	target.Host = parsed.Hostname()
	return withPort(target, parsed.Port())
}

func unbracket(host string) (inner string, ok bool) {
	inner, opened := strings.CutPrefix(host, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	return inner, opened && closed
}

func withPort(target Target, port string) (Target, error) {
	if port != "" {
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil || number == 0 {
			return Target{}, errors.New("the port is no number from 1 to 65535")
		}
		target.Port = uint16(number)
	}
	return validTarget(target)
}

func validTarget(target Target) (Target, error) {
	if target.Port == 0 {
		target.Port = defaultPort
	}
	_, err := target.service()
	return target, err
}

// takes recognises the targets of `lapsewatch scan` that this kind watches. Whatever
// could be a path is left to the kinds that read files.
func takes(target string) bool {
	if scheme, _, isURL := strings.Cut(target, "://"); isURL {
		scheme = strings.ToLower(scheme)
		_, _, upgrades := starttls.Lookup(scheme)
		_, implicit := implicitPort(scheme)
		return upgrades || implicit
	}
	if strings.HasPrefix(target, "jwt:") || strings.HasPrefix(target, ".") || strings.HasPrefix(target, "~") || strings.ContainsAny(target, `/\`) {
		return false
	}
	if _, err := os.Lstat(target); err == nil {
		return false
	}
	_, err := ParseTarget(target)
	return err == nil
}

// fill puts the targets of `lapsewatch scan` into the options; repeated ones count once.
func fill(targets []string, options Options) (Options, error) {
	seen := make(map[string]bool, len(targets))
	for _, text := range targets {
		target, err := ParseTarget(text)
		if err != nil {
			return options, fmt.Errorf("target %s: %w", withoutUserInfo(text), err)
		}
		made, err := target.service()
		if err != nil {
			return options, err
		}
		if !seen[made.key()] {
			seen[made.key()] = true
			options.Targets = append(options.Targets, target)
		}
	}
	return options, nil
}

func withoutUserInfo(text string) string {
	if at := strings.LastIndexByte(text, '@'); at >= 0 {
		text = "…" + text[at:]
	}
	return strconv.Quote(text)
}

var errNoHost = &watch.FieldError{Path: "host", Err: errors.New("is missing")}
