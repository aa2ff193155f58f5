package msgraph

import (
	"fmt"
	"strings"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/redact"
	"lapsewatch/watch"
)

// Failure is why Entra or Graph gave no answer that can be used. No field holds a secret,
// an assertion or a token.
type Failure struct {
	// Doing is what was being done, to what: "sign in to tenant T as application C".
	Doing  string
	Reason watch.Reason
	// Text says what went wrong, as a clause.
	Text string
	// Status is that of the HTTP answer; zero if there was none.
	Status int
	// Code is "AADSTS7000222" and the like after a sign-in, Graph's own error code
	// otherwise ("Authorization_RequestDenied"); empty if the answer held none.
	Code string
	// CorrelationID and RequestID are what Microsoft's support asks for.
	CorrelationID, RequestID string
	// RetryAt is when to try again at the earliest, in UTC; zero if nothing says so.
	RetryAt time.Time
	// Held: nothing was sent, because an earlier attempt failed and its wait is not over.
	Held bool
	// Attempts in a row have failed, this one included; counted for sign-ins only.
	Attempts int
	// Lasting: it does not heal by itself; somebody has to change something.
	Lasting bool
	// Proxy: the way to the proxy failed, or the proxy refused; the service was not reached.
	Proxy bool
	// Err is the cause in this machine or on the network, if that is what it was.
	Err error
}

// Error is one line: what was being done, to what, then the cause with its code.
func (f *Failure) Error() string {
	var text strings.Builder
	text.WriteString(f.Doing + ": ")
	if f.Held {
		fmt.Fprintf(&text, "not tried again before %s, after %s: ", f.RetryAt.UTC().Format(time.RFC3339), attempts(f.Attempts))
	}
	text.WriteString(f.Text)
	var marks []string
	if f.Code != "" {
		marks = append(marks, f.Code)
	} else if f.Status != 0 {
		marks = append(marks, fmt.Sprintf("status %d", f.Status))
	}
	if f.CorrelationID != "" {
		marks = append(marks, "correlation id "+f.CorrelationID)
	}
	if f.RequestID != "" {
		marks = append(marks, "request id "+f.RequestID)
	}
	if len(marks) > 0 {
		text.WriteString(" (" + strings.Join(marks, ", ") + ")")
	}
	return text.String()
}

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.Err }

// soonOver reports whether another attempt in this pass may fare better.
func (f *Failure) soonOver() bool {
	return !f.Lasting && f.Reason != watch.UntrustedIssuer && f.Reason != watch.NameMismatch
}

func attempts(count int) string {
	if count == 1 {
		return "1 failed attempt"
	}
	return fmt.Sprintf("%d failed attempts", count)
}

const (
	// shownRunes of what a service says are shown.
	shownRunes = 300
	// shownOfChain is what azidentity says of the default chain, and shownOfLink what of
	// one link, so that the last is shown too.
	shownOfChain = 600
	shownOfLink  = 110
	// shownID is longer than any id that Microsoft gives a request.
	shownID = 64
)

// said makes what a service wrote fit to be shown: one line without tokens and secrets.
func said(text string, secrets ...watch.Secret) string {
	return clean.Text(strings.Join(strings.Fields(redact.JWTs(redact.Text(text, secrets...))), " "), shownRunes)
}

// hide takes secrets out of whatever the service may have echoed.
func (f *Failure) hide(secrets []watch.Secret) {
	for _, text := range []*string{&f.Text, &f.Code, &f.CorrelationID, &f.RequestID} {
		*text = redact.Text(*text, secrets...)
	}
	if f.Err != nil {
		f.Err = redact.Error(f.Err, secrets...)
	}
}
