package entra

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/google/uuid"

	"lapsewatch/checks"
	"lapsewatch/internal/msgraph"
	"lapsewatch/watch"
)

// Check watches one tenant.
type Check struct {
	options Options
	env     checks.Env
}

// New makes a check from valid options.
func New(options Options, env checks.Env) (watch.Check, error) {
	check := &Check{options: options, env: env}
	client, err := check.open(false)
	if err != nil {
		return nil, &watch.FieldError{Path: "ca_file", Err: err}
	}
	client.Close()
	return check, nil
}

// open makes a client for one pass, so that a rotated secret or certificate is read anew.
func (c *Check) open(interactive bool) (*msgraph.Client, error) {
	return msgraph.Open(c.options.SignIn, msgraph.Env{
		Log: c.env.Log, HTTP: c.env.HTTP, Secrets: c.env.Secrets, Memory: c.env.Memory, Interactive: interactive,
	})
}

// pass is one walk through the tenant. What it remembers of a hundred thousand
// applications is a few bytes each; whole it holds only those that end soon.
type pass struct {
	describer
	requests
	env      checks.Env
	identity msgraph.Identity
	sink     watch.Sink

	// principals, by application ID, are those that say something about the application.
	principals      map[uuid.UUID]principalNote
	principalsKnown bool
	unowned         map[uuid.UUID]bool
	seen            map[uuid.UUID]bool
	held            []held
	counts          counts
	// unfitted are the filters and rules, by their place in the options, that have fitted
	// nothing so far.
	unfitted map[string]Filter

	mu      sync.Mutex
	remarks []string
	// unlisted are lists that a problem has been told of.
	unlisted map[string]bool
}

// principalNote is what a service principal says about its application.
type principalNote struct{ disabled, proxied bool }

// held is a holder with the indexes of its items that end soon.
type held struct {
	h  *holder
	at []int
}

type counts struct {
	excluded, empty int
	rotated         [rotations]int
	selfFound       bool
}

// Collect implements watch.Check.
func (c *Check) Collect(ctx context.Context, sink watch.Sink) error {
	client, err := c.open(false)
	if err != nil {
		return &watch.SourceError{Problem: watch.Problem{Reason: watch.Unreadable, Err: err}}
	}
	defer client.Close()
	identity, err := client.Authenticate(ctx)
	if err != nil {
		return c.sourceError(ctx, err)
	}
	return c.newPass(client, identity, sink).run(ctx)
}

func (c *Check) newPass(client *msgraph.Client, identity msgraph.Identity, sink watch.Sink) *pass {
	return &pass{
		describer: describer{
			options: &c.options, now: c.env.Now().UTC(), horizon: c.env.Horizon,
			tenant: tenantID(identity, c.options.SignIn), portal: portals[c.options.Cloud], graph: client.BaseURL("v1.0"),
		},
		requests: requests{client}, env: c.env, identity: identity, sink: sink,
		principals: map[uuid.UUID]principalNote{}, unowned: map[uuid.UUID]bool{}, seen: map[uuid.UUID]bool{},
		unlisted: map[string]bool{}, unfitted: maps.Collect(c.options.filters()),
	}
}

// run walks the lists in the order in which each needs the one before: service principals
// say what is disabled, and what ends soon is known after the applications.
func (p *pass) run(ctx context.Context) error {
	const whole = 1
	for _, step := range []struct {
		read func(context.Context)
		// share of the time left, one part in so many: what comes first must not keep the
		// applications from being read.
		share time.Duration
	}{
		{p.readPolicy, 8}, {p.readServicePrincipals, 2}, {p.readUnowned, 4}, {p.readApplications, whole}, {p.tellHeld, whole},
	} {
		shared, cancel := within(ctx, time.Hour, func(left time.Duration) time.Duration { return left - left/step.share })
		step.read(shared)
		cancel()
		if err := ctx.Err(); err != nil {
			p.tellRest()
			p.summarise()
			return fmt.Errorf("watch tenant %s: %w", p.tenant, err)
		}
	}
	p.summarise()
	return nil
}

