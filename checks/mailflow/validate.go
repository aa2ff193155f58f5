package mailflow

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/entry"
	"lapsewatch/internal/imapread"
	"lapsewatch/internal/msgraph"
	"lapsewatch/watch"
)

// report takes a fault and the place of the value; a nil fault is none.
type report func(path string, fault error)

// Validate reports every wrong value with its place.
func (o Options) Validate() error {
	var faults []error
	wrong := func(path string, err error) {
		if err != nil {
			faults = append(faults, &watch.FieldError{Path: path, Err: err})
		}
	}
	if len(o.Flows) == 0 {
		wrong("flows", errors.New("there is nothing to look at: give at least one flow"))
	}
	if len(o.Flows) > maxFlows {
		wrong("flows", fmt.Errorf("%d flows are more than %d", len(o.Flows), maxFlows))
		return errors.Join(faults...)
	}
	faults = append(faults, entry.ListFaults("flows", o.Flows)...)
	for i, flow := range o.Flows {
		at := fmt.Sprintf("flows[%d]", i)
		flow.validate(func(path string, err error) { wrong(at+"."+path, err) })
	}
	return errors.Join(faults...)
}

func (f Flow) validate(wrong report) {
	wrong("from", addressFault(f.From))
	wrong("to", addressFault(f.To))
	switch {
	case f.Warn < 0 || f.warn() > f.lost():
		wrong("warn", errors.New("want no more than lost_after"))
	case f.warn() == f.lost():
		wrong("lost_after", errors.New("want more than warn, so that stuck and lost are told apart"))
	}
	if f.LostAfter < 0 || f.lost() > maxLost {
		wrong("lost_after", fmt.Errorf("want no more than %d days", maxLost/(24*time.Hour)))
	}
	if f.Wait < 0 || f.wait() > maxWait {
		wrong("wait", fmt.Errorf("want no more than %s", maxWait))
	}
	if f.Keep < 0 || f.Keep > maxKeep {
		wrong("keep", fmt.Errorf("want 0 to %d", maxKeep))
	}
	f.Submit.validate(wrong, bare(f.From))
	f.Arrive.validate(wrong, bare(f.To))
}

func (s Submit) validate(wrong report, from string) {
	switch {
	case (s.SMTP == nil) == (s.Graph == nil):
		wrong("submit", errors.New("want exactly one of smtp and graph"))
	case s.SMTP != nil:
		s.SMTP.validate("submit.smtp", wrong, imapread.STARTTLS)
		if s.SMTP.HELO != "" && !hostName.MatchString(s.SMTP.HELO) {
			wrong("submit.smtp.helo", errors.New("want a host name"))
		}
	default:
		under("submit.graph", s.Graph.Validate(), wrong)
		wrong("submit.graph.mailbox", mailboxFault(cmp.Or(s.Graph.Mailbox, from)))
	}
}

func (a Arrive) validate(wrong report, to string) {
	switch {
	case (a.IMAP == nil) == (a.Graph == nil):
		wrong("arrive", errors.New("want exactly one of imap and graph"))
	case a.IMAP != nil:
		a.IMAP.Server.validate("arrive.imap", wrong, imapread.Implicit)
		if a.IMAP.Username == "" {
			wrong("arrive.imap.username", errors.New("a mailbox is read with a login"))
		}
		a.IMAP.Folders.validate("arrive.imap", wrong, folderFault)
	default:
		under("arrive.graph", a.Graph.Validate(), wrong)
		wrong("arrive.graph.mailbox", mailboxFault(cmp.Or(a.Graph.Mailbox, to)))
		a.Graph.validate("arrive.graph", wrong, graphFolderFault)
	}
}

func (f Folders) validate(at string, wrong report, faultOf func(name string) error) {
	if f.Folder != "" {
		wrong(at+".folder", faultOf(f.Folder))
	}
	if len(f.Also) > maxAlso {
		wrong(at+".also", fmt.Errorf("%d folders are more than %d", len(f.Also), maxAlso))
	}
	for i, folder := range f.Also {
		fault := faultOf(folder)
		if fault == nil && (strings.EqualFold(folder, f.Folder) || strings.EqualFold(folder, "inbox") && f.Folder == "" || slices.Contains(f.Also[:i], folder)) {
			fault = fmt.Errorf("%q is looked into already", folder)
		}
		wrong(fmt.Sprintf("%s.also[%d]", at, i), fault)
	}
}

func folderFault(name string) error {
	if strings.TrimSpace(name) == "" || clean.Text(name, maxName) != name {
		return fmt.Errorf("want a name of 1 to %d characters that can be seen", maxName)
	}
	return nil
}

