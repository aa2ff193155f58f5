package oidc

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"slices"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/jose"
	"lapsewatch/watch"
)

func (l *look) tokenSubject(ref watch.SecretRef) watch.Subject {
	subject := l.issuer.Subject("token/" + url.PathEscape(l.issuer.Name) + "/" + ref.String())
	subject.Name = clean.Text(l.issuer.Name+" token in "+ref.String(), maxShown)
	return subject
}

// tokens tells of each listed token whether its key is still published. The tokens are
// dropped at once.
func (l *look) tokens(set jose.KeySet, known published) {
	l.check.env.Expect(len(l.issuer.Tokens))
	for _, ref := range l.issuer.Tokens {
		l.sink(l.token(ref, set, known))
	}
}

func (l *look) token(ref watch.SecretRef, set jose.KeySet, known published) watch.Fact {
	subject := l.tokenSubject(ref)
	secret, err := l.check.env.Secrets(ref)
	if err != nil {
		return problem(subject, "", reasonOf(err), err)
	}
	token := []byte(secret.Reveal())
	defer clear(token)
	read, err := jose.Read(token)
	if err != nil {
		failed := problem(subject, "", watch.Unparsable, fmt.Errorf("read the token in %s: %w", ref, err))
		failed.Remedy = "Give a JSON Web Token of this issuer, or take it out of tokens."
		return failed
	}
	fact := watch.Condition{Subject: subject, Details: map[string]any{"place": ref.String(), "holder": read.Holder}}
	if read.KeyID != "" {
		fact.Details["key_id"] = shown(read.KeyID)
	}
	if !read.ExpiresAt.IsZero() {
		fact.Details["expires_at"] = stamp(read.ExpiresAt)
		if !read.ExpiresAt.After(l.now) {
			fact.Text = fmt.Sprintf("the token expired %s, so that nobody needs its key", stamp(read.ExpiresAt))
			return fact
		}
	}
	if read.Issuer != l.issuer.Issuer {
		fact.Reason, fact.Text = watch.ClaimsUnexpected, fmt.Sprintf("the token is of the issuer %q, where %q is expected", shown(read.Issuer), shown(l.issuer.Issuer))
		return fact
	}
	return verified(fact, jose.Verify(token, set), read, known)
}

func verified(fact watch.Condition, verdict jose.Verdict, read jose.Token, known published) watch.Condition {
	fact.Reason = map[jose.State]watch.Reason{
		jose.Invalid: watch.SignatureInvalid, jose.Vanished: watch.KeyVanished, jose.Unsigned: watch.UnsignedToken, jose.Unchecked: watch.SignatureUnchecked,
	}[verdict.State]
	fact.Text = "the token " + verdict.Text
	if fact.Reason == "" {
		fact.Text = fmt.Sprintf("the key %s of the token is published", shown(verdict.KeyName))
	}
	if at := slices.IndexFunc(known.Keys, func(k seen) bool { return k.Name == keptName(read.KeyID) }); verdict.State == jose.Vanished && at >= 0 {
		fact.Text += fmt.Sprintf("; it was published until %s at least, and gone at %s", stamp(known.Keys[at].Last), stamp(known.Keys[at].Gone))
	}
	return fact
}

// tokensUnverified tells that nobody could look for the keys of the listed tokens.
func (l *look) tokensUnverified(err error) {
	l.check.env.Expect(len(l.issuer.Tokens))
	for _, ref := range l.issuer.Tokens {
		reason, _ := explained(err)
		l.sink(problem(l.tokenSubject(ref), "", reason, fmt.Errorf("look for the key of the token in %s: %w", ref, err)))
	}
}

func reasonOf(err error) watch.Reason {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return watch.NotFound
	case errors.Is(err, fs.ErrPermission):
		return watch.PermissionDenied
	}
	return watch.Unreadable
}
