// Package domain watches registrations of domains by RDAP (RFC 9082, RFC 9083): until when
// they are paid for, and whether the registry has suspended them or lets them go.
//
// It asks registries, and nobody else: no WHOIS, no registrar's account and no DNS. Whether
// a registrar renews a registration by itself is not to be seen there. It judges nothing.
package domain

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"lapsewatch/checks"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

// Kind is the catalog's entry.
var Kind = checks.Define("domain", defaults, New, checks.Targets(takes, fill))

const (
	// maxAtOnce bounds the registries that are asked at a time, each one question at a time.
	maxAtOnce = 16
	maxBytes  = 4 << 20
	redirects = 3
)

// asked is a domain to ask about.
type asked struct {
	Domain
	// ascii is its name in A-labels.
	ascii string
}

// tld is the top-level domain, in A-labels: what is hidden with its registry begins with it.
func (a asked) tld() string { return a.ascii[strings.LastIndexByte(a.ascii, '.')+1:] }

func (a asked) subject() watch.Subject { return a.Subject(a.tld() + "/" + a.ascii) }

// problem is one that hides nothing but its own domain.
func (a asked) problem(reason watch.Reason, err error, remedy string) watch.Problem {
	return watch.Problem{Subject: a.subject(), Reason: reason, Err: err, Confined: true, Remedy: remedy}
}

type check struct {
	options Options
	env     checks.Env
	domains []asked
}

// New makes the check from options that Validate accepted.
func New(options Options, env checks.Env) (watch.Check, error) {
	c := &check{options: options, env: env}
	for _, d := range options.Domains {
		ascii, err := registrable(d.Name, options.Server != "")
		if err != nil {
			return nil, fmt.Errorf("read the name %q: %w", d.Name, err)
		}
		c.domains = append(c.domains, asked{Domain: d, ascii: ascii})
	}
	return c, nil
}

// pass is one pass over the domains.
type pass struct {
	*check
	client *webclient.Client
	sink   watch.Sink
	manner
}

// manner is in which way a pass differs from an ordinary one.
type manner struct {
	// trying: a registry is asked in spite of what is remembered of it.
	trying bool
	// again: these are some domains only, for a second time. Whose turn it is does not change,
	// and each is told of.
	again bool
}

// Collect implements watch.Check.
func (c *check) Collect(ctx context.Context, sink watch.Sink) error {
	return c.collect(ctx, sink, manner{})
}

func (c *check) collect(ctx context.Context, sink watch.Sink, in manner) error {
	setup := webclient.Setup{CAFile: c.options.CAFile, MaxBytes: maxBytes, Redirects: redirects}
	client, err := webclient.Open(setup, webclient.Env{HTTP: c.env.HTTP, Now: c.env.Now, Timeout: c.env.Timeout})
	if err != nil {
		return fmt.Errorf("reach registries: %w", err)
	}
	defer client.Close()
	c.env.Expect(len(c.domains))
	p := &pass{check: c, client: client, sink: sink, manner: in}
	services := p.services(ctx)
	checks.Each(min(c.env.Concurrency, maxAtOnce), maps.Keys(services), func(base string) {
		p.registry(ctx, base, services[base])
	}, func(base string, err error) {
		for _, a := range services[base] {
			sink(a.problem(watch.InternalError, err, ""))
		}
	})
	if ctx.Err() != nil {
		return fmt.Errorf("the pass over registries of domains was cut short: %w", context.Cause(ctx))
	}
	return nil
}

// Try asks about each domain once, even where a pass would wait.
func (c *check) Try(ctx context.Context) []watch.Ability {
	return checks.TryByCollecting(ctx, tried{c}, "tells until when the domain is registered")
}

type tried struct{ *check }

func (t tried) Collect(ctx context.Context, sink watch.Sink) error {
	return t.collect(ctx, sink, manner{trying: true})
}

// services are the domains by the base URL of the service that knows them. Domains without
// one are told of.
func (p *pass) services(ctx context.Context) map[string][]asked {
	found := map[string][]asked{}
	if p.options.Server != "" {
		found[slashed(p.options.Server)] = p.domains
		return found
	}
	listed := &directory{pass: p}
	for _, a := range p.domains {
		if ctx.Err() != nil {
			return nil
		}
		base, err := listed.service(ctx, a)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			reason, remedy := explained(err)
			p.sink(a.problem(reason, fmt.Errorf("find out which registry to ask: %w", err), remedy))
		case base == "":
			p.sink(a.problem(watch.NotFound, fmt.Errorf("IANA lists no RDAP service with https for .%s", parent(a.ascii)),
				"If its registry has one, name that in server, in a check of its own; otherwise write the date into a check of kind register."))
		default:
			found[base] = append(found[base], a)
		}
	}
	return found
}
