package oauth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lapsewatch/internal/holdoff"
	"lapsewatch/watch"
)

const (
	// refreshPatience is the least time that a refresh waits for its answer: one that nobody
	// waits for any more may have cost the token. A check in the middle of one is not waited
	// for for ever, which longestPatience and fileStoring stay within.
	refreshPatience = 30 * time.Second
	longestPatience = 38 * time.Second
	// fileStoring is what a new token takes to its file at the most.
	fileStoring = 5 * time.Second
	mostStores  = 2
)

const signInAgain = "Let a person sign in again, and put the new refresh token into the store."

// refresh tries a sign-in with a refresh token, under the lock of its store. Nothing is sent
// before that has stored the token that it has, and what comes is stored before anything
// else is done with it. works: it was granted.
func (p *pass) refresh(ctx context.Context, s SignIn, with proof) (works bool) {
	run, err := s.Store.program(p.env.Secrets)
	if err != nil {
		p.withhold(ctx, s, notRead(err))
		return false
	}
	v, unlock, err := openVault(ctx, s, run, p.env.Timeout)
	if err != nil {
		p.storeless(ctx, s, err)
		return false
	}
	defer unlock()
	for again := true; ; again = false {
		r, result, err := p.tryRefresh(ctx, s, with, v)
		switch {
		case err != nil:
			p.storeless(ctx, s, err)
			return false
		case r == nil: // it was used up, which is told
			return false
		case errors.Is(result.unsent, errChanged) && again:
			continue // somebody has put another token there while this one waited
		case errors.Is(result.unsent, errChanged):
			result.unsent = notStorable(result.unsent)
		}
		p.tellRefreshed(ctx, s, result, r)
		return result.granted()
	}
}

// storeless tells of a store whose token nobody knows. One problem is told, for the sign-in
// and its token.
func (p *pass) storeless(ctx context.Context, s SignIn, err error) {
	if ctx.Err() != nil {
		return // the pass tells
	}
	problem := unread(s.subject(), notStorable(err))
	problem.HidesPrefix = s.refreshSubject().ID
	p.sink(problem)
}

// tryRefresh loads the store and tries what stands there; r is nil where that must not be
// sent.
func (p *pass) tryRefresh(ctx context.Context, s SignIn, with proof, v *vault) (r *refreshed, result told, err error) {
	known := p.recall(ctx, s.Name)
	if err := v.load(known); err != nil {
		return nil, told{}, err
	}
	known = known.sees(v.token, v.changed, v.recovered)
	if err := usedUp(s, known, v.token); err != nil {
		p.unread(ctx, s.subject(), err)
		p.tellRefreshToken(s, v.token, known)
		return nil, told{}, nil
	}
	if v.recovered {
		p.env.Log.Warn("a refresh token that an earlier run could not store was found beside the store", "sign_in", s.Name, "file", v.path+rescueSuffix)
	}
	switch {
	case !v.interrupted.IsZero():
		known.Lost = v.interrupted
	case known.Sent != "" && known.Sent == fingerprint(v.token.Reveal()):
		known.Lost = known.SentAt
	}
	book := p.bookOf("sign-in:"+holdoff.Digest([]byte(s.Name)), s.Name, s.asked()...)
	form := s.form()
	form.Set("refresh_token", v.token.Reveal())
	r = &refreshed{tokenRequest: tokenRequest{signIn: s, with: with, form: form, secrets: []watch.Secret{v.token}}, vault: v, known: known}
	result = p.make(ctx, attempt{
		gate: p.gateOf(s.Client, s.TokenURL), own: &book, client: with.mark, mine: []byte(holdoff.Digest(with.mark, []byte(v.token.Reveal()))),
		send: func() verdict { return p.use(ctx, r) },
	})
	return r, result, nil
}

// refreshed is a request that may use up its token.
type refreshed struct {
	tokenRequest
	vault *vault
	known past
	// fresh is the new token, if one came, and kept what became of it. untakable says why it
	// can be kept nowhere.
	fresh     watch.Secret
	kept      keeping
	untakable string
}

// use sends the token, once the store has shown that it can keep another one. From then on
// the request is seen to its end even if the pass ends.
func (p *pass) use(ctx context.Context, r *refreshed) verdict {
	at, err := p.tokenEndpoint(ctx, r.signIn.Client, r.signIn.TokenURL)
	if err != nil {
		return verdict{unsent: err}
	}
	patience := min(max(p.env.Timeout, refreshPatience), longestPatience)
	if err := r.vault.enough(ctx, patience); err != nil {
		return verdict{unsent: err}
	}
	if err := r.vault.rehearse(ctx); err != nil {
		return verdict{unsent: storeVerdict(err)}
	}
	defer func() { r.vault.done(r.kept) }()
	if aside := r.vault.aside; aside != "" {
		p.sink(watch.Remark{Text: fmt.Sprintf("%s: a refresh token that an earlier run had rescued was not needed, and stands in %s", r.signIn.Name, aside)})
	}
	leave, err := p.visit(ctx, at.url)
	if err != nil {
		return verdict{unsent: err}
	}
	defer leave()
	p.unfinished.Add(1)
	defer p.unfinished.Add(-1)
	if err := r.vault.enough(ctx, patience); err != nil {
		return verdict{unsent: err}
	}
	if err := r.vault.unchanged(); err != nil {
		return verdict{unsent: storeVerdict(err)}
	}
	before := r.known
	r.known = r.known.sending(r.vault.token, time.Now().UTC())
	if err := p.remember(ctx, r.signIn.Name, r.known); err != nil {
		r.known = before
		return verdict{unsent: notRemembered(err)}
	}
	ctx = context.WithoutCancel(ctx)
	got := p.transmit(ctx, &r.tokenRequest, at, patience)
	if got.unsent != nil {
		r.known.Sent, r.known.SentAt = "", time.Time{}
		p.note(ctx, r.signIn.Name, r.known)
		return got
	}
	return p.settle(ctx, r, got)
}

