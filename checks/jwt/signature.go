package jwt

import (
	"fmt"
	"strings"

	"lapsewatch/internal/jose"
	"lapsewatch/watch"
)

const signaturePrefix = "signature/"

// signature is what came of verifying one: a fact of its own, or why there is none.
type signature struct {
	// state is empty where nobody asked for it; observed are those of the token itself.
	state    jose.State
	observed []watch.Observation
	// fact is that of the signature.
	fact *watch.Condition
}

// signature verifies a token with the keys that are meant for it. Which those are never
// depends on more of the token than its issuer's being one of the list. Where they could not
// be read, that is told of the keys, and nothing of the signature.
func (p *pass) signature(of *place, subject watch.Subject, token []byte, read jose.Token) signature {
	with, listed := p.keys.of(read)
	switch {
	case read.Unsigned():
		return observed(watch.UnsignedToken, jose.Verify(token, jose.KeySet{}))
	case !listed:
		return observed(watch.SignatureUnchecked, jose.Verdict{State: jose.Unchecked, Text: "was not verified: its issuer is none of keys.issuers"})
	case with == nil || with.err != nil:
		return signature{}
	}
	verdict := jose.Verify(token, with.set)
	if verdict.State == jose.Unchecked {
		p.doubts.uncheckable(of, verdict.Text)
		return observed(watch.SignatureUnchecked, verdict)
	}
	fact := &watch.Condition{
		Subject: subject, Text: "the token " + verdict.Text,
		Details: map[string]any{"place": of.where(), "holder": read.Holder, "algorithm": short(read.Algorithm), "signature": string(verdict.State), "keys": with.shown},
		Reason:  map[jose.State]watch.Reason{jose.Invalid: watch.SignatureInvalid, jose.Vanished: watch.KeyVanished}[verdict.State],
	}
	fact.Subject.ID, fact.Subject.Name = signaturePrefix+with.id+"/"+subject.ID, "signature of "+subject.Name
	if read.KeyID != "" {
		fact.Details["key_id"] = short(read.KeyID)
	}
	switch over := !read.ExpiresAt.IsZero() && !read.ExpiresAt.After(p.env.Now()); {
	case verdict.State == jose.Valid:
		fact.Text = fmt.Sprintf("the token is signed by the key %q of %s", short(verdict.KeyName), with.shown)
	case verdict.State == jose.Vanished && over:
		fact.Reason, fact.Text = "", fmt.Sprintf("the token expired %s, so that nobody needs its key", stamp(read.ExpiresAt))
	}
	return signature{fact: fact}
}

func observed(reason watch.Reason, verdict jose.Verdict) signature {
	return signature{state: verdict.State, observed: []watch.Observation{{Reason: reason, Text: verdict.Text}}}
}

// placeOf is the ID of the token that a signature is of.
func placeOf(id string) (string, bool) {
	_, place, ok := strings.Cut(strings.TrimPrefix(id, signaturePrefix), "/")
	return place, ok
}
