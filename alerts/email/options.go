package email

import (
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"lapsewatch/internal/msgraph"
	"lapsewatch/watch"
)

// Options configure one mail channel.
type Options struct {
	Transport     Transport       `yaml:"transport,omitempty" jsonschema:"enum=smtp,enum=graph" jsonschema_description:"smtp (default), or graph, which sends by Microsoft Graph"`
	Host          string          `yaml:"host,omitempty" jsonschema_description:"name or address of the mail server"`
	Port          int             `yaml:"port,omitempty" jsonschema_description:"default 587 for starttls, 465 for implicit, 25 for none"`
	TLS           Encryption      `yaml:"tls,omitempty" jsonschema:"enum=starttls,enum=implicit,enum=none" jsonschema_description:"starttls (default; refused where the server does not offer it), implicit, or none"`
	CAFile        string          `yaml:"ca_file,omitempty" jsonschema_description:"PEM file of the authorities to trust instead of the system's"`
	Auth          Mechanism       `yaml:"auth,omitempty" jsonschema:"enum=auto,enum=plain,enum=login,enum=cram-md5,enum=scram-sha-1,enum=scram-sha-256,enum=xoauth2" jsonschema_description:"how to log in; auto (default) takes the strongest that the server offers for a password; xoauth2 takes an access token"`
	Username      string          `yaml:"username,omitempty" jsonschema_description:"account to log in with; without it nobody logs in"`
	Password      watch.SecretRef `yaml:"password,omitempty" jsonschema_description:"where the account's password is kept"`
	Token         watch.SecretRef `yaml:"token,omitempty" jsonschema_description:"where an access token is kept that something else renews, for auth: xoauth2 and transport: graph"`
	Entra         *msgraph.SignIn `yaml:"entra,omitempty" jsonschema_description:"how to sign in to Microsoft Entra for an access token, instead of token"`
	GraphURL      string          `yaml:"graph_url,omitempty" jsonschema_description:"https URL of Microsoft Graph, with token; default https://graph.microsoft.com"`
	From          string          `yaml:"from" jsonschema_description:"sender, with or without a display name; for transport: graph the mailbox that sends"`
	EnvelopeFrom  string          `yaml:"envelope_from,omitempty" jsonschema_description:"address that bounces go to, when not the sender's"`
	To            []string        `yaml:"to,omitempty" jsonschema_description:"recipients of everything that is routed here; each gets a mail of their own; may be left out where owner_domains is set"`
	OwnerDomains  []string        `yaml:"owner_domains,omitempty" jsonschema_description:"mail domains whose addresses are told of what they own, besides to; without it no owner is told"`
	ReplyTo       string          `yaml:"reply_to,omitempty" jsonschema_description:"where answers go, when not to the sender"`
	SubjectPrefix string          `yaml:"subject_prefix,omitempty" jsonschema_description:"put in front of each subject, such as [staging]"`
	Unsubscribe   Unsubscribe     `yaml:"unsubscribe,omitempty" jsonschema_description:"how recipients ask not to be told any more (RFC 2369, RFC 8058)"`
	Calendar      bool            `yaml:"calendar,omitempty" jsonschema_description:"attach the dates as a calendar; default true"`
	HELO          string          `yaml:"helo,omitempty" jsonschema_description:"name that Lapsewatch gives itself to the server; default the host's"`
	Timeout       watch.Duration  `yaml:"timeout,omitempty" jsonschema_description:"bound of one attempt, at most 10m; default 1m"`
}

// Transport is the way that mails take.
type Transport string

// The ways that mails take.
const (
	SMTP  Transport = "smtp"
	Graph Transport = "graph"
)

// Encryption says how the connection to the mail server is protected.
type Encryption string

// The ways to protect the connection.
const (
	// STARTTLS upgrades a plain connection, or gives up (RFC 3207).
	STARTTLS Encryption = "starttls"
	// Implicit speaks TLS from the first byte (RFC 8314).
	Implicit Encryption = "implicit"
	// Unencrypted sends mail in the clear, and never a password to another machine.
	Unencrypted Encryption = "none"
)

