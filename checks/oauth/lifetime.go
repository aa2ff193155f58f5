package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"lapsewatch/internal/holdoff"
	"lapsewatch/internal/jose"
	"lapsewatch/watch"
)

// past is what is remembered of a refresh token. It holds no token.
type past struct {
	// Token is the fingerprint of the one that was seen last, and Issued when a person
	// signed in for it, or for the one that it came of.
	Token  string    `json:"token"`
	Issued time.Time `json:"issued"`
	// Used is its last use that is known of, and Expires what the server said of it.
	Used    time.Time `json:"used,omitzero"`
	Expires time.Time `json:"expires,omitzero"`
	// UsedUp is the fingerprint of the one before, which must never be sent again.
	UsedUp   string    `json:"used_up,omitempty"`
	UsedUpAt time.Time `json:"used_up_at,omitzero"`
	// Lost is when it was sent and no answer came.
	Lost time.Time `json:"lost,omitzero"`
	// Sent is the fingerprint of the one that is being sent, and SentAt when, by the own
	// clock: what a run that is killed leaves is its successor.
	Sent   string    `json:"sent,omitempty"`
	SentAt time.Time `json:"sent_at,omitzero"`
}

// succession is how long after a token was sent one that appears is taken for its successor.
const (
	succession       = 5 * time.Minute
	clockSteps       = time.Minute
	rememberPatience = 10 * time.Second
)

func pastKey(name string) string { return "refresh-token:" + holdoff.Digest([]byte(name)) }

// recall gives what is known of the refresh token of an entry. What cannot be read is told
// to the log, and taken for nothing.
func (p *pass) recall(ctx context.Context, name string) past {
	var known past
	text, err := p.env.Memory.Recall(ctx, pastKey(name))
	if err == nil && len(text) > 0 {
		err = json.Unmarshal(text, &known)
	}
	if err != nil {
		p.env.Log.Warn("recall what is known of a refresh token", "entry", name, "error", err)
		return past{}
	}
	return known
}

// remember keeps what is known even if the pass ends at this moment.
func (p *pass) remember(ctx context.Context, name string, known past) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rememberPatience)
	defer cancel()
	text, err := json.Marshal(known)
	if err != nil {
		return err
	}
	return p.env.Memory.Remember(ctx, pastKey(name), text)
}

// note remembers what it is of use to know, and no more than that.
func (p *pass) note(ctx context.Context, name string, known past) {
	if err := p.remember(ctx, name, known); err != nil {
		p.env.Log.Warn("remember what is known of a refresh token", "entry", name, "error", err)
	}
}

// replaced reports whether a token is one whose successor has been asked for.
func (k past) replaced(token string) bool {
	print := fingerprint(token)
	return print == k.UsedUp || print == k.Sent
}

// sees is the past with the token that is there now. One that is not known was put there by
// a person, when the file was changed; and a file that was written anew with the same token
// makes that no younger. own: this check has got it itself.
func (k past) sees(token watch.Secret, changed time.Time, own bool) past {
	changed = changed.UTC()
	soon := k.Sent != "" && changed.After(k.SentAt.Add(-clockSteps)) && changed.Before(k.SentAt.Add(succession))
	switch now := fingerprint(token.Reveal()); {
	case k.Token == now || k.UsedUp == now:
		if k.Issued.IsZero() || changed.Before(k.Issued) && k.UsedUp == "" {
			k.Issued = changed
		}
	case k.Token != "" && (own || soon): // a run was killed before it could remember it
		k.UsedUp, k.UsedUpAt = k.Token, changed
		k.Token, k.Used, k.Expires, k.Lost = now, changed, time.Time{}, time.Time{}
		k.Sent, k.SentAt = "", time.Time{}
	default:
		return past{Token: now, Issued: changed, UsedUp: k.UsedUp, UsedUpAt: k.UsedUpAt}
	}
	return k
}

// follows is the past of a token that its own service replaces: another one is used when it
// appears, and of the same sign-in, which is over only where it could not have lasted.
func (k past) follows(token watch.Secret, changed time.Time, l Lifetime) past {
	now := fingerprint(token.Reveal())
	if k.Token == "" || k.Token == now {
		return k.sees(token, changed, false)
	}
	over := func(from time.Time, life watch.Duration) bool {
		return life > 0 && !from.IsZero() && changed.After(from.Add(time.Duration(life)))
	}
	last := k.Used
	if last.Before(k.Issued) {
		last = k.Issued
	}
	if over(k.Issued, l.Life) || over(last, l.Idle) {
		return past{Token: now, Issued: changed.UTC()}
	}
	k.Token, k.Used = now, changed.UTC()
	return k
}

func (k past) sending(token watch.Secret, now time.Time) past {
	k.Sent, k.SentAt = fingerprint(token.Reveal()), now
	return k
}