// settle keeps what an answer brings. Whatever else it says: a new token comes first.
func (p *pass) settle(ctx context.Context, r *refreshed, got verdict) verdict {
	now := p.env.Now().UTC()
	r.known.Sent, r.known.SentAt = "", time.Time{}
	r.read()
	if r.fresh.Reveal() != "" || r.untakable != "" {
		got.lost = false
		r.known = r.known.rotated(r.vault.token, r.fresh, now)
	}
	switch {
	case got.granted():
		r.known = r.known.used(now, r.statedLife(now))
	case got.lost:
		r.known.Lost = now
	}
	if r.fresh.Reveal() == "" {
		p.note(ctx, r.signIn.Name, r.known)
		return got
	}
	r.kept = r.vault.keep(ctx, r.fresh, func() { p.note(ctx, r.signIn.Name, r.known) })
	return got
}

// read takes the new token out of an answer that grants one. What a refusal holds in its
// place, such as an echo, replaces nothing.
func (r *refreshed) read() {
	raw, there := r.got.members[refreshToken]
	fresh := r.got.text(refreshToken)
	switch {
	case !r.got.successful() || !there || string(raw) == "null" || string(raw) == `""`:
	case fresh == r.vault.token.Reveal():
	case len(fresh) > maxToken:
		r.untakable = fmt.Sprintf("it is longer than %d KiB", maxToken>>10)
	case !isToken([]byte(fresh)):
		r.untakable = "it holds what no refresh token does (RFC 6749, A.17)"
	default:
		r.fresh = watch.NewSecret(fresh)
	}
}

// statedLife is until when the server says that the refresh token works. No standard has a
// name for it.
func (r *refreshed) statedLife(now time.Time) time.Time {
	for _, name := range []string{"refresh_token_expires_in", "refresh_expires_in", "x_refresh_token_expires_in"} {
		if life, _ := r.got.span(name); life > 0 {
			return now.Add(life)
		}
	}
	return time.Time{}
}

// tellRefreshed tells of the sign-in and of the refresh token that there is now.
func (p *pass) tellRefreshed(ctx context.Context, s SignIn, result told, r *refreshed) {
	current := r.vault.token
	if r.fresh.Reveal() != "" {
		current = r.fresh
	}
	told := s.credential(s.refreshSubject(), current, r.known)
	defer func() { p.sink(told) }()
	switch {
	case r.untakable != "" || r.fresh.Reveal() != "" && !r.kept.stored:
		p.tellNotStored(s, r)
		return
	case result.unsent != nil:
	case result.lost && !result.held:
		result.Text += "; the server may have used up the refresh token, and its answer with the new one was lost"
	case result.Reason == watch.SignInGrantRefused:
		if !r.known.Lost.IsZero() {
			result.Text += "; an answer was lost at " + stamp(r.known.Lost) + ", and with it perhaps the token that replaced this one"
		}
		// Whatever its date: it works no more.
		told.Observations = []watch.Observation{{Reason: watch.TokenRefused, Text: "is refused by " + s.server() + ": " + result.words(), Remedy: signInAgain}}
	}
	p.tellResult(ctx, s, result, &r.tokenRequest)
}

// tellNotStored tells of a new token that does not stand where it belongs.
func (p *pass) tellNotStored(s SignIn, r *refreshed) {
	rescue := r.vault.path + rescueSuffix
	told := watch.Condition{Subject: s.subject(), Reason: watch.TokenNotStored, Details: s.details(), Remedy: "Mend the store. " + signInAgain}
	switch {
	case r.untakable != "":
		told.Text = "signed in, but the new refresh token cannot be kept: " + r.untakable + "; it is lost, and the old one is used up"
		told.Remedy = "Ask whoever runs the authorization server for refresh tokens as the standard has them. " + signInAgain
	case r.kept.foreign && r.kept.rescued:
		told.Text = fmt.Sprintf("signed in, but somebody else has put another refresh token into the store meanwhile: that was left there, and the new one stands in %s", rescue)
		told.Remedy = fmt.Sprintf("Look who else writes to the store: nobody may who does not hold the lock on %s. Keep the token that works.", r.vault.path+lockSuffix)
	case r.kept.rescued:
		told.Text = fmt.Sprintf("signed in, but the new refresh token could not be stored, and the old one is used up; the new one stands in %s: %v", rescue, r.kept.err)
		told.Remedy = fmt.Sprintf("Mend the store: the next run then moves the token from %s into it. Services that use the old token fail until then.", rescue)
	default:
		told.Text = fmt.Sprintf("signed in, but the new refresh token could not be stored and is lost, and the old one is used up: %v", r.kept.err)
	}
	p.sink(told)
}
