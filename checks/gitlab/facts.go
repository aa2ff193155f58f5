package gitlab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	gitlab "gitlab.com/gitlab-org/api/client-go"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/holdoff"
	"lapsewatch/internal/listedtoken"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

const (
	// maxShown bounds each text of GitLab's that is shown or kept, maxScopes a list of them.
	maxShown  = 200
	maxScopes = 50
)

func shown(text string) string { return clean.Text(text, maxShown) }

func allShown(texts []string) []string {
	var all []string
	for _, text := range texts[:min(len(texts), maxScopes)] {
		all = append(all, shown(text))
	}
	return all
}

// elsewhere are tokens that GitLab tells nothing of when it is asked with them.
var elsewhere = []struct{ prefix, name, instead string }{
	{"gldt-", "a deploy token", "Watch it with its project or group, under projects or groups."},
	{"glcbt-", "a job token, which ends with its job", "Take it out of tokens."},
	{"glrt-", "a runner authentication token", "Take it out of tokens."},
	{"glptt-", "a pipeline trigger token, which has no date", "Take it out of tokens."},
}

// secret reads a referenced token.
func (p *pass) secret(ref watch.SecretRef) (watch.Secret, error) {
	secret, err := listedtoken.Read(p.env.Secrets, ref)
	if err != nil {
		return watch.Secret{}, err
	}
	for _, other := range elsewhere {
		if strings.HasPrefix(secret.Reveal(), other.prefix) {
			return watch.Secret{}, &webclient.Trouble{Err: fmt.Errorf("the token in %s is %s: GitLab does not say of it when it ends", ref, other.name), Reason: watch.Unreadable, Remedy: other.instead}
		}
	}
	return secret, nil
}

// asked is what came of asking GitLab with a token about that token itself.
type asked struct {
	ask   *caller
	token gitlab.PersonalAccessToken
	// identity names the secret, whatever GitLab says of it.
	identity string
	// refusal is why GitLab does not accept it, and nil if it does; remembered: it was not
	// asked again.
	refusal    *holdoff.Hold
	remembered bool
	// failure is why nothing is known.
	failure *webclient.Failure
}

// self asks GitLab about the token that it is asked with, which any access token may
// (https://docs.gitlab.com/api/personal_access_tokens/#self-inform).
func (p *pass) self(ctx context.Context, l look) (asked, error) {
	secret, err := p.secret(l.ref)
	if err != nil {
		return asked{}, err
	}
	credential, identity := []byte(secret.Reveal()), listedtoken.Identity(secret)
	known := l.book.Recall(ctx, p.env.Now(), credential)
	if known != nil && p.env.Now().Before(known.RetryAt) && !p.trying {
		return asked{identity: identity, refusal: known, remembered: true}, nil
	}
	found := asked{identity: identity}
	if found.ask, err = p.with(secret); err != nil {
		return asked{}, err
	}
	_, found.failure = found.ask.get(ctx, at("personal_access_tokens", "self"), nil, &found.token)
	switch {
	case found.failure == nil:
		l.book.Succeeded(ctx)
	case found.failure.Reason == watch.AuthFailed:
		refusal := holdoff.Refusal{Reason: watch.TokenRefused, Text: found.failure.Text, Status: found.failure.Status, Lasting: true}
		hold := l.book.Refused(ctx, known, refusal, found.failure.RetryAfter, credential, p.env.Now())
		found.refusal, found.failure = &hold, nil
	}
	return found, nil
}

func (a asked) text(what string) string {
	text := "GitLab refuses " + what
	if a.remembered {
		text += " (" + a.refusal.Clause() + ")"
	}
	return text + ": " + a.refusal.Text
}

const newToken = "Make a new token at GitLab, or rotate it, and give the new one to whoever uses the old one."

// watched tells of a token that options refer to.
func (p *pass) watched(ctx context.Context, l look) error {
	found, err := p.self(ctx, l)
	switch {
	case err != nil:
		return err
	case found.refusal != nil:
		p.sink(watch.Condition{
			Subject: l.subject, Identity: found.identity, Reason: watch.TokenRefused, Text: found.text("the token"), Remedy: newToken,
			Details: map[string]any{"status": found.refusal.Status, "refusals": found.refusal.Count, "next_attempt": found.refusal.RetryAt.Format(time.RFC3339)},
		})
		return nil
	case found.failure != nil:
		return p.unread(found.failure)
	case found.token.ID <= 0:
		return errNoID(found.ask)
	case found.token.Revoked:
		p.sink(watch.Condition{
			Subject: l.subject, Identity: found.identity, Reason: watch.TokenInactive, Text: "GitLab says that the token was revoked",
			Details: detailsOfToken(found.token), Remedy: newToken,
		})
		return nil
	}
	credential := credentialOf(l.subject, found.token)
	credential.Identity = found.identity // GitLab tells no number of one that it refuses
	credential.Use = watch.Use{}         // this very question is its last use
	delete(credential.Details, "last_used_at")
	p.sink(credential)
	return nil
}

func errNoID(ask *caller) error {
	return ask.unlike("the answer is not what GitLab's documentation says: it describes no token", http.StatusOK)
}

// signIn gives a caller that may list, and tells until when its token works.
func (p *pass) signIn(ctx context.Context) (*caller, error) {
	l := p.lister
	found, err := p.self(ctx, l)
	switch {
	case err != nil:
		return nil, err
	case found.refusal != nil:
		return nil, &webclient.Trouble{
			Err: errors.New(found.text("the token that Lapsewatch lists with")), Reason: watch.AuthFailed,
			Remedy: "Put a new token where the check's options refer to; until then no listed token is watched.",
		}
	case found.failure != nil && found.failure.Status != http.StatusNotFound && found.failure.Status != http.StatusBadRequest:
		return nil, p.unread(found.failure)
	case found.failure != nil:
		p.sink(watch.Remark{Text: "until when the token works that Lapsewatch lists with is not known: GitLab tells it of access tokens only, since version 15.5"})
		return found.ask, nil
	case found.token.ID <= 0:
		return nil, errNoID(found.ask)
	}
	credential := credentialOf(l.subject, found.token)
	credential.Self, credential.Use = true, watch.Use{}
	delete(credential.Details, "last_used_at")
	credential.Remedy = "Make a new token with the same scopes, or rotate this one, and put it where this check's options refer to."
	if !credential.NotAfter.IsZero() {
		p.sink(credential)
	}
	return found.ask, nil
}

// unread adds the next step to why GitLab did not say what a token is.
func (p *pass) unread(failure *webclient.Failure) error {
	if step := listedtoken.NextStep(failure.Reason, p.options.URL); step != "" && failure.Status != http.StatusBadRequest && failure.Status != http.StatusNotFound {
		return &webclient.Trouble{Err: failure, Remedy: step}
	}
	switch failure.Status {
	case http.StatusForbidden:
		return &webclient.Trouble{Err: failure, Remedy: "Look at the message: GitLab knows the token and lets it in nowhere, such as for a blocked account, or an address that is not on its list of allowed addresses."}
	case http.StatusNotFound:
		return &webclient.Trouble{Err: failure, Remedy: "Check url; GitLab says what a token is since version 15.5."}
	case http.StatusBadRequest:
		return &webclient.Trouble{Err: failure, Reason: watch.Unreadable, Remedy: "Give a personal, project or group access token: of others GitLab does not say when they end."}
	}
	return failure
}
