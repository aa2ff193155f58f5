package syslog

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"lapsewatch/watch"
)

// Options configure one syslog receiver.
type Options struct {
	Host         string          `yaml:"host" jsonschema_description:"name or address of the syslog receiver"`
	Port         int             `yaml:"port,omitempty" jsonschema_description:"default 6514 for tls, 514 for tcp and udp"`
	Transport    Transport       `yaml:"transport,omitempty" jsonschema:"enum=tls,enum=tcp,enum=udp" jsonschema_description:"tls (default), tcp, or udp, which loses messages without a sign"`
	CAFile       string          `yaml:"ca_file,omitempty" jsonschema_description:"PEM file of the authorities to trust instead of the system's"`
	Certificate  string          `yaml:"certificate,omitempty" jsonschema_description:"PEM file of the certificate that Lapsewatch shows to the receiver, with its chain"`
	Key          watch.SecretRef `yaml:"key,omitempty" jsonschema_description:"where the certificate's private key is kept, in PEM"`
	Facility     string          `yaml:"facility,omitempty" jsonschema_description:"facility of the messages, such as local0; default daemon"`
	Hostname     string          `yaml:"hostname,omitempty" jsonschema_description:"host name in the messages; default this machine's"`
	EnterpriseID int             `yaml:"enterprise_id,omitempty" jsonschema_description:"your private enterprise number of IANA, for the name of the structured data; default 32473, which is the one for examples"`
	Timeout      watch.Duration  `yaml:"timeout,omitempty" jsonschema_description:"bound of one attempt, at most 5m; default 20s"`
}

// Transport is how messages travel.
type Transport string

// The transports.
const (
	// TLS is RFC 5425.
	TLS Transport = "tls"
	// TCP is RFC 6587 with octet counting.
	TCP Transport = "tcp"
	// UDP is RFC 5426.
	UDP Transport = "udp"
)

const (
	// exampleEnterprise is set aside for examples (RFC 5612).
	exampleEnterprise = 32473
	maxEnterprise     = 1<<32 - 1
	maxHostname       = 255
	maxTimeout        = watch.Duration(5 * time.Minute)
)

func defaults() Options {
	return Options{Transport: TLS, Facility: "daemon", EnterpriseID: exampleEnterprise, Timeout: watch.Duration(20 * time.Second)}
}

// ports are the usual ones by transport. There is none for TCP; receivers take UDP's.
var ports = map[Transport]int{TLS: 6514, TCP: 514, UDP: 514}

// facilities are those of RFC 5424, 6.2.1, by the names that syslog daemons give them.
var facilities = map[string]int{
	"kern": 0, "user": 1, "mail": 2, "daemon": 3, "auth": 4, "syslog": 5, "lpr": 6, "news": 7, "uucp": 8, "cron": 9, "authpriv": 10, "ftp": 11,
	"local0": 16, "local1": 17, "local2": 18, "local3": 19, "local4": 20, "local5": 21, "local6": 22, "local7": 23,
}

var (
	receiverName = regexp.MustCompile(`^[A-Za-z0-9._:\[\]-]{1,255}$`)
	printable    = regexp.MustCompile(`^[!-~]+$`)
)

func (o Options) address() string {
	port := o.Port
	if port == 0 {
		port = ports[o.Transport]
	}
	return net.JoinHostPort(o.bareHost(), strconv.Itoa(port))
}

// bareHost takes an IPv6 address as it is written in a URL, too.
func (o Options) bareHost() string { return strings.Trim(o.Host, "[]") }

// Validate reports every wrong value with its place.
func (o Options) Validate() error {
	var problems []error
	wrong := func(path string, err error) {
		problems = append(problems, &watch.FieldError{Path: path, Err: err})
	}
	if !receiverName.MatchString(o.Host) {
		wrong("host", errors.New("want the name or address of a syslog receiver"))
	}
	if o.Port < 0 || o.Port > 65535 {
		wrong("port", errors.New("want 1 to 65535"))
	}
	if _, known := ports[o.Transport]; !known {
		wrong("transport", fmt.Errorf("%q: want tls, tcp or udp", o.Transport))
	}
	o.validateTLS(wrong)
	if _, known := facilities[o.Facility]; !known {
		wrong("facility", fmt.Errorf("%q: want one of %s", o.Facility, strings.Join(slices.Sorted(maps.Keys(facilities)), ", ")))
	}
	if o.Hostname != "" && (!printable.MatchString(o.Hostname) || len(o.Hostname) > maxHostname) {
		wrong("hostname", fmt.Errorf("want at most %d printable ASCII characters without spaces", maxHostname))
	}
	if o.EnterpriseID < 1 || o.EnterpriseID > maxEnterprise {
		wrong("enterprise_id", fmt.Errorf("want a private enterprise number, 1 to %d", maxEnterprise))
	}
	if o.Timeout <= 0 || o.Timeout > maxTimeout {
		wrong("timeout", errors.New("want more than 0 and at most 5m"))
	}
	return errors.Join(problems...)
}

func (o Options) validateTLS(wrong func(string, error)) {
	for path, set := range map[string]bool{"ca_file": o.CAFile != "", "certificate": o.Certificate != "", "key": !o.Key.IsZero()} {
		if set && o.Transport != TLS {
			wrong(path, fmt.Errorf("only the transport tls has a use for it, and this is %s", o.Transport))
		}
	}
	switch {
	case o.Certificate == "" && !o.Key.IsZero():
		wrong("certificate", errors.New("a key needs the certificate that it belongs to"))
	case o.Certificate != "":
		if err := o.Key.Validate(); err != nil {
			wrong("key", err)
		}
	}
}
