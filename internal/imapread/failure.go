package imapread

import (
	"encoding/base64"
	"errors"
	"io"
	"net"
	"strings"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/neterr"
	"lapsewatch/internal/redact"
	"lapsewatch/watch"
)

// Failure is why a mailbox could not be read. It holds no secret.
type Failure struct {
	// Doing is what was being done, to what.
	Doing  string
	Reason watch.Reason
	// Text says what went wrong, as a clause.
	Text string
	// Code is the server's response code (RFC 9051, 7.1), empty if it gave none.
	Code string
	// Login: the login was refused. Lasting: it does not heal by itself.
	Login, Lasting bool
}

func (f *Failure) Error() string { return f.Doing + ": " + f.Text }

const (
	shownText = 300
	maxCode   = 64
)

// passing reports whether a refusal with this code heals by itself (RFC 9051, 7.1).
func passing(code string) bool {
	switch code {
	case "UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG":
		return true
	default:
		return false
	}
}

// refused reports whether a login was refused.
func refused(err error) bool {
	failure, ok := errors.AsType[*Failure](err)
	return ok && failure.Login
}

// refusedLogin marks a server's refusal of who we say we are. A farewell behind a credential
// counts as one: whoever goes on asking may lock the account.
func (s *Session) refusedLogin(err error) error {
	said, ok := errors.AsType[status](err)
	if !ok {
		return err
	}
	if given := s.setup.Credential.Reveal(); given != "" && len(given) < shortestSecret {
		said = said.coded(given)
	}
	if passing(said.code) {
		return &Failure{Reason: watch.Unreadable, Code: said.code, Text: "the server puts the login off: " + said.words()}
	}
	text := "the server refuses the login: " + said.words()
	if said.word == "BYE" {
		text = "the server ends the session at the login: " + said.words()
	}
	if why, err := base64.StdEncoding.DecodeString(said.challenge); err == nil && len(why) > 0 {
		text += " (" + string(why) + ")"
	}
	return &Failure{Reason: watch.PermissionDenied, Code: said.code, Text: text, Login: true, Lasting: true}
}

// coded is a refusal without the server's words, in which a secret that is too short to be
// replaced could stand.
func (s status) coded(secret string) status {
	bare := status{word: s.word}
	if !strings.Contains(strings.ToLower(s.code), strings.ToLower(secret)) {
		bare.code = s.code
	}
	return bare
}

// explain says in plain words why a step failed.
func explain(doing string, err error, secrets ...watch.Secret) *Failure {
	failure := &Failure{Doing: doing}
	cause := err
	said, isSaid := errors.AsType[status](err)
	known, isKnown := errors.AsType[*Failure](err)
	switch {
	case isKnown:
		*failure = *known
		failure.Doing, cause = doing, errors.New(known.Text)
	case isSaid:
		failure.Reason, failure.Code = reasonOf(said.code), said.code
	case errors.Is(err, errTooMuch):
		failure.Reason, cause = watch.TooLarge, errTooMuch
	case errors.Is(err, errNoIMAP):
		failure.Reason, cause = watch.Unparsable, errNoIMAP
	case errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrUnexpectedEOF):
		failure.Reason, cause = watch.Unreadable, errors.New("the server closed the connection")
	default:
		failure.Reason, cause = neterr.Explain(err)
	}
	failure.Code = clean.Text(failure.Code, maxCode)
	failure.Text = clean.Text(strings.TrimSuffix(redact.JWTs(redact.Text(cause.Error(), secrets...)), "."), shownText)
	return failure
}

func reasonOf(code string) watch.Reason {
	switch code {
	case "NONEXISTENT":
		return watch.NotFound
	case "NOPERM":
		return watch.PermissionDenied
	default:
		return watch.Unreadable
	}
}
