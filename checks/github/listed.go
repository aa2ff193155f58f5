package github

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"time"

	"github.com/google/go-github/v84/github"

	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

const (
	day = 24 * time.Hour
	// leftOverAfter is how long an expired token is news: GitHub lists what has expired
	// without an end, and nobody can restore it.
	leftOverAfter = 30 * day
	// unusedAfter is how long without a use makes a listed token unused.
	unusedAfter = 30 * day
	// shortestLife and longestLife bound the lives that GitHub offers for a token with an end.
	shortestLife = 7 * day
	longestLife  = 366 * day
)

// listing is one list of an organization's tokens.
type listing struct {
	pass         *pass
	organization Organization
	look         look
	seen         map[int64]bool
	// others are credentials of another sort, broken those that do not even say which they are.
	others, broken int
}

func (o Organization) listing(p *pass, l look) *listing {
	return &listing{pass: p, organization: o, look: l, seen: map[int64]bool{}}
}

// fineGrained lists the fine-grained personal access tokens that were approved for the
// organization, which GitHub tells Apps only (https://docs.github.com/en/rest/orgs/personal-access-tokens).
func (o Organization) fineGrained(ctx context.Context, ask *caller, l look) *webclient.Failure {
	list := o.listing(ask.pass, o.part(l, pats))
	_, failure := ask.list(ctx, "orgs/"+o.Organization+"/personal-access-tokens", list.fineGrained)
	if failure == nil {
		failure = list.end(ask)
	}
	return failure
}

// fineGrained takes an element of the list of fine-grained tokens.
func (l *listing) fineGrained(raw json.RawMessage) {
	var token github.PersonalAccessToken
	if err := json.Unmarshal(raw, &token); err != nil {
		l.unreadable(raw, "token_id")
		return
	}
	l.token(listed{
		id: cmp.Or(token.GetTokenID(), token.GetID()), name: token.GetTokenName(), login: token.GetOwner().GetLogin(), kind: "fine-grained personal access token",
		end: token.GetTokenExpiresAt().Time, used: token.GetTokenLastUsedAt().Time, granted: token.GetAccessGrantedAt().Time,
		details: map[string]any{"repositories": shown(token.GetRepositorySelection())},
	})
}

// authorized lists the classic personal access tokens that are authorized for the
// organization's single sign-on; header is that of the first answer
// (https://docs.github.com/en/enterprise-cloud@latest/rest/orgs/orgs#list-saml-sso-authorizations-for-an-organization).
func (o Organization) authorized(ctx context.Context, ask *caller, l look) (http.Header, *webclient.Failure) {
	list := o.listing(ask.pass, o.part(l, ssos))
	header, failure := ask.list(ctx, "orgs/"+o.Organization+"/credential-authorizations", list.authorization)
	if failure == nil {
		failure = list.end(ask)
	}
	return header, failure
}

// authorization takes an element of the list of single sign-on.
func (l *listing) authorization(raw json.RawMessage) {
	var token github.CredentialAuthorization
	if err := json.Unmarshal(raw, &token); err != nil {
		l.unreadable(raw, "credential_id")
		return
	}
	if token.GetCredentialType() != "personal access token" {
		l.others++
		return
	}
	l.token(listed{
		id: token.GetCredentialID(), name: token.GetAuthorizedCredentialNote(), login: token.GetLogin(), kind: "classic personal access token",
		end: token.GetAuthorizedCredentialExpiresAt().Time, used: token.GetCredentialAccessedAt().Time, begin: token.GetCredentialAuthorizedAt().Time,
	})
}

// listed is what GitHub tells of a token. end is zero if it has none, used if nothing ever
// used it. granted is when it was let into the organization, begin when it was authorized for
// single sign-on, which may be long after it was made.
type listed struct {
	id                        int64
	name, login, kind         string
	begin, granted, end, used time.Time
	details                   map[string]any
}

