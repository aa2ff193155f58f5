package mailflow

import (
	"cmp"
	netmail "net/mail"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"lapsewatch/internal/entry"
	"lapsewatch/internal/imapread"
	"lapsewatch/internal/msgraph"
	"lapsewatch/watch"
)

// Options are the options of a `kind: mailflow` check.
type Options struct {
	Flows []Flow `yaml:"flows" jsonschema:"required,minItems=1" jsonschema_description:"ways that mail takes, each tried once a pass"`
}

// Flow is a way from a submission to a mailbox.
type Flow struct {
	entry.Entry `yaml:",inline"`
	Submit      Submit         `yaml:"submit" jsonschema:"required" jsonschema_description:"how canaries are sent: as the service sends whose mail is watched"`
	Arrive      Arrive         `yaml:"arrive" jsonschema:"required" jsonschema_description:"where canaries arrive"`
	From        string         `yaml:"from" jsonschema:"required" jsonschema_description:"sender's address"`
	To          string         `yaml:"to" jsonschema:"required" jsonschema_description:"address of the mailbox in which canaries arrive"`
	Warn        watch.Duration `yaml:"warn,omitempty" jsonschema_description:"how long mail may take, such as 5m (the default)"`
	LostAfter   watch.Duration `yaml:"lost_after,omitempty" jsonschema_description:"how long after it was sent a canary that has not arrived counts as lost, such as 24h (the default)"`
	Wait        watch.Duration `yaml:"wait,omitempty" jsonschema_description:"how long a pass waits for the canary that it has just sent, such as 20s (the default), at most 5m"`
	Keep        int            `yaml:"keep,omitempty" jsonschema:"minimum=0,maximum=10" jsonschema_description:"how many of the canaries that arrived are left in the mailbox, the newest; default 0"`
}

// Submit is one of its two ways.
type Submit struct {
	SMTP  *SMTP     `yaml:"smtp,omitempty" jsonschema_description:"submission by SMTP (RFC 6409)"`
	Graph *GraphOut `yaml:"graph,omitempty" jsonschema_description:"submission by Microsoft Graph"`
}

// Arrive is one of its two ways.
type Arrive struct {
	IMAP  *IMAP    `yaml:"imap,omitempty" jsonschema_description:"a mailbox that is read by IMAP (RFC 9051, RFC 3501)"`
	Graph *GraphIn `yaml:"graph,omitempty" jsonschema_description:"a mailbox of Exchange Online, read by Microsoft Graph"`
}

// Server is one to connect to and to log in at.
type Server struct {
	Address  string              `yaml:"address" jsonschema:"required,minLength=1" jsonschema_description:"HOST or HOST:PORT"`
	TLS      imapread.Encryption `yaml:"tls,omitempty" jsonschema:"enum=starttls,enum=implicit,enum=none" jsonschema_description:"starttls, implicit or none; never falls back to another"`
	Insecure bool                `yaml:"insecure,omitempty" jsonschema_description:"allow tls: none to another machine than this one, without a login"`
	CAFile   string              `yaml:"ca_file,omitempty" jsonschema_description:"PEM file of the authorities to trust instead of the system's"`
	Username string              `yaml:"username,omitempty" jsonschema_description:"account to log in with"`
	Password watch.SecretRef     `yaml:"password,omitempty" jsonschema_description:"where the account's password is kept"`
	Token    watch.SecretRef     `yaml:"token,omitempty" jsonschema_description:"where an access token for XOAUTH2 is kept that something else renews"`
	Entra    *msgraph.SignIn     `yaml:"entra,omitempty" jsonschema_description:"how to sign in to Microsoft Entra for an access token for XOAUTH2, instead of token"`
}

// SMTP is a submission server.
type SMTP struct {
	Server `yaml:",inline"`
	HELO   string `yaml:"helo,omitempty" jsonschema_description:"name that Lapsewatch gives itself to the server; default the host's"`
}

