// Package register watches credentials that no service shows: a licence, a partner's
// certificate, a support contract. Name and date stand in the configuration, and whoever
// renews one writes the new date there.
//
// It asks nobody and reads no file: what it says is as right as what was written down. It
// does not find out what was forgotten, and judges nothing.
package register

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"lapsewatch/checks"
	"lapsewatch/watch"
)

// Kind is the catalog's entry.
var Kind = checks.Define("register", defaults, New)

type check struct {
	options Options
	env     checks.Env
}

// New makes the check from options that Validate accepted.
func New(options Options, env checks.Env) (watch.Check, error) {
	return &check{options: options, env: env}, nil
}

// Collect implements watch.Check.
func (c *check) Collect(ctx context.Context, sink watch.Sink) error {
	c.env.Expect(len(c.options.Credentials))
	for _, kept := range c.options.Credentials {
		if ctx.Err() != nil {
			return fmt.Errorf("the pass over the register was cut short: %w", context.Cause(ctx))
		}
		sink(kept.fact(c.env.Now()))
	}
	return nil
}

// fact is the credential as it is written down. An issue that lies ahead bounds nothing: the
// credential was bought for later, and that is no clock's fault; its life follows from it.
func (c Credential) fact(now time.Time) watch.Credential {
	fact := watch.Credential{
		Subject: c.Subject(c.Name), Form: watch.Form(cmp.Or(c.Form, defaultForm)), Identity: "never",
		NotBefore: c.Issued.Time(), NotAfter: c.Expires.Time(), Remedy: c.Remedy,
		Details: map[string]any{"expires": c.Expires.String()},
	}
	if fact.NotBefore.After(now) {
		if fact.NotBefore = (time.Time{}); !c.Expires.never {
			fact.Life = fact.NotAfter.Sub(c.Issued.Time())
		}
	}
	for _, label := range c.Labels {
		if fact.Subject.Labels == nil {
			fact.Subject.Labels = map[string]string{}
		}
		fact.Subject.Labels[label.Name] = label.Value
	}
	if !c.Expires.never {
		fact.Identity = "expires " + c.Expires.Time().Format(time.RFC3339Nano)
		if fact.Remedy == "" {
			fact.Remedy = defaultRemedy
		}
	}
	if !c.Issued.IsZero() {
		fact.Details["issued"] = c.Issued.String()
	}
	if c.Note != "" {
		fact.Details["note"] = c.Note
	}
	return fact
}

const defaultRemedy = "Renew it, then write its new date into the configuration of this check, which is all that Lapsewatch knows of it."