func (l *listing) token(found listed) {
	switch {
	case found.id <= 0:
		l.broken++
		return
	case l.seen[found.id]:
		return // a page moved while it was read
	}
	l.seen[found.id] = true
	name := cmp.Or(shown(found.name), fmt.Sprintf("token %d", found.id))
	if found.login != "" {
		name += " of " + shown(found.login)
	}
	details := map[string]any{"token_kind": found.kind, "token_name": shown(found.name), "token_id": found.id, "organization": l.organization.Organization}
	labels := map[string]string{"organization": l.organization.Organization}
	if found.login != "" {
		details["login"], labels["login"] = shown(found.login), shown(found.login)
	}
	maps.Copy(details, found.details)
	if !found.begin.IsZero() {
		details["authorized_at"] = found.begin.UTC().Format(time.RFC3339)
	}
	until := "never"
	var leftOver time.Time
	if !found.end.IsZero() {
		until, leftOver = found.end.UTC().Format(time.RFC3339), found.end.UTC().Add(leftOverAfter)
	}
	l.pass.env.Expect(1)
	l.pass.sink(watch.Credential{
		Subject: watch.Subject{ID: fmt.Sprintf("%s%d", l.look.hides, found.id), Name: name, Owners: l.look.subject.Owners, Labels: labels, Link: l.link()},
		Form:    watch.AccessToken, Identity: fmt.Sprintf("%d until %s", found.id, until), NotAfter: utc(found.end),
		Life: lifeOf(found.granted, found.end, l.pass.env.Now()), LeftOverFrom: leftOver, Use: l.use(found), Details: details,
		Remedy: "Let its owner make a new one, or regenerate it, and give it to whatever uses the old one.",
	})
}

// lifeOf is the life of a token that was let into the organization at an instant; zero if
// that cannot be it. A grant outlives its token where that was regenerated, and comes after
// it where somebody had to approve; what is left of the token is never more than its life.
func lifeOf(granted, end, now time.Time) time.Duration {
	life := end.Sub(granted)
	if granted.IsZero() || granted.After(now) || life < shortestLife || life > longestLife {
		return 0
	}
	return life
}

func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}

// link is where an owner of the organization sees its tokens.
func (l *listing) link() string {
	return cmp.Or(l.look.subject.Link, fmt.Sprintf("%s/organizations/%s/settings/personal-access-tokens/active", l.pass.options.web(), l.organization.Organization))
}

// use says whether anything uses the token. Of one that has expired it counts whether it
// was used shortly before.
func (l *listing) use(found listed) watch.Use {
	until := l.pass.env.Now()
	if !found.end.IsZero() && found.end.Before(until) {
		until = found.end
	}
	state := watch.Unused
	if !found.used.IsZero() && until.Sub(found.used) <= unusedAfter {
		state = watch.InUse
	}
	return watch.Use{State: state, LastUsed: utc(found.used)}
}

// unreadable tells of a token that GitHub describes in a form that cannot be read. It hides
// nothing but itself, if it says which it is.
func (l *listing) unreadable(raw json.RawMessage, key string) {
	var said map[string]any
	if json.Unmarshal(raw, &said) != nil {
		l.broken++
		return
	}
	number, ok := said[key].(float64)
	if !ok || number < 1 || number != float64(int64(number)) || l.seen[int64(number)] {
		l.broken++
		return
	}
	l.seen[int64(number)] = true
	l.pass.sink(watch.Problem{
		Subject: watch.Subject{ID: fmt.Sprintf("%s%d", l.look.hides, int64(number)), Name: fmt.Sprintf("token %d of %s", int64(number), l.organization.Organization), Owners: l.look.subject.Owners},
		Reason:  watch.Unparsable, Err: errors.New("read the token in the list of " + l.organization.Organization + ": GitHub describes it in a form that cannot be read"), Confined: true,
		Remedy: "Look at the token's end at GitHub, and report this message as a fault of Lapsewatch.",
	})
}

// end tells what was left out. Elements that name no token make the list incomplete.
func (l *listing) end(ask *caller) *webclient.Failure {
	if l.others > 0 {
		l.pass.sink(watch.Remark{Text: fmt.Sprintf("%s: %d credentials of another sort, such as SSH keys, were left out: GitHub gives them no date", l.look.subject.Name, l.others)})
	}
	if l.broken > 0 {
		return &webclient.Failure{Doing: ask.doing(), Reason: watch.Incomplete, Text: fmt.Sprintf("%d elements of the list cannot be read", l.broken), Lasting: true}
	}
	return nil
}