// rotated is the past after the answer that used up old. fresh is empty where it could not
// be taken.
func (k past) rotated(old, fresh watch.Secret, now time.Time) past {
	k.UsedUp, k.UsedUpAt, k.Lost, k.Expires = fingerprint(old.Reveal()), now, time.Time{}, time.Time{}
	if fresh.Reveal() != "" {
		k.Token = fingerprint(fresh.Reveal())
	}
	return k
}

func (k past) used(now, expires time.Time) past {
	k.Used, k.Lost = now, time.Time{}
	if !expires.IsZero() {
		k.Expires = expires
	}
	return k
}

// ending is when a refresh token lapses, and why then.
type ending struct {
	at      time.Time
	life    time.Duration
	decides string
}

// ends is the earliest of the ends that are known; its time is zero where none is.
func (l Lifetime) ends(token watch.Secret, known past) ending {
	var first ending
	take := func(from time.Time, life time.Duration, decides string) {
		if at := from.Add(life); life > 0 && !from.IsZero() && (first.at.IsZero() || at.Before(first.at)) {
			first = ending{at: at, life: life, decides: decides}
		}
	}
	if read, err := jose.Read([]byte(token.Reveal())); err == nil && !read.ExpiresAt.IsZero() {
		first = ending{at: read.ExpiresAt}
		if !read.IssuedAt.IsZero() {
			first.life = max(read.ExpiresAt.Sub(read.IssuedAt), 0)
		}
	}
	if !known.Expires.IsZero() {
		take(known.Used, known.Expires.Sub(known.Used), "as the authorization server said on "+day(known.Used))
	}
	issued := l.Issued.Time()
	if issued.IsZero() {
		issued = known.Issued
	}
	take(issued, time.Duration(l.Life), fmt.Sprintf("%s after it was issued on %s", days(time.Duration(l.Life)), day(issued)))
	used, word := known.Used, "its last use"
	if used.Before(issued) {
		used, word = issued, "it was issued, its last use that is known of,"
	}
	take(used, time.Duration(l.Idle), fmt.Sprintf("%s after %s on %s", days(time.Duration(l.Idle)), word, day(used)))
	return first
}

func day(at time.Time) string { return at.UTC().Format(time.DateOnly) }

func days(span time.Duration) string {
	switch whole := span / (24 * time.Hour); {
	case span%(24*time.Hour) != 0 || whole == 0:
		return span.String()
	case whole == 1:
		return "1 day"
	default:
		return fmt.Sprintf("%d days", whole)
	}
}

// tellRefreshToken tells until when the refresh token of a sign-in works.
func (p *pass) tellRefreshToken(s SignIn, token watch.Secret, known past) {
	p.sink(s.credential(s.refreshSubject(), token, known))
}

func (l Lifetime) credential(subject watch.Subject, token watch.Secret, known past) watch.Credential {
	end := l.ends(token, known)
	told := watch.Credential{
		Subject: subject, Form: watch.RefreshToken, Identity: fingerprint(token.Reveal()), NotAfter: end.at, Life: end.life, Decides: end.decides,
		Remedy: signInAgain, Details: map[string]any{},
	}
	for key, at := range map[string]time.Time{"issued": known.Issued, "last_used": known.Used} {
		if !at.IsZero() {
			told.Details[key] = at.UTC().Format(time.RFC3339)
		}
	}
	return told
}

// reckonStored tells of the refresh token of a sign-in that was not tried.
func (p *pass) reckonStored(ctx context.Context, s SignIn) {
	path, err := resolved(s.storePath())
	v := &vault{path: path}
	known := p.recall(ctx, s.Name)
	if err == nil {
		err = v.load(known)
	}
	if errors.Is(err, errUndecided) {
		v.token, err = v.stored, nil // which of the two is no question of its date
	}
	if err != nil {
		p.unread(ctx, s.refreshSubject(), notRead(err))
		return
	}
	p.tellRefreshToken(s, v.token, known.sees(v.token, v.changed, v.recovered))
}

// reckon tells until when a refresh token works that is only watched.
func (p *pass) reckon(ctx context.Context, r RefreshToken) {
	token, err := p.env.Secrets(r.Token)
	if err != nil {
		p.unread(ctx, r.subject(), notRead(err))
		return
	}
	changed := r.Issued.Time()
	if r.Token.File != "" {
		info, err := os.Stat(r.Token.File)
		if err != nil {
			p.unread(ctx, r.subject(), notRead(fmt.Errorf("read when the refresh token was stored: %w", err)))
			return
		}
		changed = info.ModTime()
	}
	known := p.recall(ctx, r.Name).follows(token, changed, r.Lifetime)
	p.note(ctx, r.Name, known)
	p.sink(r.credential(r.subject(), token, known))
}