// Folders are those of a mailbox that are looked into.
type Folders struct {
	Folder string   `yaml:"folder,omitempty" jsonschema_description:"where mail is to arrive; default: the inbox"`
	Also   []string `yaml:"also,omitempty" jsonschema_description:"folders that canaries are looked for in too, such as that of junk; one that is found there is told of, and does not count as arrived"`
}

// IMAP is a mailbox on an IMAP server.
type IMAP struct {
	Server  `yaml:",inline"`
	Folders `yaml:",inline"`
}

// GraphOut is a mailbox of Exchange Online that sends.
type GraphOut struct {
	msgraph.SignIn `yaml:",inline"`
	Mailbox        string `yaml:"mailbox,omitempty" jsonschema_description:"user principal name or ID of the mailbox; default: the address in from"`
}

// GraphIn is a mailbox of Exchange Online that is read.
type GraphIn struct {
	msgraph.SignIn `yaml:",inline"`
	Mailbox        string `yaml:"mailbox,omitempty" jsonschema_description:"user principal name or ID of the mailbox; default: the address in to"`
	Folders        `yaml:",inline"`
}

const (
	defaultWarn = 5 * time.Minute
	defaultLost = 24 * time.Hour
	defaultWait = 20 * time.Second

	maxFlows = 100
	maxAlso  = 5
	maxKeep  = 10
	maxWait  = 5 * time.Minute
	maxLost  = 30 * 24 * time.Hour
	maxName  = 200

	// shownReply is how much of what a server says is shown.
	shownReply = 300
)

func defaults() Options { return Options{} }

func (f Flow) warn() time.Duration { return cmp.Or(time.Duration(f.Warn), defaultWarn) }
func (f Flow) lost() time.Duration { return cmp.Or(time.Duration(f.LostAfter), defaultLost) }
func (f Flow) wait() time.Duration { return cmp.Or(time.Duration(f.Wait), defaultWait) }

func (f Flow) subject() watch.Subject { return f.Subject("flow/" + f.Name) }

// folders are where canaries are looked for, that in which they are to arrive first.
func (f Flow) folders() []string {
	if f.Arrive.Graph != nil {
		return append([]string{cmp.Or(f.Arrive.Graph.Folder, "inbox")}, f.Arrive.Graph.Also...)
	}
	return append([]string{cmp.Or(f.Arrive.IMAP.Folder, "INBOX")}, f.Arrive.IMAP.Also...)
}

// encryption is the configured one, or STARTTLS for submission and implicit TLS for IMAP
// (RFC 8314).
func (s Server) encryption(usual imapread.Encryption) imapread.Encryption {
	return cmp.Or(s.TLS, usual)
}

// address is HOST:PORT, with the port that is usual where none is given.
func (s Server) address(port string) (host, whole string) {
	host, given, found := splitAddress(s.Address)
	if found {
		port = given
	}
	if strings.Contains(host, ":") {
		return host, "[" + host + "]:" + port
	}
	return host, host + ":" + port
}

// The usual ports: RFC 6409, RFC 8314; RFC 9051.
var (
	smtpPorts = map[imapread.Encryption]string{imapread.STARTTLS: "587", imapread.Implicit: "465", imapread.None: "25"}
	imapPorts = map[imapread.Encryption]string{imapread.STARTTLS: "143", imapread.Implicit: "993", imapread.None: "143"}
)

// bare is a mail address without a display name.
func bare(address string) string {
	parsed, err := netmail.ParseAddress(address)
	if err != nil {
		return address
	}
	return parsed.Address
}

// domainOf is that of an address, in the form that a Message-ID can hold (RFC 5890, A-label).
func domainOf(address string) string {
	whole := bare(address)
	domain := whole[strings.LastIndexByte(whole, '@')+1:]
	if ascii, err := idna.Lookup.ToASCII(domain); err == nil {
		return ascii
	}
	return domain
}
