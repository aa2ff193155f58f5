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
	// refused: the client was, in this pass.
	refused bool
	book    holdoff.Book
}

// gateOf is that of a client at an endpoint, whatever it asks for there. What is kept in
// another place counts as another client, so that an old and a new secret can be watched
// beside each other.
func (p *pass) gateOf(c Client, at endpoint) *gate {
	key := "client:" + holdoff.Digest([]byte(at.url), []byte(c.ClientID), []byte(c.Secret.String()), []byte(c.Key.String()), []byte(c.Certificate.String()))
	p.mu.Lock()
	defer p.mu.Unlock()
	known := p.gates[key]
	if known == nil {
		known = &gate{book: p.bookOf(key, c.ClientID, c.method(), c.KeyID, c.Algorithm, c.AssertionAudience, at.issuer)}
		p.gates[key] = known
	}
	return known
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
	if ctx.Err() != nil && !got.granted() && !refusedSignIn(got.Reason) {
		return told{verdict: got} // the pass ended, and not the patience of the server
	}
	a.gate.mu.Lock()
	defer a.gate.mu.Unlock()
	result := told{verdict: got}
	if got.ofClient {
		a.gate.refused = true
		hold := a.gate.book.Refused(ctx, clients, got.Refusal, got.retryAfter, a.client, p.env.Now())
		result.hold = &hold
		return result
	}
	a.gate.open = true
	if !got.granted() {
		hold := a.own.Refused(ctx, mine, got.Refusal, got.retryAfter, a.mine, p.env.Now())
		result.hold = &hold
		return result
	}
	a.gate.book.Succeeded(ctx)
	a.own.Succeeded(ctx)
	return result
}

// words say what a held-off attempt was refused with, or what a new one is.
func (t told) words() string {
	if !t.held {
		return t.Text
	}
	return t.hold.Clause() + ": " + t.Text
}
