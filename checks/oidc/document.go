package oidc

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/jose"
	"lapsewatch/watch"
)

// member is a member of the discovery document that clients keep copies of or rely on.
type member struct {
	name string
	// list: it is several words, in whatever order.
	list  bool
	value string
}

// members lists them in a fixed order. Scopes and claims come and go without harm.
func members(found jose.Discovery) []member {
	one := func(name, value string) member { return member{name: name, value: value} }
	list := func(name string, values []string) member {
		return member{name: name, list: true, value: strings.Join(values, " ")}
	}
	return []member{
		one("issuer", found.Issuer), one("jwks_uri", found.JWKSURI),
		one("authorization_endpoint", found.AuthorizationEndpoint), one("token_endpoint", found.TokenEndpoint),
		one("introspection_endpoint", found.IntrospectionEndpoint), one("revocation_endpoint", found.RevocationEndpoint), one("userinfo_endpoint", found.UserinfoEndpoint),
		one("mtls_endpoint_aliases.token_endpoint", found.MTLSTokenEndpoint), one("mtls_endpoint_aliases.introspection_endpoint", found.MTLSIntrospectionEndpoint),
		list("grant_types_supported", found.GrantTypes), list("response_types_supported", found.ResponseTypes),
		list("token_endpoint_auth_methods_supported", found.TokenAuthMethods), list("introspection_endpoint_auth_methods_supported", found.IntrospectionAuthMethods),
		list("token_endpoint_auth_signing_alg_values_supported", found.TokenAuthAlgorithms), list("id_token_signing_alg_values_supported", found.IDTokenAlgorithms),
	}
}

// change is that a member differs from what it was before, and when that was seen.
type change struct {
	Name   string    `json:"name"`
	Before value     `json:"before"`
	At     time.Time `json:"at"`

	text string
}

// document makes the fact of the discovery document, without what its keys add. Where it is
// suddenly that of another issuer, it is compared with nothing and not remembered.
func (l *look) document(ctx context.Context, found jose.Discovery, strange bool) watch.Condition {
	fact := watch.Condition{Subject: l.issuer.Subject(documentID(l.issuer)), Details: documentDetails(found)}
	var clauses []string
	if found.Mismatched() {
		fact.Reason = watch.IssuerMismatch
		clauses = append(clauses, fmt.Sprintf("its discovery document names the issuer %q, where %q was asked for", shown(found.Issuer), shown(found.Asked)))
	}
	if strange {
		fact.Text = clauses[0]
		return fact
	}
	if changes := l.changes(ctx, found); len(changes) > 0 {
		if fact.Reason == "" {
			fact.Reason = watch.IssuerChanged
		}
		var texts []string
		for _, each := range changes {
			texts = append(texts, fmt.Sprintf("%s (seen %s)", each.text, stamp(each.At)))
		}
		fact.Details["changes"] = texts
		clauses = append(clauses, "its discovery document changed: "+strings.Join(texts, "; "))
	}
	fact.Text = strings.Join(clauses, "; ")
	if fact.Text == "" {
		fact.Text = "its discovery document is in order"
	}
	return fact
}

func documentDetails(found jose.Discovery) map[string]any {
	details := map[string]any{"document": shown(found.URL), "issuer": shown(found.Issuer)}
	for _, each := range members(found) {
		switch {
		case each.value == "" || each.name == "issuer":
		case each.list:
			words := strings.Fields(each.value)
			for i := range words {
				words[i] = shown(words[i])
			}
			details[each.name] = words[:min(len(words), maxList)]
		default:
			details[strings.ReplaceAll(each.name, ".", "_")] = shown(each.value)
		}
	}
	if len(found.Faults) > 0 {
		details["left_out"] = found.Faults
	}
	return details
}

// changes compares the document with what was remembered, remembers it, and gives the
// differences that are still to be shown, oldest first. One that was taken back is none.
func (l *look) changes(ctx context.Context, found jose.Discovery) []change {
	known, ok := l.recallDocument(ctx, found.URL)
	if !ok {
		return nil
	}
	now := document{Members: map[string]value{}}
	for _, each := range members(found) {
		fresh := valueOf(each.value)
		now.Members[each.name] = fresh
		old, was := known.Members[each.name]
		at := slices.IndexFunc(known.Changes, func(c change) bool { return c.Name == each.name })
		differs := change{Name: each.name, Before: old, At: l.now.UTC()}
		if at >= 0 {
			differs.Before = known.Changes[at].Before
			if old.Hash == fresh.Hash {
				differs.At = known.Changes[at].At
			}
		}
		shown := differs.At.Add(time.Duration(l.check.options.ChangesShown)).After(l.now)
		if was && differs.Before.Hash != fresh.Hash && shown {
			differs.text = describe(each, differs.Before)
			now.Changes = append(now.Changes, differs)
		}
	}
	slices.SortStableFunc(now.Changes, func(a, b change) int { return a.At.Compare(b.At) })
	if surplus := len(now.Changes) - maxChanges; surplus > 0 {
		now.Changes = slices.Delete(now.Changes, 0, surplus)
	}
	l.rememberDocument(ctx, found.URL, now)
	return now.Changes
}

// describe says what changed, of a list only what came and went.
func describe(now member, old value) string {
	if !now.list || !old.whole() {
		was := quoted(old.Text)
		if old.Text == "" && !old.whole() {
			was = "another value"
		}
		return clean.Text(fmt.Sprintf("%s from %s to %s", now.name, was, quoted(now.value)), maxChange)
	}
	before, after := strings.Fields(old.Text), strings.Fields(now.value)
	without := func(all, others []string) string {
		return strings.Join(slices.DeleteFunc(slices.Clone(all), func(word string) bool { return slices.Contains(others, word) }), ", ")
	}
	text := now.name
	if gone := without(before, after); gone != "" {
		text += " without " + gone
	}
	if came := without(after, before); came != "" {
		text += " with " + came
	}
	return clean.Text(text, maxChange)
}

func quoted(text string) string {
	if text == "" {
		return "nothing"
	}
	return fmt.Sprintf("%q", clean.Text(text, maxText))
}
