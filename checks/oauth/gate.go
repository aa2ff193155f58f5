package oauth

import (
	"context"
	"sync"

	"lapsewatch/internal/holdoff"
)

// gate lets one request through at a time until the server has shown that it does not
// refuse the client itself: many entries with one wrong secret are one refusal, not many.
type gate struct {
	turn sync.Mutex

	mu   sync.Mutex
	open bool
	// accepted: the client was, in this pass. refused: it was not.
	accepted, refused bool
	// suspects is how many requests ended in a refusal of the client, before any was granted.
	suspects int
	book     holdoff.Book
	// before knows whether an earlier pass was accepted with the same credential.
	before holdoff.Mark
}

// gateOf is that of a client at an endpoint, whatever it asks for there. All that it proves
// itself with makes another one of it, so that two secrets, or two ways of using one, can be
// watched beside each other.
func (p *pass) gateOf(c Client, place string) *gate {
	var parts [][]byte
	for _, part := range []string{place, c.Issuer, c.ClientID, c.method(), c.Secret.String(), c.Key.String(), c.Certificate.String(), c.KeyID, c.Algorithm, c.AssertionAudience} {
		parts = append(parts, []byte(part))
	}
	digest := holdoff.Digest(parts...)
	p.mu.Lock()
	defer p.mu.Unlock()
	known := p.gates[digest]
	if known == nil {
		known = &gate{
			book:   p.bookOf("client:"+digest, c.ClientID),
			before: holdoff.Mark{Memory: p.env.Memory, Log: p.env.Log, Key: "accepted:" + digest, Subject: c.ClientID},
		}
		p.gates[digest] = known
	}
	return known
}

// isClients decides whether a refusal of the client concerns all that it asks for, or this one
// entry: some servers answer so where a client may not have what it asks for. A client that
// was accepted is not refused; one that was in an earlier pass, or was refused in one, is as
// soon as a second entry shows it. The caller holds mu.
func (g *gate) isClients(ctx context.Context, known *holdoff.Hold, credential []byte) bool {
	if g.accepted {
		return false
	}
	g.suspects++
	return g.suspects > 1 || known == nil && !g.before.Has(ctx, credential)
}

// bookOf is an empty book for a hold that ends with other options.
func (p *pass) bookOf(key, subject string, options ...string) holdoff.Book {
	var parts [][]byte
	for _, option := range options {
		parts = append(parts, []byte(option))
	}
	return holdoff.Book{Memory: p.env.Memory, Log: p.env.Log, Key: key, Options: holdoff.Digest(parts...), Subject: subject}
}

// enter waits until the client's fate is known, or is the caller's to find out.
func (g *gate) enter() (leave func()) {
	g.turn.Lock()
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.open {
		return g.turn.Unlock
	}
	g.turn.Unlock()
	return func() {}
}

// attempt is one request that is held off where an earlier one was refused.
type attempt struct {
	gate *gate
	own  *holdoff.Book
	// client and mine mark what the client proves itself with, and what the request is made
	// with beside it.
	client, mine []byte
	send         func() verdict
}

// told is what is known of an attempt: a verdict, and the hold that it stands under.
type told struct {
	verdict
	// hold is that of a refusal; nil if there was none. held: nothing was sent.
	hold *holdoff.Hold
	held bool
}

// make makes the attempt, unless that must wait.
func (p *pass) make(ctx context.Context, a attempt) told {
	defer a.gate.enter()()
	a.gate.mu.Lock()
	clients, refused := a.gate.book.Recall(ctx, p.env.Now(), a.client), a.gate.refused
	a.gate.mu.Unlock()
	mine := a.own.Recall(ctx, p.env.Now(), a.mine)
	for _, known := range []*holdoff.Hold{clients, mine} {
		// Whoever tries asks in spite of a hold, unless it was found in this very pass.
		waits := known != nil && p.env.Now().Before(known.RetryAt)
		if waits && (!p.atOnce || refused && known == clients) {
			return told{verdict: verdict{Refusal: known.Refusal}, hold: known, held: true}
		}
	}
	got := a.send()
	result := told{verdict: got}
	if got.unsent != nil || ctx.Err() != nil && !got.granted() && !refusedSignIn(got.Reason) {
		return result // the pass ended, and not the patience of the server
	}
	a.gate.mu.Lock()
	defer a.gate.mu.Unlock()
	var hold holdoff.Hold
	switch {
	case got.granted():
		a.gate.open, a.gate.accepted = true, true
		a.gate.before.Set(ctx, a.client)
		a.gate.book.Succeeded(ctx)
		a.own.Succeeded(ctx)
		return result
	case got.ofClient && a.gate.isClients(ctx, clients, a.client):
		a.gate.refused = true
		hold = a.gate.book.Refused(ctx, longer(clients, mine), got.Refusal, got.retryAfter, a.client, p.env.Now())
	default:
		a.gate.open = a.gate.open || !got.ofClient
		if got.ofClient { // the step that the client has reached is the entry's too
			mine = longer(clients, mine)
		}
		hold = a.own.Refused(ctx, mine, got.Refusal, got.retryAfter, a.mine, p.env.Now())
	}
	result.hold = &hold
	return result
}

// longer is the one of two holds that has been refused more often; either may be nil.
func longer(one, other *holdoff.Hold) *holdoff.Hold {
	if one == nil || other != nil && other.Count > one.Count {
		return other
	}
	return one
}

// words say what a held-off attempt was refused with, or what a new one is.
func (t told) words() string {
	if !t.held {
		return t.Text
	}
	return t.hold.Clause() + ": " + t.Text
}
