package gitlab

import (
	"fmt"
	"time"

	gitlab "gitlab.com/gitlab-org/api/client-go"

	"lapsewatch/watch"
)

const (
	day = 24 * time.Hour
	// leftOverAfter is how long an expired token is news: GitLab goes on listing it, and nobody
	// can extend it.
	leftOverAfter = 30 * day
	// unusedAfter is how long without a use makes a listed token unused.
	unusedAfter = 30 * day
)

// endOf is when an access token ends: at midnight UTC, as its date begins
// (https://docs.gitlab.com/user/profile/personal_access_tokens/#access-token-expiration).
func endOf(token gitlab.PersonalAccessToken) time.Time {
	if token.ExpiresAt == nil {
		return time.Time{}
	}
	return time.Time(*token.ExpiresAt).UTC()
}

func detailsOfToken(token gitlab.PersonalAccessToken) map[string]any {
	details := map[string]any{"token_id": token.ID, "token_name": shown(token.Name)}
	if scopes := allShown(token.Scopes); len(scopes) > 0 {
		details["scopes"] = scopes
	}
	if token.UserID > 0 {
		details["user_id"] = token.UserID
	}
	if token.LastUsedAt != nil {
		details["last_used_at"] = token.LastUsedAt.UTC().Format(time.RFC3339)
	}
	return details
}

// credentialOf is what GitLab tells of an access token. Rotating gives it another ID.
func credentialOf(subject watch.Subject, token gitlab.PersonalAccessToken) watch.Credential {
	found := watch.Credential{
		Subject: subject, Form: watch.AccessToken, Identity: identity(token.ID, endOf(token)), NotAfter: endOf(token),
		Details: detailsOfToken(token), Remedy: newToken,
	}
	// When it was made is no beginning: this machine's clock may be a little behind GitLab's.
	if end := found.NotAfter; token.CreatedAt != nil && token.CreatedAt.Before(end) {
		found.Life = end.Sub(*token.CreatedAt)
	}
	return found
}

// leftOver is when an expired token counts as left over; zero if it has no end.
func leftOver(end time.Time) time.Time {
	if end.IsZero() {
		return time.Time{}
	}
	return end.Add(leftOverAfter)
}

// identity changes too where the end of a token was changed.
func identity(id int64, end time.Time) string {
	until := "never"
	if !end.IsZero() {
		until = end.UTC().Format(time.RFC3339)
	}
	return fmt.Sprintf("%d until %s", id, until)
}

// use says whether anything uses a listed token. Of one that has expired it counts whether
// it was used shortly before.
func use(last *time.Time, end, now time.Time) watch.Use {
	until := now
	if !end.IsZero() && end.Before(until) {
		until = end
	}
	switch {
	case last == nil:
		return watch.Use{State: watch.Unused}
	case until.Sub(*last) <= unusedAfter:
		return watch.Use{State: watch.InUse, LastUsed: last.UTC()}
	default:
		return watch.Use{State: watch.Unused, LastUsed: last.UTC()}
	}
}
