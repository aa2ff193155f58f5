package endpoint

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/entry"
	"lapsewatch/watch"
)

// Options are the options of a `kind: endpoint` check.
type Options struct {
	Groups  []Group        `yaml:"groups" jsonschema:"required,minItems=1" jsonschema_description:"groups whose members do the same work: rings, regions, nodes"`
	Warn    watch.Duration `yaml:"warn,omitempty" jsonschema_description:"from how long on an answer is slow, such as 1s (the default)"`
	Timeout watch.Duration `yaml:"timeout,omitempty" jsonschema_description:"limit of one request, at most 1m; default: limits.timeout"`
	Samples int            `yaml:"samples,omitempty" jsonschema:"minimum=1,maximum=10" jsonschema_description:"how many requests each member gets in a pass, one after the other; default 3"`
	Peers   Peers          `yaml:"peers,omitempty" jsonschema_description:"from when on a member differs from its peers"`
	CAFile  string         `yaml:"ca_file,omitempty" jsonschema_description:"PEM file of the authorities to trust instead of the system's"`
}

// Peers say from when on a member differs: both must hold.
type Peers struct {
	Factor  float64        `yaml:"factor,omitempty" jsonschema:"minimum=1,maximum=1000" jsonschema_description:"how many times as long as its peers it takes; default 3"`
	AtLeast watch.Duration `yaml:"at_least,omitempty" jsonschema_description:"how much longer than its peers it takes, such as 200ms (the default)"`
}

// Group is members that do the same work, so that they are compared with each other.
type Group struct {
	entry.Entry `yaml:",inline"`
	Members     []Member `yaml:"members" jsonschema:"required,minItems=1" jsonschema_description:"what is measured, each a subject of its own"`
}

// Member is what is measured. Owners and link are the group's where it has none.
type Member struct {
	entry.Entry   `yaml:",inline"`
	URL           string   `yaml:"url" jsonschema:"required" jsonschema_description:"https://…, http://… or tcp://HOST:PORT"`
	Method        string   `yaml:"method,omitempty" jsonschema:"enum=GET,enum=HEAD" jsonschema_description:"GET (the default) or HEAD"`
	Headers       []Header `yaml:"headers,omitempty" jsonschema_description:"further request headers"`
	ExpectStatus  string   `yaml:"expect_status,omitempty" jsonschema_description:"statuses that are in order, such as 200 or 200-299,401; default 200-399"`
	ExpectText    string   `yaml:"expect_text,omitempty" jsonschema_description:"text that must stand in the first MiB of the answer"`
	Redirects     int      `yaml:"redirects,omitempty" jsonschema:"minimum=0,maximum=5" jsonschema_description:"how many redirects are followed; default 0"`
	VersionHeader string   `yaml:"version_header,omitempty" jsonschema_description:"header of the answer that tells the service's version, such as Server"`
	VersionJSON   string   `yaml:"version_json,omitempty" jsonschema_description:"JSON pointer (RFC 6901) to the service's version in the answer, such as /build/version"`
}

// Header is one further request header: its value by reference, or its text if that is no
// secret.
type Header struct {
	Name  string          `yaml:"name" jsonschema:"required" jsonschema_description:"name of the header"`
	Value watch.SecretRef `yaml:"value,omitempty" jsonschema_description:"where its value is kept"`
	Text  string          `yaml:"text,omitempty" jsonschema_description:"its value, where that is no secret"`
}

const (
	defaultWarn    = time.Second
	defaultSamples = 3
	defaultFactor  = 3
	defaultAtLeast = 200 * time.Millisecond

	maxGroups    = 200
	maxMembers   = 100
	maxSamples   = 10
	maxTimeout   = time.Minute
	maxFactor    = 1000
	maxHeaders   = 20
	maxRedirects = 5
	maxURL       = 2000
	maxValue     = 1000
)

func defaults() Options {
	return Options{
		Warn: watch.Duration(defaultWarn), Samples: defaultSamples,
		Peers: Peers{Factor: defaultFactor, AtLeast: watch.Duration(defaultAtLeast)},
	}
}

// headerName is a token (RFC 9110, 5.6.2).
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")

// telling are parts of the names of headers whose values are secrets.
var telling = regexp.MustCompile(`(?i)auth|cookie|token|secret|password|key|credential|session|signature|jwt|bearer|pwd|(^|[-_])pass`)

