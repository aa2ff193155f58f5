package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"lapsewatch/internal/jose"
	"lapsewatch/watch"
)

// keys reads the keys and tells of the document, of each key, and of the listed tokens.
func (l *look) keys(ctx context.Context, document watch.Condition, found jose.Discovery) {
	set, err := jose.ReadKeys(ctx, l.client, found.JWKSURI)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		reason, remedy := explained(err)
		l.sink(document)
		l.keysUnread(reason, remedy, err)
		l.tokensUnverified(err)
		return
	}
	tokens, forget := l.readTokens()
	defer forget()
	document.Details["keys"] = len(set.Keys)
	if len(set.Keys) == 0 {
		// What is known of the keys stands: nobody withdraws all of them on purpose.
		l.sink(empty(document))
		l.keysUnread(watch.KeyVanished, emptyRemedy, errEmpty)
		l.tokens(tokens, set, published{})
		return
	}
	l.sink(document)
	history := &history{look: l, place: found.URL}
	history.life, history.lifeKnown = l.life(tokens)
	set, known, gone := history.compare(ctx, found.JWKSURI, set)
	l.check.env.Expect(len(set.Keys))
	l.present(set, known)
	for _, key := range gone {
		l.sink(history.vanished(key))
	}
	l.tokens(tokens, set, known)
}

var errEmpty = errors.New("the key set is empty, so that nothing is known of its keys")

const emptyRemedy = "Publish the keys again at once: until then nobody can verify a token of this issuer."

// empty is the document of an issuer that publishes no key, which is the graver news.
func empty(document watch.Condition) watch.Condition {
	document.Reason, document.Text = watch.KeyVanished, "its key set is empty, so that none of its tokens can be verified"
	document.Remedy = emptyRemedy
	return document
}

func (l *look) keySubject(id, name string) watch.Subject {
	subject := l.issuer.Subject(keyPrefix(l.issuer) + id)
	subject.Name = l.issuer.Name + " key " + name
	return subject
}

// present tells of each key that is published.
func (l *look) present(set jose.KeySet, known published) {
	times := map[string]int{}
	for i, key := range set.Keys {
		id := keptName(key.Name())
		if key.Name() == "" {
			id = fmt.Sprintf("#%d", i+1)
		}
		name := id
		if times[id]++; times[id] > 1 {
			name = fmt.Sprintf("%s #%d", id, times[id])
		}
		details := keyDetails(key)
		if at := slices.IndexFunc(known.Keys, func(k seen) bool { return k.Name == id }); at >= 0 {
			details["first_seen"] = known.Keys[at].First.Format(time.RFC3339)
		}
		l.sink(keyFact(l.keySubject(name, name), key, details))
	}
}

// keyFact is a certificate with its dates where there is one, and else the key.
func keyFact(subject watch.Subject, key jose.Key, details map[string]any) watch.Fact {
	var seen []watch.Observation
	if key.Private {
		seen = append(seen, watch.Observation{Reason: watch.PrivateKeyPublished, Text: "comes with its private part, so that anybody can sign tokens with it"})
	}
	for _, fault := range key.Faults {
		seen = append(seen, watch.Observation{Reason: watch.KeyMismatch, Text: "does not belong to the key: " + fault})
	}
	if len(key.Certificates) == 0 {
		fact := watch.Condition{Subject: subject, Text: "the key is published", Details: details}
		if len(seen) > 0 {
			fact.Reason, fact.Text, fact.Remedy = seen[0].Reason, "the key "+seen[0].Text, seen[0].Remedy
		}
		return fact
	}
	leaf := key.Certificates[0]
	fact := watch.Credential{
		Subject: subject, Form: watch.KeyCertificate, Observations: seen, Details: details,
		NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter, Life: leaf.NotAfter.Sub(leaf.NotBefore),
	}
	sum := sha256.Sum256(leaf.Raw)
	fact.Identity = "sha256:" + hex.EncodeToString(sum[:])
	for _, above := range key.Certificates[1:] {
		if above.NotBefore.After(fact.NotBefore) {
			fact.NotBefore = above.NotBefore
		}
		if above.NotAfter.Before(fact.NotAfter) {
			fact.NotAfter, fact.Life = above.NotAfter, above.NotAfter.Sub(above.NotBefore)
			fact.Decides = fmt.Sprintf("%s in x5c expires before the key's own certificate", shown(above.Subject.String()))
		}
	}
	return fact
}

func keyDetails(key jose.Key) map[string]any {
	details := map[string]any{}
	for name, text := range map[string]string{"key_id": key.ID, "key_type": key.Type, "algorithm": key.Algorithm, "use": key.Use, "thumbprint": key.Thumbprint, "not_usable": key.Unreadable} {
		if text != "" {
			details[name] = shown(text)
		}
	}
	if len(key.Certificates) > 0 {
		leaf := key.Certificates[0]
		details["subject"], details["issuer"], details["serial"] = shown(leaf.Subject.String()), shown(leaf.Issuer.String()), leaf.SerialNumber.Text(16)
	}
	return details
}
