package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"lapsewatch/internal/listedtoken"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

// expirationHeader says until when the token works that a request was made with, if it has
// an end (https://github.blog/changelog/2021-07-26-expiration-options-for-personal-access-tokens/).
const expirationHeader = "GitHub-Authentication-Token-Expiration"

// sort is what a token's prefix says of it
// (https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats/).
type sort struct {
	prefix, name string
	// asks is a path that such a token may read whatever its rights are.
	asks string
	// page is where a person renews it, below the address of GitHub.
	page string
	// dateless: without the header nobody knows its end, which it has.
	dateless string
}

const (
	askUser = "user"
	// askInstallation is for tokens that belong to no user.
	askInstallation = "installation/repositories?per_page=1"
)

// sorts is read-only.
var sorts = []sort{
	{prefix: "github_pat_", name: "fine-grained personal access token", asks: askUser, page: "/settings/personal-access-tokens"},
	{prefix: "ghp_", name: "classic personal access token", asks: askUser, page: "/settings/tokens"},
	{prefix: "gho_", name: "OAuth token", asks: askUser, page: "/settings/applications"},
	{prefix: "ghu_", name: "user token of a GitHub App", asks: askUser, page: "/settings/apps/authorizations", dateless: "such tokens end after 8 hours, unless the App turned that off"},
	{prefix: "ghs_", name: "installation token of a GitHub App", asks: askInstallation, dateless: "such tokens end after an hour; what lasts is the key of the App, which can be watched under apps"},
}

func sortOf(secret watch.Secret) sort {
	for _, known := range sorts {
		if strings.HasPrefix(secret.Reveal(), known.prefix) {
			return known
		}
	}
	return sort{name: "token", asks: askUser, page: "/settings/tokens"}
}

// watched tells of a token that options refer to: one request, to what needs no right.
func watched(ctx context.Context, p *pass, l look, ref watch.SecretRef) error {
	secret, err := listedtoken.Read(p.env.Secrets, ref)
	if err != nil {
		return err
	}
	kind := sortOf(secret)
	if l.subject.Link == "" && kind.page != "" {
		l.subject.Link = p.options.web() + kind.page
	}
	remedy := "Make a new token at GitHub and give it to whoever uses the old one: an expired or revoked one cannot be restored."
	known, stands := p.standing(ctx, l, secret)
	if stands {
		p.sink(refusedFact(l, "the token", secret, *known, true, remedy))
		return nil
	}
	ask, err := p.with(secret)
	if err != nil {
		return err
	}
	// What it is asked for proves that GitHub itself answered: a user has a login, and a list
	// of repositories their number.
	var proof struct {
		Login      string `json:"login"`
		TotalCount *int64 `json:"total_count"`
	}
	got, failure := ask.get(ctx, kind.asks, &proof)
	if failure == nil && (kind.asks == askUser && proof.Login == "" || kind.asks == askInstallation && proof.TotalCount == nil) {
		failure = ask.unlike("the answer is not what GitHub's documentation says: it does not say whose token it is", http.StatusOK)
	}
	switch {
	case failure != nil && isRefusal(failure):
		p.sink(refusedFact(l, "the token", secret, p.refused(ctx, l, known, failure, secret), false, remedy))
		return nil
	case failure != nil:
		return p.unread(failure)
	}
	l.book.Succeeded(ctx)
	return p.dated(l, secret, kind, got.header, proof.Login)
}

// dated tells until when the token works.
func (p *pass) dated(l look, secret watch.Secret, kind sort, header http.Header, login string) error {
	end, err := endOf(header)
	if err != nil {
		return &webclient.Trouble{Err: err, Reason: watch.Unparsable, Remedy: "Look at the token's end at GitHub (" + p.options.web() + kind.page + "), and report this message as a fault of Lapsewatch."}
	}
	details := map[string]any{"token_kind": kind.name}
	if login != "" {
		details["login"] = shown(login)
	}
	if scopes := shown(header.Get("X-OAuth-Scopes")); scopes != "" {
		details["scopes"] = scopes
	}
	if end.IsZero() && kind.dateless != "" {
		p.sink(watch.Condition{Subject: l.subject, Identity: listedtoken.Identity(secret), Text: "GitHub accepts the token and gives it no date: " + kind.dateless, Details: details})
		return nil
	}
	// GitHub does not say when the token was made, so that its life is not known.
	p.sink(watch.Credential{Subject: l.subject, Form: watch.AccessToken, Identity: listedtoken.Identity(secret), NotAfter: end, Details: details})
	return nil
}

var errManyEnds = errors.New("GitHub tells more than one expiration of the token")

// endOf is when the token of the request ends, zero if it never does. The library gives
// zero for what it cannot read too, and takes a zone that it does not know for UTC.
func endOf(header http.Header) (time.Time, error) {
	values := header.Values(expirationHeader)
	switch len(values) {
	case 0:
		return time.Time{}, nil
	case 1:
	default:
		return time.Time{}, errManyEnds
	}
	text := strings.TrimSpace(values[0])
	if utc, is := strings.CutSuffix(text, " UTC"); is {
		text = utc + " +0000"
	}
	end, err := time.Parse("2006-01-02 15:04:05 -0700", text)
	if err != nil {
		end, err = time.Parse(time.RFC3339, text)
	}
	end = end.UTC()
	if err != nil || end.Year() < 2000 || end.Year() > 9999 {
		return time.Time{}, fmt.Errorf("read the expiration of the token, which GitHub gives as %q: it is no date such as \"2027-01-31 12:00:00 UTC\"", shown(values[0]))
	}
	return end, nil
}