// reserved are the headers that belong to the connection or are the check's own.
var reserved = []string{
	"Host", "Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "Te", "Trailer", "Expect", "Keep-Alive",
	"Proxy-Authorization", "Proxy-Connection", "Accept-Encoding", "User-Agent",
}

// Validate reports every wrong value with its place.
func (o Options) Validate() error {
	var faults []error
	wrong := func(path string, err error) {
		if err != nil {
			faults = append(faults, &watch.FieldError{Path: path, Err: err})
		}
	}
	o.checkLimits(wrong)
	if len(o.Groups) == 0 {
		wrong("groups", errors.New("there is nothing to look at: give at least one group"))
	}
	if len(o.Groups) > maxGroups {
		wrong("groups", fmt.Errorf("%d groups are more than %d", len(o.Groups), maxGroups))
		return errors.Join(faults...)
	}
	faults = append(faults, entry.ListFaults("groups", o.Groups)...)
	for i, g := range o.Groups {
		at := fmt.Sprintf("groups[%d].members", i)
		if len(g.Members) == 0 {
			wrong(at, errors.New("give at least one member"))
		}
		if len(g.Members) > maxMembers {
			wrong(at, fmt.Errorf("%d members are more than %d", len(g.Members), maxMembers))
			continue
		}
		faults = append(faults, entry.ListFaults(at, g.Members)...)
		for j, m := range g.Members {
			m.check(fmt.Sprintf("%s[%d]", at, j), wrong)
			for k, other := range g.Members[:j] {
				if m.URL == other.URL && slices.Equal(m.Headers, other.Headers) {
					wrong(fmt.Sprintf("%s[%d].url", at, j), fmt.Errorf("repeats %s[%d]: a member is no peer of itself", at, k))
					break
				}
			}
		}
	}
	return errors.Join(faults...)
}

func (o Options) checkLimits(wrong func(string, error)) {
	if o.Warn < watch.Duration(time.Millisecond) || time.Duration(o.Warn) >= maxTimeout {
		wrong("warn", fmt.Errorf("want 1ms or more, and less than %s", maxTimeout))
	}
	if o.Timeout < 0 || time.Duration(o.Timeout) > maxTimeout {
		wrong("timeout", fmt.Errorf("want no more than %s", maxTimeout))
	}
	if o.Samples < 1 || o.Samples > maxSamples {
		wrong("samples", fmt.Errorf("want 1 to %d", maxSamples))
	}
	if math.IsNaN(o.Peers.Factor) || o.Peers.Factor < 1 || o.Peers.Factor > maxFactor {
		wrong("peers.factor", fmt.Errorf("want 1 to %d", maxFactor))
	}
	if o.Peers.AtLeast < watch.Duration(time.Millisecond) || time.Duration(o.Peers.AtLeast) > maxTimeout {
		wrong("peers.at_least", fmt.Errorf("want 1ms to %s", maxTimeout))
	}
}

// check reports what is wrong with a member.
func (m Member) check(at string, wrong func(string, error)) {
	target, err := m.target()
	if err != nil {
		wrong(at+".url", err)
		return
	}
	if target.Scheme == schemeTCP {
		m.checkTCP(at, wrong)
		return
	}
	if m.Method != "" && m.Method != http.MethodGet && m.Method != http.MethodHead {
		wrong(at+".method", errors.New("want GET or HEAD"))
	}
	if _, err := parseStatuses(m.ExpectStatus); err != nil {
		wrong(at+".expect_status", err)
	}
	if len(m.ExpectText) > maxValue {
		wrong(at+".expect_text", fmt.Errorf("want at most %d bytes", maxValue))
	}
	if m.Redirects < 0 || m.Redirects > maxRedirects {
		wrong(at+".redirects", fmt.Errorf("want 0 to %d", maxRedirects))
	}
	if m.Method == http.MethodHead && m.ExpectText != "" {
		wrong(at+".expect_text", errNoBody)
	}
	m.checkVersion(at, wrong)
	m.checkHeaders(at, target.Scheme, wrong)
}

var errNoBody = errors.New("the answer to HEAD has no content: use GET")