const (
	maxTo      = 100
	maxPrefix  = 50
	maxTimeout = watch.Duration(10 * time.Minute)
)

func defaults() Options {
	return Options{Transport: SMTP, TLS: STARTTLS, Auth: automatic, Calendar: true, Timeout: watch.Duration(time.Minute)}
}

// ports are the usual ones by encryption.
var ports = map[Encryption]int{STARTTLS: 587, Implicit: 465, Unencrypted: 25}

func (o Options) port() int {
	if o.Port != 0 {
		return o.Port
	}
	return ports[o.TLS]
}

// hostName keeps line breaks and spaces out of SMTP commands.
var hostName = regexp.MustCompile(`^[A-Za-z0-9._:\[\]-]{1,255}$`)

// report takes a fault and the place of the value; a nil fault is none.
type report func(path string, fault error)

// Validate reports every wrong value with its place.
func (o Options) Validate() error {
	var problems []error
	wrong := func(path string, err error) {
		if err != nil {
			problems = append(problems, &watch.FieldError{Path: path, Err: err})
		}
	}
	switch o.Transport {
	case SMTP:
		o.validateServer(wrong)
		o.validateLogin(wrong)
	case Graph:
		o.validateGraph(wrong)
	default:
		wrong("transport", fmt.Errorf("%q: want smtp or graph", o.Transport))
	}
	if o.Timeout <= 0 || o.Timeout > maxTimeout {
		wrong("timeout", errors.New("want more than 0 and at most 10m"))
	}
	if len(o.SubjectPrefix) > maxPrefix {
		wrong("subject_prefix", fmt.Errorf("want at most %d bytes", maxPrefix))
	}
	o.validateAddresses(wrong)
	o.Unsubscribe.validate(wrong)
	return errors.Join(problems...)
}

func (o Options) validateServer(wrong report) {
	if !hostName.MatchString(o.Host) {
		wrong("host", errors.New("want the name or address of a mail server"))
	}
	if o.Port < 0 || o.Port > 65535 {
		wrong("port", errors.New("want 1 to 65535"))
	}
	if _, known := ports[o.TLS]; !known {
		wrong("tls", fmt.Errorf("%q: want starttls, implicit or none", o.TLS))
	}
	if o.HELO != "" && !hostName.MatchString(o.HELO) {
		wrong("helo", errors.New("want a host name"))
	}
}

func loopback(host string) bool {
	return slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, unbracketed(host))
}

// unbracketed takes an IPv6 address as it is written in a URL, too.
func unbracketed(host string) string { return strings.Trim(host, "[]") }

func (o Options) validateAddresses(wrong report) {
	wrong("from", addressError(o.From))
	if o.ReplyTo != "" {
		wrong("reply_to", addressError(o.ReplyTo))
	}
	if o.EnvelopeFrom != "" {
		wrong("envelope_from", addressError(o.EnvelopeFrom))
	}
	switch {
	case len(o.To) == 0 && len(o.OwnerDomains) == 0:
		wrong("to", fmt.Errorf("want 1 to %d recipients, or owner_domains, so that owners are told", maxTo))
	case len(o.To) > maxTo:
		wrong("to", fmt.Errorf("want at most %d recipients", maxTo))
	}
	for i, to := range o.To {
		wrong(fmt.Sprintf("to[%d]", i), addressError(to))
		if slices.Contains(o.To[:i], to) {
			wrong(fmt.Sprintf("to[%d]", i), fmt.Errorf("%s is listed twice", to))
		}
	}
	o.validateOwnerDomains(wrong)
}

func addressError(text string) error {
	if _, err := netmail.ParseAddress(text); err != nil {
		return fmt.Errorf("%q is no mail address: want name@example.com or Name <name@example.com>", text)
	}
	return nil
}

func (o Options) server() string {
	return net.JoinHostPort(unbracketed(o.Host), strconv.Itoa(o.port()))
}
