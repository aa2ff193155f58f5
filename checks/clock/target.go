package clock

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"lapsewatch/internal/clean"
	"lapsewatch/watch"
)

// Target is one host and the way to read its clock. In configuration it is a mapping, or
// its URL as a string.
type Target struct {
	URL        string          `yaml:"url" jsonschema:"required" jsonschema_description:"the host and the way to read its clock: ntp://HOST, chrony://HOST, http(s)://HOST/PATH, node+http(s)://HOST/PATH (node_exporter), ssh://USER@HOST, postgres://, mysql:// or sqlserver://USER@HOST/DATABASE; a port stands behind the host"`
	Name       string          `yaml:"name,omitempty" jsonschema_description:"what reports and messages call it; default: the URL"`
	Limit      string          `yaml:"limit,omitempty" jsonschema_description:"what this clock must be good enough for, in place of the check's limit"`
	Warn       watch.Duration  `yaml:"warn,omitempty" jsonschema_description:"offset from which this clock is a warning, together with critical"`
	Critical   watch.Duration  `yaml:"critical,omitempty" jsonschema_description:"offset from which this clock is critical"`
	User       string          `yaml:"user,omitempty" jsonschema_description:"whom to sign in as at node_exporter, with password"`
	Password   watch.SecretRef `yaml:"password,omitempty" jsonschema_description:"where the password for a database or node_exporter is kept"`
	Token      watch.SecretRef `yaml:"token,omitempty" jsonschema_description:"where the bearer token for node_exporter is kept"`
	PrivateKey watch.SecretRef `yaml:"private_key,omitempty" jsonschema_description:"where the private key for SSH is kept (OpenSSH or PEM)"`
	Passphrase watch.SecretRef `yaml:"passphrase,omitempty" jsonschema_description:"where the passphrase of the private key is kept"`
	KnownHosts string          `yaml:"known_hosts,omitempty" jsonschema_description:"file that pins the SSH host key, in the form of ~/.ssh/known_hosts; or give host_key"`
	HostKey    string          `yaml:"host_key,omitempty" jsonschema_description:"the SSH host key itself, such as \"ssh-ed25519 AAAA…\""`
	TLS        string          `yaml:"tls,omitempty" jsonschema:"enum=verify-full,enum=require,enum=disable" jsonschema_description:"how the connection to a database is protected; default verify-full"`
	CAFile     string          `yaml:"ca_file,omitempty" jsonschema_description:"PEM file of the authorities to trust instead of the system's"`
	ServerName string          `yaml:"server_name,omitempty" jsonschema_description:"name that the certificate must be valid for, when it is not the URL's host"`
}

// UnmarshalYAML reads either form. An unknown key of the mapping is an error.
func (t *Target) UnmarshalYAML(decode func(any) error) error {
	type mapping Target
	return watch.TextOrMapping(decode, t.UnmarshalText, (*mapping)(t))
}

// UnmarshalText reads a target that is its URL alone, which Options.Validate looks at.
func (t *Target) UnmarshalText(text []byte) error {
	*t = Target{URL: string(text)}
	return nil
}

const (
	maxURL  = 2048
	maxName = 200
)

var errNoScheme = errors.New("does not say how to read the clock: want a URL such as ntp://host.example.com")

