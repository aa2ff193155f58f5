package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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
	document.Details["keys"] = len(set.Keys)
	if len(set.Keys) == 0 {
		// What is remembered of the keys stands: nobody withdraws all of them on purpose.
		l.sink(empty(document))
		l.tokens(set, published{})
		return
	}
	l.sink(document)
	l.check.env.Expect(len(set.Keys))
	known, gone := l.compare(ctx, found.JWKSURI, set)
	l.present(set, known)
	for _, key := range gone {
		l.sink(l.vanished(key))
	}
	l.tokens(set, known)
}

// empty is the document of an issuer that publishes no key, which is the graver news.
func empty(document watch.Condition) watch.Condition {
	text := "its key set is empty, so that none of its tokens can be verified"
	if document.Reason != "" {
		text += "; " + document.Text
	}
	document.Reason, document.Text = watch.KeyVanished, text
	return document
}

// compare tells which keys are gone too early, and remembers those that are there. A key
// that is missed is looked for once more: behind one name stand several servers, of which
// one may lag.
func (l *look) compare(ctx context.Context, address string, set jose.KeySet) (published, []seen) {
	var known published
	if !l.recall(ctx, "keys", &known) {
		return published{}, nil
	}
	names := namesOf(set)
	missing := func(key seen) bool { return key.Gone.IsZero() && !slices.Contains(names, key.Name) }
	if slices.ContainsFunc(known.Keys, missing) {
		if again, err := jose.ReadKeys(ctx, l.client, address); err == nil {
			names = append(names, namesOf(again)...)
		}
	}
	now := l.follow(known, names)
	l.rememberKeys(ctx, now)
	var gone []seen
	for _, key := range now.Keys {
		if key.Until.After(l.now) {
			gone = append(gone, key)
		}
	}
	return now, gone
}

// namesOf lists the keys that may sign.
func namesOf(set jose.KeySet) []string {
	var names []string
	for _, key := range set.Keys {
		if name := keptName(key.Name()); key.Name() != "" && key.Use != "enc" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// follow carries what is known of the keys on to this pass.
func (l *look) follow(known published, names []string) published {
	now := published{At: l.now.UTC()}
	for _, name := range names {
		key := seen{Name: name, First: now.At, Last: now.At, Absent: known.At}
		if i := slices.IndexFunc(known.Keys, func(k seen) bool { return k.Name == name }); i >= 0 {
			key.First, key.Absent = known.Keys[i].First, known.Keys[i].Absent
		}
		if !slices.ContainsFunc(now.Keys, func(k seen) bool { return k.Name == name }) {
			now.Keys = append(now.Keys, key)
		}
	}
	since, early := l.allNew(now.Keys)
	for _, key := range known.Keys {
		if slices.Contains(names, key.Name) {
			continue
		}
		if key.Gone.IsZero() {
			key.Gone = now.At
			if early {
				key.Until, key.Since = now.At.Add(l.issuer.life()), since
			}
		}
		if forget := key.Gone.Add(keptAfter); forget.After(l.now) {
			now.Keys = append(now.Keys, key)
		}
	}
	return now
}

// keptAfter is how long a key that is gone is remembered, so that it can be said when it was
// seen last.
const keptAfter = 90 * 24 * time.Hour

// allNew reports whether not one of the keys can have been there for as long as a token may
// live, and when all of them were absent. Only then is it certain that a key which is gone
// signed tokens that still live: if one has been there for longer, that one may be the signer.
// It may have come right after the last look at which it was absent, and not only when it was
// first seen.
func (l *look) allNew(present []seen) (time.Time, bool) {
	since := l.now
	for _, key := range present {
		if key.Absent.IsZero() || l.now.Sub(key.Absent) >= l.issuer.life() {
			return time.Time{}, false
		}
		if key.Absent.Before(since) {
			since = key.Absent
		}
	}
	return since, len(present) > 0
}

// rememberKeys keeps the keys that are there, and of those that are gone what else fits.
func (l *look) rememberKeys(ctx context.Context, now published) {
	if len(now.Keys) > maxKeysKept {
		now.Keys = now.Keys[:maxKeysKept]
	}
	text := encode(now)
	for len(text) > maxMemory {
		now.Keys = now.Keys[:len(now.Keys)-1]
		text = encode(now)
	}
	l.remember(ctx, "keys", text)
}

// vanished is a key that is gone while tokens which it signed live.
func (l *look) vanished(key seen) watch.Condition {
	return watch.Condition{
		Subject: l.keySubject(key.Name, key.Name), Reason: watch.KeyVanished,
		Text: fmt.Sprintf("the key was withdrawn too early: it was gone at %s, and none of the keys that are left was there at %s yet; tokens that it signed may live until %s (max_token_life %s) and are refused",
			stamp(key.Gone), stamp(key.Since), stamp(key.Until), watch.Span(l.issuer.life())),
		Details: map[string]any{"key_id": key.Name, "first_seen": key.First.Format(time.RFC3339), "last_seen": key.Last.Format(time.RFC3339), "missed_at": key.Gone.Format(time.RFC3339)},
		Remedy:  fmt.Sprintf("Publish the key again until %s; at the next rotation keep the old key beside the new one for as long as tokens live.", stamp(key.Until)),
	}
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