func (m Member) checkVersion(at string, wrong func(string, error)) {
	if m.VersionHeader != "" && !headerName.MatchString(m.VersionHeader) {
		wrong(at+".version_header", errors.New("want the name of an HTTP header"))
	}
	switch {
	case m.VersionJSON == "":
	case m.VersionHeader != "":
		wrong(at+".version_json", errors.New("want either version_header or version_json"))
	case m.Method == http.MethodHead:
		wrong(at+".version_json", errNoBody)
	default:
		if _, err := parsePointer(m.VersionJSON); err != nil {
			wrong(at+".version_json", err)
		}
	}
}

// checkTCP refuses what says something of answers, since there is none.
func (m Member) checkTCP(at string, wrong func(string, error)) {
	for _, one := range []struct {
		key   string
		given bool
	}{
		{"method", m.Method != ""}, {"headers", len(m.Headers) > 0}, {"expect_status", m.ExpectStatus != ""}, {"expect_text", m.ExpectText != ""},
		{"redirects", m.Redirects != 0}, {"version_header", m.VersionHeader != ""}, {"version_json", m.VersionJSON != ""},
	} {
		if one.given {
			wrong(at+"."+one.key, errors.New("has no meaning with tcp://, where only the connection is measured"))
		}
	}
}

func (m Member) checkHeaders(at, scheme string, wrong func(string, error)) {
	if len(m.Headers) > maxHeaders {
		wrong(at+".headers", fmt.Errorf("want at most %d", maxHeaders))
		return
	}
	for i, header := range m.Headers {
		place := fmt.Sprintf("%s.headers[%d]", at, i)
		name := http.CanonicalHeaderKey(header.Name)
		switch {
		case !headerName.MatchString(header.Name):
			wrong(place+".name", errors.New("want the name of an HTTP header"))
		case slices.Contains(reserved, name):
			wrong(place+".name", fmt.Errorf("%s cannot be given", name))
		case slices.ContainsFunc(m.Headers[:i], func(other Header) bool { return http.CanonicalHeaderKey(other.Name) == name }):
			wrong(place+".name", fmt.Errorf("%s is given twice", name))
		}
		switch {
		case (header.Text == "") == header.Value.IsZero():
			wrong(place+".value", errors.New("want exactly one of value and text"))
		case header.Text != "" && telling.MatchString(header.Name):
			wrong(place+".text", errors.New("such a header holds a secret, which is given by reference: value: {file: PATH} or {env: NAME}"))
		case header.Text != "" && (len(header.Text) > maxValue || clean.Text(header.Text, maxValue) != header.Text):
			wrong(place+".text", fmt.Errorf("want at most %d characters that can be seen", maxValue))
		case header.Text == "" && scheme != schemeHTTPS:
			wrong(place+".value", errors.New("a secret is sent over https only: anybody on the way reads it over http"))
		case header.Text == "":
			wrong(place+".value", header.Value.Validate())
		}
	}
}

const (
	schemeHTTPS = "https"
	schemeHTTP  = "http"
	schemeTCP   = "tcp"
)

var (
	errAddress = errors.New("want https://…, http://… or tcp://HOST:PORT")
	errPort    = errors.New("want a port from 1 to 65535")
)

// target reads the address. No error repeats it: it may hold a password.
func (m Member) target() (*url.URL, error) {
	address, err := url.Parse(m.URL)
	switch {
	case err != nil || !slices.Contains([]string{schemeHTTPS, schemeHTTP, schemeTCP}, address.Scheme):
		return nil, errAddress
	case address.User != nil:
		return nil, errors.New("it holds a user name or password: send an Authorization header instead")
	case address.Hostname() == "" || address.Opaque != "":
		return nil, errors.New("it names no host")
	case address.Fragment != "":
		return nil, errors.New("what stands behind # is never sent")
	case len(m.URL) > maxURL:
		return nil, fmt.Errorf("want at most %d bytes", maxURL)
	case address.Port() != "" && !isPort(address.Port()) || strings.HasSuffix(address.Host, ":"):
		return nil, errPort
	}
	if address.Scheme == schemeTCP && (address.Port() == "" || address.Path != "" || address.RawQuery != "" || address.ForceQuery) {
		return nil, errors.New("want tcp://HOST:PORT and nothing behind it")
	}
	return address, nil
}

func isPort(text string) bool {
	port, err := strconv.ParseUint(text, 10, 16)
	return err == nil && port > 0
}
