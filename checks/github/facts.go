package github

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/holdoff"
	"lapsewatch/internal/listedtoken"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

// maxShown bounds each text of GitHub's that is shown or kept.
const maxShown = 200

func shown(text string) string { return clean.Text(text, maxShown) }

// key reads the private key of an App, as text.
func (p *pass) key(ref watch.SecretRef) (watch.Secret, error) {
	secret, err := p.env.Secrets(ref)
	if err != nil {
		return watch.Secret{}, &webclient.Trouble{
			Err: fmt.Errorf("read the private key: %w", err), Reason: watch.Unreadable,
			Remedy: fmt.Sprintf("Put the key where it is referred to (%s), as GitHub gave it.", ref),
		}
	}
	return secret, nil
}

// standing is what is remembered against a credential, if it is not to be tried now.
func (p *pass) standing(ctx context.Context, l look, secret watch.Secret) (known *holdoff.Hold, stands bool) {
	now := p.env.Now()
	known = l.book.Recall(ctx, now, []byte(secret.Reveal()))
	return known, known != nil && now.Before(known.RetryAt) && !p.trying
}

// refused writes down that GitHub refuses a credential.
func (p *pass) refused(ctx context.Context, l look, known *holdoff.Hold, failure *webclient.Failure, secret watch.Secret) holdoff.Hold {
	refusal := holdoff.Refusal{Reason: watch.TokenRefused, Text: failure.Text, Status: failure.Status, Lasting: true}
	return l.book.Refused(ctx, known, refusal, failure.RetryAfter, []byte(secret.Reveal()), p.env.Now())
}

// isRefusal: GitHub, and no page that stood in between, does not accept the credential itself.
func isRefusal(failure *webclient.Failure) bool {
	return failure.Status == http.StatusUnauthorized && failure.Reason == watch.AuthFailed
}

// refusalText is a clause for a refusal, remembered or fresh.
func refusalText(what string, hold holdoff.Hold, remembered bool) string {
	text := "GitHub refuses " + what
	if remembered {
		text += " (" + hold.Clause() + ")"
	}
	return text + ": " + hold.Text
}

// refusedFact is the finding that GitHub refuses what is watched.
func refusedFact(l look, what string, secret watch.Secret, hold holdoff.Hold, remembered bool, remedy string) watch.Condition {
	return watch.Condition{
		Subject: l.subject, Identity: listedtoken.Identity(secret), Reason: watch.TokenRefused, Text: refusalText(what, hold, remembered), Remedy: remedy,
		Details: map[string]any{"status": hold.Status, "refusals": hold.Count, "next_attempt": hold.RetryAt.Format(time.RFC3339)},
	}
}
