package oauth

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"lapsewatch/internal/holdoff"
	"lapsewatch/watch"
)

// refreshPatience is the least time that a refresh waits for its answer: one that nobody
// waits for any more may have cost the token.
const refreshPatience = 30 * time.Second

const signInAgain = "Let a person sign in again, and put the new refresh token into the store."

// refresh tries a sign-in with a refresh token, under the lock of its store. Nothing is sent
// before that has stored the token that it has, and what comes is stored before anything
// else is done with it.
func (p *pass) refresh(ctx context.Context, s SignIn, with proof, at endpoint) {
	run, err := s.Store.program(p.env.Secrets)
	if err != nil {
		p.withhold(ctx, s, notRead(err))
		return
	}
	v, unlock, err := openVault(ctx, s, run, p.env.Timeout)
	if err != nil {
		p.withhold(ctx, s, notLoaded(err))
		return
	}
	defer unlock()
	known := p.recall(ctx, s.Name)
	if err := v.load(known.UsedUp); err != nil {
		p.withhold(ctx, s, notLoaded(err))
		return
	}
	known = known.sees(v.token, v.changed)
	if err := usedUp(s, known, v.token); err != nil {
		p.unread(ctx, s.subject(), err)
		p.tellRefreshToken(s, v.token, known)
		return
	}
	if v.recovered {
		p.env.Log.Warn("a refresh token that an earlier run could not store was found beside the store", "sign_in", s.Name, "file", v.path+rescueSuffix)
	}
	if !v.interrupted.IsZero() {
		known.Lost = v.interrupted
	}
	book := p.bookOf("sign-in:"+holdoff.Digest([]byte(s.Name)), s.Name, s.asked(at)...)
	book.Unasked = func(hold *holdoff.Hold) bool { return hold.Reason == watch.StoreUnusable }
	form := s.form()
	form.Set("refresh_token", v.token.Reveal())
	r := &refreshing{tokenRequest: tokenRequest{signIn: s, with: with, at: at, form: form, secrets: []watch.Secret{v.token}}, vault: v, known: known}
	result := p.make(ctx, attempt{
		gate: p.gateOf(s.Client, at), own: &book, client: with.mark, mine: []byte(holdoff.Digest(with.mark, []byte(v.token.Reveal()))),
		send: func() verdict { return p.use(ctx, r) },
	})
	p.tellRefreshed(ctx, s, at, result, r)
}

// refreshing is a request that may use up its token.
type refreshing struct {
	tokenRequest
	vault *vault
	known past
	// refused is why nothing was sent.
	refused error
	// fresh is the new token, if one came, and kept what became of it.
	fresh watch.Secret
	kept  keeping
}

// use sends the token, once the store has shown that it can keep another one. The request
// is seen to its end even if the pass ends.
func (p *pass) use(ctx context.Context, r *refreshing) verdict {
	if r.refused = r.vault.rehearse(ctx); r.refused != nil {
		return verdict{Refusal: holdoff.Refusal{Reason: watch.StoreUnusable, Text: r.refused.Error()}}
	}
	defer func() { r.vault.done(r.kept) }()
	if ctx.Err() != nil {
		return verdict{Refusal: holdoff.Refusal{Reason: watch.TimedOut, Text: "the pass ended before its turn came"}}
	}
	ctx = context.WithoutCancel(ctx)
	got := p.send(ctx, &r.tokenRequest, max(p.env.Timeout, refreshPatience))
	now := p.env.Now().UTC()
	// Whatever else the answer says: a new token comes first.
	fresh := r.got.text(refreshToken)
	if fresh != "" && fresh != r.vault.token.Reveal() && isToken([]byte(fresh)) {
		r.fresh = watch.NewSecret(fresh)
		r.kept = r.vault.keep(ctx, r.fresh)
		r.known = r.known.rotated(r.vault.token, r.fresh, now)
		got.lost = false
	}
	switch {
	case got.granted():
		r.known = r.known.used(now, p.statedLife(r, now))
	case got.lost:
		r.known.Lost = now
	}
	p.remember(ctx, r.signIn.Name, r.known)
	return got
}