// tellRest tells of what was held back for questions that there is no time left to ask:
// above all the credentials that end soon must not be lost.
func (p *pass) tellRest() {
	for _, one := range p.held {
		p.emitUnasked(one.h, one.at, "the pass ended before it could be looked up")
	}
	p.held = nil
}

// emitUnasked tells of items whose use and owners nobody looked up.
func (p *pass) emitUnasked(h *holder, at []int, why string) {
	for _, i := range at {
		use := watch.Use{State: watch.UseUnknown, Text: why}
		if h.items[i].self {
			use = watch.Use{State: watch.InUse}
		}
		p.emit(h, i, use, ownership{asked: true, failed: why})
	}
}

// remark keeps a line for the report, once.
func (p *pass) remark(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, known := range p.remarks {
		if known == text {
			return
		}
	}
	p.remarks = append(p.remarks, text)
}

// summarise tells what was left out on purpose, and what the pass had to go without.
func (p *pass) summarise() {
	if n := p.counts.excluded; n > 0 {
		p.remark(fmt.Sprintf("left out by the check's filters: %d %s", n, plural(n, "application or service principal", "applications and service principals")))
	}
	if text := rotatedRemark(&p.counts.rotated); text != "" {
		p.remark(text)
	}
	if n := p.counts.empty; n > 0 {
		p.remark(fmt.Sprintf("%d %s no credentials", n, plural(n, "application has", "applications have")))
	}
	p.remarkOnFilters()
	p.missOwn()
	for _, text := range p.remarks {
		p.sink(watch.Remark{Text: text})
	}
}

// first reports whether an object is met for the first time: a list can repeat objects
// when others are removed while it is walked through.
func (p *pass) first(id string) bool {
	parsed, err := uuid.Parse(id)
	if err != nil || p.seen[parsed] {
		return false
	}
	p.seen[parsed] = true
	return true
}

func asUUID(text string) uuid.UUID {
	parsed, err := uuid.Parse(text)
	if err != nil {
		return uuid.Nil
	}
	return parsed
}

// maxHeld bounds the holders that are held back for questions about their use and owners.
const maxHeld = 20_000

// tell gives the facts of a holder to the sink, or holds back those that end soon.
func (p *pass) tell(h *holder) {
	h.identify()
	p.markSelf(h)
	p.env.Expect(len(h.items))
	var soon []int
	from := ownership{asked: p.unowned[asUUID(h.objectID)]}
	for at := range h.items {
		if p.near(&h.items[at]) {
			soon = append(soon, at)
			continue
		}
		p.emit(h, at, watch.Use{}, from)
	}
	switch {
	case len(soon) == 0:
	case len(p.held) < maxHeld:
		p.held = append(p.held, held{h, soon})
	default:
		p.remark(fmt.Sprintf("more than %d applications have credentials that end soon; for the rest, neither owners nor use were looked up", maxHeld))
		p.emitUnasked(h, soon, "too many credentials end soon to look it up")
	}
}

// emit completes one fact and gives it to the sink.
func (p *pass) emit(h *holder, at int, use watch.Use, from ownership) {
	fact := p.fact(h, at)
	if fact.Use.State == "" {
		fact.Use = use
	}
	if !fact.Use.LastUsed.IsZero() {
		fact.Details["last_used"] = fact.Use.LastUsed.Format(time.RFC3339)
	}
	if fact.Use.State == watch.UseUnknown {
		fact.Details["sign_in_activity"] = "unknown: " + fact.Use.Text
	}
	p.addOwners(&fact, h, from)
	p.finish(h, at, &fact)
	p.sink(fact)
}

// sourceError is why the pass could not begin.
func (c *Check) sourceError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	problem := watch.Problem{Reason: watch.AuthFailed, Err: err}
	if failure, ok := errors.AsType[*msgraph.Failure](err); ok {
		problem.Reason, problem.Details, problem.Remedy = failure.Reason, failureDetails(failure), c.options.nextStep(failure)
		if failure.Held {
			problem.Err = fmt.Errorf("%w; once that is mended, `lapsewatch config check --online` tries at once and ends the wait", err)
		}
	}
	return &watch.SourceError{Problem: problem}
}