// parse reads the URL of a target and completes it, so that one host has one URL. No
// error repeats a URL that may hold a password.
func parse(text string) (*url.URL, error) {
	if len(text) > maxURL {
		return nil, fmt.Errorf("the URL is longer than %d bytes", maxURL)
	}
	shown := quotable(text)
	parsed, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("the URL cannot be read: want one such as ntp://host.example.com")
	case parsed.Scheme == "" || parsed.Opaque != "":
		return nil, fmt.Errorf("%q %w", shown, errNoScheme)
	}
	if _, hasPassword := parsed.User.Password(); hasPassword {
		return nil, errors.New("a password does not belong into a URL: name the place where it is kept (password: {file: PATH} or {env: NAME})")
	}
	known, ok := ways[parsed.Scheme]
	switch {
	case !ok:
		return nil, fmt.Errorf("%q: the scheme %s is not known: want one of %s", shown, clean.Text(parsed.Scheme, maxName), strings.Join(schemes(), ", "))
	case parsed.Hostname() == "":
		return nil, fmt.Errorf("%q names no host", shown)
	case parsed.Fragment != "":
		return nil, fmt.Errorf("%q: a fragment (#) has no use here", shown)
	case !known.hasPath && (strings.Trim(parsed.Path, "/") != "" || parsed.RawQuery != ""):
		return nil, fmt.Errorf("%q: want %s://HOST[:PORT] and nothing behind it", shown, parsed.Scheme)
	case !known.hasUser && parsed.User != nil:
		return nil, fmt.Errorf("%q: a user has no use in %s", shown, parsed.Scheme)
	case known.hasUser && parsed.User.Username() == "":
		return nil, fmt.Errorf("%q: want %s://USER@HOST", shown, parsed.Scheme)
	}
	port := parsed.Port()
	if port == "" {
		port = known.port
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return nil, fmt.Errorf("%q: want a port from 1 to 65535", shown)
	}
	parsed.Host = net.JoinHostPort(strings.ToLower(parsed.Hostname()), port)
	if !known.hasPath || parsed.Path == "/" {
		parsed.Path = ""
	}
	return parsed, nil
}

// quotable leaves out what may be a password that was not written as one.
func quotable(text string) string {
	if scheme, _, isURL := strings.Cut(text, "://"); strings.Contains(text, "@") {
		if !isURL || strings.Contains(scheme, "@") {
			return "…"
		}
		return clean.Text(scheme, maxName) + "://…"
	}
	return clean.Text(text, maxName)
}

func schemes() []string {
	var all []string
	for scheme := range ways {
		all = append(all, scheme)
	}
	slices.Sort(all)
	return all
}

// host is a target that is ready to be read.
type host struct {
	id, name string
	limits   watch.ClockLimits
	target   Target
	url      *url.URL
	way      way
}

// host checks the target and makes it ready. Errors are *watch.FieldError, or joined ones.
func (t Target) host(general watch.ClockLimits) (*host, error) {
	at, err := parse(t.URL)
	if err != nil {
		return nil, &watch.FieldError{Path: "url", Err: err}
	}
	limits, err := limitsOf(t.Limit, t.Warn, t.Critical, general)
	problems := []error{err}
	if clean.Text(t.Name, maxName) != t.Name {
		problems = append(problems, &watch.FieldError{Path: "name", Err: fmt.Errorf("want one line of at most %d characters", maxName)})
	}
	known := ways[at.Scheme]
	for _, key := range t.given() {
		if !slices.Contains(known.uses, key) {
			problems = append(problems, &watch.FieldError{Path: key, Err: fmt.Errorf("has no use for %s", at.Scheme)})
		}
	}
	if known.validate != nil {
		problems = append(problems, known.validate(t))
	}
	made := &host{id: at.String(), name: t.Name, limits: limits, target: t, url: at, way: known}
	if made.name == "" {
		made.name = shortName(at)
	}
	return made, errors.Join(problems...)
}

// given lists the keys beyond those that every way takes.
func (t Target) given() []string {
	var keys []string
	for key, set := range map[string]bool{
		"user": t.User != "", "password": !t.Password.IsZero(), "token": !t.Token.IsZero(), "private_key": !t.PrivateKey.IsZero(),
		"passphrase": !t.Passphrase.IsZero(), "known_hosts": t.KnownHosts != "", "host_key": t.HostKey != "", "tls": t.TLS != "",
		"ca_file": t.CAFile != "", "server_name": t.ServerName != "",
	} {
		if set {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// shortName leaves out what the way takes for granted: "ntp://a.example.com".
func shortName(at *url.URL) string {
	short := *at
	short.User = nil
	if at.Port() == ways[at.Scheme].port {
		short.Host = strings.TrimSuffix(at.Host, ":"+at.Port())
	}
	return short.String()
}

// takes recognises the targets of `lapsewatch scan` that no other kind reads.
func takes(target string) bool {
	scheme, _, isURL := strings.Cut(target, "://")
	return isURL && ways[strings.ToLower(scheme)].scan
}

func fill(targets []string, options Options) (Options, error) {
	for _, text := range targets {
		options.Targets = append(options.Targets, Target{URL: text})
	}
	return options, nil
}