// statedLife is until when the server says that the refresh token works. No standard has a
// name for it.
func (p *pass) statedLife(r *refreshing, now time.Time) time.Time {
	for _, name := range []string{"refresh_token_expires_in", "refresh_expires_in", "x_refresh_token_expires_in"} {
		if life, _ := r.got.span(name); life > 0 {
			return now.Add(life)
		}
	}
	return time.Time{}
}

// tellRefreshed tells of the sign-in and of the refresh token that there is now.
func (p *pass) tellRefreshed(ctx context.Context, s SignIn, at endpoint, result told, r *refreshing) {
	current := r.vault.token
	if r.fresh.Reveal() != "" {
		current = r.fresh
	}
	defer func() { p.tellRefreshToken(s, current, r.known) }()
	switch {
	case r.fresh.Reveal() != "" && !r.kept.stored:
		p.tellNotStored(s, at, r)
		return
	case r.refused != nil:
		p.unread(ctx, s.subject(), unusable(r.refused))
		return
	case result.lost && !result.held:
		result.Text += "; the server may have used up the refresh token, and its answer with the new one was lost"
	case result.Reason == watch.SignInGrantRefused && !r.known.Lost.IsZero():
		result.Text += fmt.Sprintf("; an answer was lost at %s, and with it perhaps the token that replaced this one", r.known.Lost.UTC().Format(time.RFC3339))
	}
	p.tellResult(ctx, s, at, result, &r.tokenRequest)
}

// tellNotStored tells of a new token that does not stand where it belongs.
func (p *pass) tellNotStored(s SignIn, at endpoint, r *refreshing) {
	text := fmt.Sprintf("signed in, but the new refresh token could not be stored and is lost, and the old one is used up: %v", r.kept.err)
	remedy := "Mend the store. " + signInAgain
	if r.kept.rescued {
		rescue := r.vault.path + rescueSuffix
		text = fmt.Sprintf("signed in, but the new refresh token could not be stored, and the old one is used up; the new one stands in %s: %v", rescue, r.kept.err)
		remedy = fmt.Sprintf("Mend the store: the next run then moves the token from %s into it. Services that use the old token fail until then.", rescue)
	}
	p.sink(watch.Condition{Subject: s.subject(), Reason: watch.TokenNotStored, Text: text, Remedy: remedy, Details: p.details(s, at)})
}

// unusable says that a store cannot be used, so that nothing is sent.
func unusable(err error) error {
	return &unreadable{
		reason: watch.StoreUnusable, err: fmt.Errorf("nothing was sent: %w", err),
		remedy: "Let Lapsewatch write to the folder of the store, and mount the folder rather than the file; until then it asks for no new token, because the old one would be used up.",
	}
}

// notLoaded says that a store has no token to use, or cannot be locked.
func notLoaded(err error) error {
	reason, remedy := watch.StoreUnusable, "Put the refresh token, and nothing else, where the options refer to, and let Lapsewatch read it and write beside it."
	switch {
	case errors.Is(err, errLocked):
		remedy = "Look for the other run, if this stays so: two at once would use up each other's token."
	case errors.Is(err, fs.ErrNotExist):
		reason, remedy = watch.NotFound, signInAgain
	}
	return &unreadable{reason: reason, remedy: remedy, err: fmt.Errorf("nothing was sent: %w", err)}
}

// usedUp says that the token in the store is one that was replaced. A server takes it for
// stolen, and ends all that came of the sign-in (RFC 9700, section 4.14.2).
func usedUp(s SignIn, known past, token watch.Secret) error {
	if known.UsedUp == "" || known.UsedUp != fingerprint(token.Reveal()) {
		return nil
	}
	where, remedy := s.Store.File, signInAgain
	if where == "" {
		where, remedy = s.RefreshToken.File, "Look why what store.command has stored does not show there; if it is gone, let a person sign in again."
	}
	return &unreadable{reason: watch.StoreUnusable, remedy: remedy, err: fmt.Errorf(
		"nothing was sent: the refresh token in %s was used up at %s, and what replaced it does not stand there", where, known.UsedUpAt.UTC().Format(time.RFC3339))}
}
