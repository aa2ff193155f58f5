package oidc

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"slices"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/jose"
	"lapsewatch/watch"
)

func (l *look) tokenSubject(ref watch.SecretRef) watch.Subject {
	subject := l.issuer.Subject("token/" + url.PathEscape(l.issuer.Name) + "/" + ref.String())
	subject.Name = clean.Text(l.issuer.Name+" token in "+ref.String(), maxShown)
	return subject
}

// listed is a token of the list as far as it could be read.
type listed struct {
	ref   watch.SecretRef
	token []byte
	read  jose.Token
	fact  watch.Fact
}

// readTokens reads the listed tokens. forget drops them.
func (l *look) readTokens() (tokens []listed, forget func()) {
	for _, ref := range l.issuer.Tokens {
		one := listed{ref: ref}
		secret, err := l.check.env.Secrets(ref)
		if err != nil {
			one.fact = problem(l.tokenSubject(ref), "", reasonOf(err), err)
		} else {
			one.token = []byte(secret.Reveal())
			if one.read, err = jose.Read(one.token); err != nil {
				failed := problem(l.tokenSubject(ref), "", watch.Unparsable, fmt.Errorf("read the token in %s: %w", ref, err))
				failed.Remedy = "Give a JSON Web Token of this issuer, or take it out of tokens."
				one.fact = failed
			}
		}
		tokens = append(tokens, one)
	}
	return tokens, func() {
		for _, each := range tokens {
			clear(each.token)
		}
	}
}

// life is the longest life of the issuer's tokens, and in words whence that is known; zero
// if it is not: whatever else is taken for it, a proper rotation would be told of.
func (l *look) life(tokens []listed) (longest time.Duration, known string) {
	if longest = time.Duration(l.issuer.MaxTokenLife); longest > 0 {
		return longest, fmt.Sprintf("max_token_life %s", watch.Span(longest))
	}
	for _, each := range tokens {
		if life := each.read.ExpiresAt.Sub(each.read.IssuedAt); each.fact == nil && each.read.Issuer == l.issuer.Issuer && !each.read.IssuedAt.IsZero() && !each.read.ExpiresAt.IsZero() {
			longest = max(longest, life)
		}
	}
	return longest, fmt.Sprintf("the life of a token in tokens is %s", watch.Span(longest))
}

// tokens tells of each listed token whether its key is still published.
func (l *look) tokens(tokens []listed, set jose.KeySet, known published) {
	l.check.env.Expect(len(tokens))
	for _, each := range tokens {
		if each.fact == nil {
			each.fact = l.token(each, set, known)
		}
		l.sink(each.fact)
	}
}

func (l *look) token(of listed, set jose.KeySet, known published) watch.Fact {
	subject, ref, read := l.tokenSubject(of.ref), of.ref, of.read
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
	fact = verified(fact, jose.Verify(of.token, set), read, known)
	if fact.Reason == watch.KeyVanished && len(set.Keys) == 0 {
		fact.Remedy = emptyRemedy
	}
	return fact
}

func verified(fact watch.Condition, verdict jose.Verdict, read jose.Token, known published) watch.Condition {
	fact.Reason = map[jose.State]watch.Reason{
		jose.Invalid: watch.SignatureInvalid, jose.Vanished: watch.KeyVanished, jose.Unsigned: watch.UnsignedToken, jose.Unchecked: watch.SignatureUnchecked,
	}[verdict.State]
	fact.Text = "the token " + verdict.Text
	if fact.Reason == "" {
		fact.Text = fmt.Sprintf("the key %s of the token is published", shown(verdict.KeyName))
	}
	if at := slices.IndexFunc(known.Missed, func(k seen) bool { return k.Name == keptName(read.KeyID) }); verdict.State == jose.Vanished && at >= 0 {
		last, gone := known.Missed[at].Last.Time, known.Missed[at].Gone.Time
		fact.Text += fmt.Sprintf("; it was published until %s at least, and gone at %s", stampBeside(last, gone), stampBeside(gone, last))
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
