// Package listedtoken looks at tokens that a check lists to be watched: it reads each by its
// reference, leaves its service alone for a while after a refusal (package holdoff), and says
// in facts what became of the look. It knows no service and sends nothing itself, keeps no
// token and shows no part of one, and judges nothing.
package listedtoken

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"lapsewatch/internal/holdoff"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

// Service is one that tokens are for.
type Service struct {
	// Kind is the check's, and URL where the service is; both say whose a hold is. Name is
	// what messages call it: "registry.npmjs.org".
	Kind, URL, Name string
	// Remedy is the next step after a refusal; empty means policy's.
	Remedy  string
	Now     func() time.Time
	Log     *slog.Logger
	Secrets watch.SecretReader
	Memory  watch.Memory
	// AtOnce asks in spite of a hold, because somebody waits for the answer.
	AtOnce bool
}

// Refused is the error of an Ask whose token the service does not accept. It holds no secret.
type Refused struct {
	// Text says in a clause how the service put it: "it answered 401 Unauthorized".
	Text string
	// Code is the service's own word for it, if it has one.
	Code   string
	Status int
}

func (r *Refused) Error() string { return r.Text }

// Ask sends the token to its service. It gives a *Refused where that does not accept the
// token, and a *webclient.Failure where it could not be asked.
type Ask func(ctx context.Context, token watch.Secret) error

// Look is what became of a look at one token.
type Look struct {
	Subject watch.Subject
	// Identity names the token; empty where it could not be read.
	Identity string
	// Reason is empty where the service accepts the token, and TokenRefused where it does
	// not. Any other says why nobody knows.
	Reason  watch.Reason
	Err     error
	Details map[string]any
	Remedy  string
}

// Works reports whether the service accepts the token.
func (l Look) Works() bool { return l.Reason == "" }

// Refused reports whether the service does not accept the token.
func (l Look) Refused() bool { return l.Reason == watch.TokenRefused }

// Fact is what is told of a token that does not work: a condition where it is refused, and
// otherwise a problem.
func (l Look) Fact() watch.Fact {
	if l.Refused() {
		return watch.Condition{Subject: l.Subject, Identity: l.Identity, Reason: l.Reason, Text: "the token " + l.Err.Error(), Details: l.Details, Remedy: l.Remedy}
	}
	return watch.Problem{Subject: l.Subject, Reason: l.Reason, Err: l.Err, Confined: true, Details: l.Details, Remedy: l.Remedy}
}

// Observation is the same beside a date that is known all the same.
func (l Look) Observation() watch.Observation {
	text := l.Err.Error()
	if !l.Refused() {
		text = "could not be tried: " + text
	}
	return watch.Observation{Reason: l.Reason, Text: text, Remedy: l.Remedy}
}

// Look reads the token at ref and asks its service for it, unless that has refused it a
// short while ago. subject.ID tells the tokens of a service apart.
func (s Service) Look(ctx context.Context, subject watch.Subject, ref watch.SecretRef, ask Ask) Look {
	look := Look{Subject: subject}
	token, err := Read(s.Secrets, ref)
	if unread, ok := errors.AsType[*webclient.Trouble](err); ok {
		look.Reason, look.Err, look.Remedy = unread.Reason, unread.Err, unread.Remedy
		return look
	}
	look.Identity = Identity(token)
	book := &holdoff.Book{
		Memory: s.Memory, Log: s.Log, Subject: subject.Name,
		Key:     "token:" + holdoff.Digest([]byte(s.Kind), []byte(s.URL), []byte(subject.ID)),
		Options: holdoff.Digest([]byte(s.URL)),
	}
	known := book.Recall(ctx, s.Now(), []byte(token.Reveal()))
	if known != nil && s.Now().Before(known.RetryAt) && !s.AtOnce {
		s.refused(&look, *known, true)
		return look
	}
	err = ask(ctx, token)
	no, refused := errors.AsType[*Refused](err)
	switch {
	case err == nil:
		book.Succeeded(ctx)
	case refused: // even if the pass ended meanwhile: the next one must not ask again
		refusal := holdoff.Refusal{Reason: watch.TokenRefused, Code: no.Code, Text: no.Text, Status: no.Status, Lasting: true}
		s.refused(&look, book.Refused(ctx, known, refusal, 0, []byte(token.Reveal()), s.Now()), false)
	case ctx.Err() != nil:
		look.Reason, look.Err = watch.Unreadable, ctx.Err()
	default:
		look.Reason, look.Err = watch.Unreadable, err
		if failure, ok := errors.AsType[*webclient.Failure](err); ok {
			look.Reason, look.Remedy = failure.Reason, NextStep(failure.Reason, s.URL)
		}
	}
	return look
}

// NextStep is what to do where a web service gave no answer that can be used; empty where
// policy knows as well.
func NextStep(reason watch.Reason, address string) string {
	switch reason {
	case watch.Unparsable, watch.Unreadable:
		return fmt.Sprintf("See what answers at %s: the service may be down, or a proxy, a firewall or a sign-in page stands in between.", address)
	case watch.NotFound:
		return fmt.Sprintf("Check the address: nothing at %s knows of tokens.", address)
	case watch.UntrustedIssuer:
		return "If a private authority or a TLS-inspecting proxy stands in between, give its root certificate by ca_file."
	default:
		return ""
	}
}

func (s Service) refused(look *Look, hold holdoff.Hold, held bool) {
	text := "is not accepted by " + s.Name
	if held {
		text += "; " + hold.Clause()
	}
	look.Reason, look.Remedy = watch.TokenRefused, s.Remedy
	look.Err = errors.New(text + ": " + hold.Text)
	look.Details = map[string]any{"refusals": hold.Count, "next_attempt": hold.RetryAt.UTC().Format(time.RFC3339)}
	if hold.Status != 0 {
		look.Details["status"] = hold.Status
	}
	if hold.Code != "" {
		look.Details["code"] = hold.Code
	}
}

// Identity names a token without giving anything of it away: 48 bits of its digest, which
// confirm a guess, but such tokens are random and too long to be guessed.
func Identity(token watch.Secret) string {
	sum := sha256.Sum256([]byte(token.Reveal()))
	return "sha256:" + hex.EncodeToString(sum[:6])
}

// Strictly makes problems of all that does not work, for somebody who tries a configuration.
func Strictly(sink watch.Sink) watch.Sink {
	return func(fact watch.Fact) {
		switch said := fact.(type) {
		case watch.Condition:
			if said.Reason != "" {
				fact = watch.Problem{Subject: said.Subject, Reason: said.Reason, Err: errors.New(said.Text), Confined: true, Remedy: said.Remedy}
			}
		case watch.Credential:
			for _, seen := range said.Observations {
				fact = watch.Problem{Subject: said.Subject, Reason: seen.Reason, Err: errors.New("the token " + seen.Text), Confined: true, Remedy: seen.Remedy}
			}
		}
		sink(fact)
	}
}

// StrictlyUndated is Strictly without what has a date, for a check whose lists are tried by
// whether they can be read.
func StrictlyUndated(sink watch.Sink) watch.Sink {
	strict := Strictly(sink)
	return func(fact watch.Fact) {
		if _, dated := fact.(watch.Credential); !dated {
			strict(fact)
		}
	}
}
