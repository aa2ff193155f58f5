package mailflow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"

	"github.com/wneessen/go-mail"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/msgraph"
	"lapsewatch/internal/neterr"
	"lapsewatch/internal/redact"
	"lapsewatch/watch"
)

var errTooMuch = errors.New("the server says more than any mail server needs to")

// message is the canary as it is sent: one that nothing is to answer (RFC 3834, section 2;
// X-Auto-Response-Suppress is Exchange's).
func (l letter) message() (*mail.Msg, error) {
	m := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := m.From(l.from); err != nil {
		return nil, err
	}
	if err := m.To(l.to); err != nil {
		return nil, err
	}
	m.Subject(subject)
	m.SetDateWithValue(l.date)
	m.SetMessageIDWithValue(l.id + "@" + domainOf(l.from))
	m.SetGenHeader(headerName, l.id)
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	m.SetGenHeader("X-Auto-Response-Suppress", "All")
	m.SetBodyString(mail.TypeTextPlain, l.body)
	return m, nil
}

// shown is what a server said, without secrets and in one line.
func (s *submission) shown(text string) string {
	return clean.Text(strings.TrimSpace(redact.JWTs(redact.Text(text, s.given.forms(s.options.Username)...))), shownReply)
}

// statusOf is the SMTP reply code in err, zero when the server did not answer.
func statusOf(err error) int {
	if failed, ok := errors.AsType[*mail.SendError](err); ok {
		return failed.ErrorCode()
	}
	if failed, ok := errors.AsType[*textproto.Error](err); ok {
		return failed.Code
	}
	return 0
}

// reply is how go-mail writes what a server said.
var reply = regexp.MustCompile(`\b([245][0-9]{2}) ("(?:[^"\\]|\\.)*")`)

// replyOf is what the server said, in its own words.
func replyOf(err error) string {
	found := reply.FindStringSubmatch(err.Error())
	if found == nil {
		return err.Error()
	}
	text, wrong := strconv.Unquote(found[2])
	if wrong != nil {
		return err.Error()
	}
	return found[1] + " " + text
}

// refusal is what the server says to a login. A secret that is too short to be replaced
// could stand in its words.
func (s *submission) refusal(status int, err error) string {
	if length := len(s.given.secret.Reveal()); length > 0 && length < shortestSecret {
		return strconv.Itoa(status)
	}
	return s.shown(replyOf(err))
}

// noLogin are go-mail's words where a server offers no way to log in that can be used.
var noLogin = []error{
	mail.ErrPlainAuthNotSupported, mail.ErrXOauth2AuthNotSupported, mail.ErrNoSupportedAuthDiscovered,
}

// unopened says why a session could not be opened. login: the login was what failed.
func (s *submission) unopened(ctx context.Context, err error) (failed *fault, login bool) {
	_, address := s.where()
	status := statusOf(err)
	for _, none := range noLogin {
		if errors.Is(err, none) {
			return &fault{sort: refused, text: address + " offers no way to log in that can be used", remedy: "Let the server take logins on this port, or leave username out."}, false
		}
	}
	login = strings.Contains(err.Error(), "SMTP AUTH failed")
	switch {
	case login && status >= 500:
		return &fault{sort: refused, code: status, text: fmt.Sprintf("%s refuses the login of %s: %s", address, s.options.Username, s.refusal(status, err)), remedy: logInRemedy}, true
	case status >= 500:
		return &fault{sort: refused, code: status, text: address + " refuses the session: " + s.shown(replyOf(err))}, false
	case status >= 400:
		return &fault{sort: putOff, reason: watch.Throttled, code: status, text: address + " puts mail off: " + s.shown(replyOf(err))}, login
	case strings.HasSuffix(err.Error(), "does not support STARTTLS"):
		return &fault{reason: watch.StartTLSRefused, text: "open a session with " + address + ": it offers no STARTTLS, and nothing was sent"}, false
	}
	return s.broken(ctx, "open a session with "+address, err), false
}

// unsent says what became of a mail that was not taken for certain.
func (s *submission) unsent(ctx context.Context, err error) *fault {
	_, address := s.where()
	status := statusOf(err)
	failed, _ := errors.AsType[*mail.SendError](err)
	switch {
	case status >= 500:
		return &fault{sort: refused, code: status, text: address + " refuses the mail: " + s.shown(replyOf(err))}
	case status >= 400:
		return &fault{sort: putOff, reason: watch.Throttled, code: status, text: address + " puts mail off: " + s.shown(replyOf(err))}
	case failed != nil && failed.Reason == mail.ErrSMTPDataClose:
		lost := s.broken(ctx, "hand the canary over to "+address, err)
		lost.sort, lost.text = unsure, lost.text+"; whether it was taken is not known"
		return lost
	}
	return s.broken(ctx, "hand the canary over to "+address, err)
}

// broken is a connection that ended, or was none.
func (s *submission) broken(ctx context.Context, doing string, err error) *fault {
	if ctx.Err() != nil {
		return &fault{reason: watch.TimedOut, text: fmt.Sprintf("%s: no answer within %s", doing, s.pass.env.Timeout), err: ctx.Err()}
	}
	reason, cause := neterr.Explain(err)
	switch {
	case s.open != nil && s.open.left.Load() <= 0:
		reason, cause = watch.TooLarge, errTooMuch
	case errors.Is(err, io.EOF) || strings.Contains(err.Error(), "EOF"): // go-mail's own errors wrap none
		reason, cause = watch.Unreadable, errors.New("the server closed the connection")
	}
	return &fault{reason: reason, text: doing + ": " + s.shown(cause.Error()), err: endOf(err)}
}

// signInFault is that of a way out whose credential is not to be had. A sign-in that is
// refused for good stops whoever sends mail with it.
func signInFault(err error) error {
	failure, ok := errors.AsType[*msgraph.Failure](err)
	if !ok {
		return err
	}
	told := &fault{reason: failure.Reason, text: failure.Error(), code: failure.Status}
	if failure.Lasting && failure.Status != 0 && !failure.Proxy {
		told.sort = refused
		told.remedy = "Renew what the application signs in with, or correct its options: services that send mail with it are refused too."
	}
	return told
}