// graphFolders are the well-known names of those that mail can lie in (learn.microsoft.com/
// graph/api/resources/mailfolder); others go by their IDs.
var (
	graphFolders = []string{
		"archive", "clutter", "conflicts", "deleteditems", "drafts", "inbox", "junkemail", "localfailures", "msgfolderroot", "outbox",
		"recoverableitemsdeletions", "scheduled", "searchfolders", "sentitems", "serverfailures", "syncissues",
	}
	graphFolderID = regexp.MustCompile(`^[A-Za-z0-9_=+-]{20,1000}$`)
)

func graphFolderFault(name string) error {
	if !slices.Contains(graphFolders, strings.ToLower(name)) && !graphFolderID.MatchString(name) {
		return fmt.Errorf("%q: want a well-known name of Microsoft Graph, such as junkemail, or the ID of a folder", clean.Text(name, maxName))
	}
	return nil
}

// mailboxName keeps what leads elsewhere out of a URL's path.
var mailboxName = regexp.MustCompile(`^[^\s/?#%&\\:;*<>|"]{3,}$`)

func mailboxFault(name string) error {
	if !mailboxName.MatchString(name) || clean.Text(name, maxName) != name {
		return errors.New("want the user principal name or the ID of a mailbox")
	}
	return nil
}

// hostName keeps line breaks and spaces out of SMTP commands.
var hostName = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,255}$`)

// splitAddress reads HOST, HOST:PORT, [IPv6] or [IPv6]:PORT.
func splitAddress(address string) (host, port string, found bool) {
	if host, port, err := net.SplitHostPort(address); err == nil {
		return host, port, true
	}
	return strings.Trim(address, "[]"), "", false
}

func (s Server) validate(at string, wrong report, usual imapread.Encryption) {
	host, port, found := splitAddress(s.Address)
	number, err := strconv.Atoi(port)
	if !hostName.MatchString(host) || found && (err != nil || number < 1 || number > 65535) {
		wrong(at+".address", errors.New("want HOST or HOST:PORT"))
	}
	encryption := s.encryption(usual)
	if _, known := smtpPorts[encryption]; !known {
		wrong(at+".tls", fmt.Errorf("%q: want starttls, implicit or none", s.TLS))
	}
	plain := encryption == imapread.None && !loopback(host)
	switch {
	case plain && !s.Insecure:
		wrong(at+".tls", errors.New("none would send mail in the clear to another machine: use starttls or implicit, or say insecure: true"))
	case plain && s.Username != "":
		wrong(at+".tls", errors.New("none would send the login in the clear: use starttls or implicit"))
	}
	s.validateLogin(at, wrong)
}

func (s Server) validateLogin(at string, wrong report) {
	given := 0
	for _, one := range []bool{!s.Password.IsZero(), !s.Token.IsZero(), s.Entra != nil} {
		if one {
			given++
		}
	}
	switch {
	case s.Username == "" && given > 0:
		wrong(at+".username", errors.New("a login needs the account"))
	case s.Username != "" && given != 1:
		wrong(at+".password", errors.New("want exactly one of password, token and entra"))
	}
	if clean.Text(s.Username, maxName) != s.Username {
		wrong(at+".username", fmt.Errorf("want at most %d characters that can be seen", maxName))
	}
	if !s.Password.IsZero() {
		wrong(at+".password", s.Password.Validate())
	}
	if !s.Token.IsZero() {
		wrong(at+".token", s.Token.Validate())
	}
	if s.Entra != nil {
		under(at+".entra", s.Entra.Validate(), wrong)
		if s.Entra.Cloud != "" && s.Entra.Cloud != msgraph.PublicCloud {
			wrong(at+".entra.cloud", errors.New("tokens for SMTP and IMAP are asked for in the public cloud only: use graph"))
		}
	}
}

func loopback(host string) bool {
	address := net.ParseIP(host)
	return host == "localhost" || address != nil && address.IsLoopback()
}

func addressFault(text string) error {
	if parsed, err := netmail.ParseAddress(text); err != nil || clean.Text(text, maxName) != text || !strings.Contains(parsed.Address, "@") {
		return fmt.Errorf("%q is no mail address: want name@example.com", clean.Text(text, maxName))
	}
	return nil
}

// under reports the faults of nested options with the whole way to each.
func under(prefix string, err error, wrong report) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			under(prefix, one, wrong)
		}
		return
	}
	if field, ok := errors.AsType[*watch.FieldError](err); ok {
		wrong(prefix+"."+field.Path, field.Err)
		return
	}
	wrong(prefix, err)
}
