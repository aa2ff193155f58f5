package github

import (
	"context"
	"encoding/json"
	"time"

	"lapsewatch/internal/holdoff"
)

// shortestLife is the shortest that GitHub offers for a token. Less is left of one that was
// seen late, and not its life.
const shortestLife = 7 * day

// lifeOf is the life of a token that was there since an instant; zero if that is not known.
func lifeOf(since, end time.Time) time.Duration {
	if since.IsZero() || end.Sub(since) < shortestLife {
		return 0
	}
	return end.Sub(since)
}

// sighting is what is remembered of a token: which it is, and since when.
type sighting struct {
	Identity string    `json:"identity"`
	Since    time.Time `json:"since"`
	// Renewed: another one was in its place before, so that it was new then.
	Renewed bool `json:"renewed,omitempty"`
}

// life is the life of a token, as far as an earlier pass saw the one before it: GitHub does
// not say when a token was made. Of the first that is seen nobody knows how old it is.
func (p *pass) life(ctx context.Context, l look, identity string, end time.Time) time.Duration {
	if p.env.Memory == nil {
		return 0
	}
	key := "github:token:" + holdoff.Digest([]byte(p.options.APIURL), []byte(l.subject.ID))
	value, err := p.env.Memory.Recall(ctx, key)
	if err != nil {
		p.env.Log.Warn("recall when a token was first seen", "subject", l.subject.Name, "error", err)
		return 0
	}
	var seen sighting
	if json.Unmarshal(value, &seen) != nil || seen.Since.After(p.env.Now()) {
		seen = sighting{} // nothing is remembered, or it is damaged
	}
	if seen.Identity != identity {
		seen = sighting{Identity: identity, Since: p.env.Now().UTC(), Renewed: seen.Identity != ""}
		if value, err = json.Marshal(seen); err == nil && !p.trying {
			err = p.env.Memory.Remember(ctx, key, value)
		}
		if err != nil {
			p.env.Log.Warn("remember when a token was first seen", "subject", l.subject.Name, "error", err)
		}
	}
	if !seen.Renewed {
		return 0
	}
	return lifeOf(seen.Since, end)
}
