package mailflow

import (
	"context"
	"errors"
	"fmt"

	"lapsewatch/internal/holdoff"
	"lapsewatch/internal/imapread"
	"lapsewatch/internal/msgraph"
	"lapsewatch/watch"
)

// outlook is what tokens for SMTP and IMAP of Exchange Online are asked for (learn.microsoft.
// com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-
// application-by-using-oauth).
const outlook = "https://outlook.office365.com"

// gate lets one login at a time through to an account, and none while a refusal is to be
// honoured: flows that share a wrong password are one refusal.
type gate struct {
	turn chan struct{}
	book holdoff.Book
}

// gateOf is that of an account at a server.
func (p *pass) gateOf(purpose, server, username string) *gate {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := purpose + ":" + holdoff.Digest([]byte(server), []byte(username))
	known := p.gates[key]
	if known == nil {
		known = &gate{turn: make(chan struct{}, 1), book: holdoff.Book{Memory: p.env.Memory, Log: p.env.Log, Key: key, Subject: server}}
		p.gates[key] = known
	}
	return known
}

// enter waits for the turn, or for the end of ctx. It gives the hold that stands against a
// login with this credential, if one does.
func (g *gate) enter(ctx context.Context, p *pass, mark []byte) (leave func(), known, held *holdoff.Hold, err error) {
	select {
	case g.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, nil, context.Cause(ctx)
	}
	known = g.book.Recall(ctx, p.env.Now(), mark)
	if known != nil && p.env.Now().Before(known.RetryAt) && !p.atOnce {
		held = known
	}
	return func() { <-g.turn }, known, held, nil
}

// credential is what to log in with, read for this one login. mark tells whether the next
// pass has the same.
type credential struct {
	secret watch.Secret
	bearer bool
	mark   []byte
}

// credentialOf reads a password or a token, or fetches one. Its error is a *fault, a
// *msgraph.Failure or wraps that of ctx.
func (p *pass) credentialOf(ctx context.Context, s Server) (credential, error) {
	switch {
	case s.Username == "":
		return credential{}, nil
	case s.Entra != nil:
		client, err := p.signIn(*s.Entra, outlook)
		if err != nil {
			return credential{}, err
		}
		defer client.Close()
		token, err := client.Token(ctx, watch.Secret{})
		return credential{token, true, p.signInMark(*s.Entra)}, err
	case !s.Token.IsZero():
		secret, err := p.secret(s.Token, "access token")
		return credential{secret, true, []byte(secret.Reveal())}, err
	}
	secret, err := p.secret(s.Password, "password")
	return credential{secret, false, []byte(secret.Reveal())}, err
}

// signInMark tells a sign-in from another one. Each token is a new one: it is the
// application that is refused, if one is, as it is with this secret.
func (p *pass) signInMark(how msgraph.SignIn) []byte {
	mark := "entra\x00" + how.Tenant + "\x00" + how.ClientID
	for _, ref := range []watch.SecretRef{how.Secret, how.Certificate, how.CertificatePassword} {
		if ref.IsZero() {
			continue
		}
		if secret, err := p.env.Secrets(ref); err == nil { // the sign-in tells of the error
			mark += "\x00" + secret.Reveal()
		}
	}
	return []byte(mark)
}

func (p *pass) secret(ref watch.SecretRef, what string) (watch.Secret, error) {
	secret, err := p.env.Secrets(ref)
	if err != nil {
		return secret, &fault{reason: watch.Unreadable, text: fmt.Sprintf("read the %s: %v", what, err), remedy: "Check that the secret is where the options refer to, and that Lapsewatch may read it."}
	}
	return secret, nil
}

func (p *pass) signIn(options msgraph.SignIn, resource string) (*msgraph.Client, error) {
	client, err := msgraph.Open(options, msgraph.Env{
		Log: p.env.Log, HTTP: p.env.HTTP, Secrets: p.env.Secrets, Memory: p.env.Memory,
		Timeout: p.env.Timeout, Interactive: p.atOnce, Resource: resource,
	})
	if err != nil {
		return nil, &fault{reason: watch.Unreadable, text: err.Error(), remedy: "Correct the options of the sign-in."}
	}
	return client, nil
}

// forms are those in which a login carries the credential.
func (c credential) forms(username string) []watch.Secret {
	given := c.secret.Reveal()
	if given == "" {
		return nil
	}
	forms := []watch.Secret{
		watch.NewSecret("\x00" + username + "\x00" + given), watch.NewSecret("user=" + username + "\x01auth=Bearer " + given + "\x01\x01"),
	}
	if len(given) >= shortestSecret {
		forms = append(forms, c.secret)
	}
	return forms
}

// shortestSecret is the length below which one is taken for an ordinary word, which it would
// garble to replace.
const shortestSecret = 6

// refusedLogin is the failure of a mailbox that does not accept who we say we are; nil for
// any other error.
func refusedLogin(err error) *imapread.Failure {
	if failure, ok := errors.AsType[*imapread.Failure](err); ok && failure.Login && failure.Lasting {
		return failure
	}
	return nil
}
