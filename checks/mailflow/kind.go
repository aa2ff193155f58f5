// Package mailflow sends canaries, mails of its own, the way that services send theirs (by
// SMTP or Microsoft Graph), and looks when they arrive in a mailbox (by IMAP or Microsoft
// Graph): late, not yet, or never.
//
// Each pass looks for the canaries of earlier passes, which Memory remembers, sends a new
// one and waits a little for it. It removes what it has seen, by an id that nobody can
// guess, and touches no other mail. It reads no mail but its own, mends no queue, counts no
// bounces, and where the mailbox cannot be read it calls no canary lost.
package mailflow

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"lapsewatch/checks"
	"lapsewatch/watch"
)

// Kind is the catalog's entry.
var Kind = checks.Define("mailflow", defaults, New)

type check struct {
	options Options
	env     checks.Env
}

// New makes the check from options that Validate accepted.
func New(options Options, env checks.Env) (watch.Check, error) {
	return &check{options: options, env: env}, nil
}

// pass is one walk over the flows.
type pass struct {
	env  checks.Env
	sink watch.Sink
	// ahead is this machine's clock minus the references' where those few do not correct
	// Now; doubt says in a clause why no clock can be believed.
	ahead time.Duration
	doubt string
	// atOnce: somebody waits for the answer, so that a hold of an earlier pass is passed over.
	atOnce bool

	mu    sync.Mutex
	gates map[string]*gate
}

func (c *check) begin(ctx context.Context, sink watch.Sink) *pass {
	said := c.env.Reference(ctx)
	p := &pass{env: c.env, sink: sink, doubt: said.Doubt(), gates: map[string]*gate{}}
	if p.doubt == "" && said.Majority && !said.Overrules() {
		p.ahead = said.Offset
	}
	return p
}

func (p *pass) now() time.Time { return p.env.Now().Add(-p.ahead).UTC() }

// Collect implements watch.Check. Each flow is one subject.
func (c *check) Collect(ctx context.Context, sink watch.Sink) error {
	c.env.Expect(len(c.options.Flows))
	if ctx.Err() == nil {
		p := c.begin(ctx, sink)
		checks.Each(c.env.Concurrency, slices.Values(c.options.Flows), func(f Flow) { p.look(ctx, f) }, func(f Flow, err error) {
			sink(watch.Problem{Subject: f.subject(), Reason: watch.InternalError, Err: err, Confined: true})
		})
	}
	if ctx.Err() != nil {
		return fmt.Errorf("the pass over the flows of mail was cut short: %w", context.Cause(ctx))
	}
	return nil
}

// Try signs in at both ends of each flow, and sends no mail.
func (c *check) Try(ctx context.Context) []watch.Ability {
	p := c.begin(ctx, func(watch.Fact) {})
	p.atOnce = true
	var found []watch.Ability
	for _, f := range c.options.Flows {
		out := watch.Ability{Name: f.Name + ": submit", Gives: "hands canaries over", Required: true}
		if err := p.wayOut(f).try(ctx); err != nil {
			out.Err, out.Reason, out.Remedy = err, watch.MailRefused, remedyOf(err)
		}
		in := watch.Ability{Name: f.Name + ": arrive", Gives: "sees canaries arrive, and removes them", Required: true}
		if err := p.tryMailbox(ctx, f); err != nil {
			problem := unread(f.subject(), err)
			in.Err, in.Reason, in.Remedy = err, problem.Reason, problem.Remedy
		}
		found = append(found, out, in)
	}
	return found
}

func (p *pass) tryMailbox(ctx context.Context, f Flow) error {
	box, err := p.mailbox(ctx, f)
	if err != nil {
		return err
	}
	defer box.close()
	for _, folder := range f.folders() {
		if err := box.try(ctx, folder); err != nil {
			return err
		}
	}
	return nil
}
