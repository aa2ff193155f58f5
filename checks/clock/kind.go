// Package clock reads the clocks of hosts, each in the way that its target names, and
// compares them with the references of the pass: the offset of each host with its
// uncertainty, what it was at the pass before, and what the host says of its own
// synchronisation. Then it looks at all of them together.
//
// It sets no clock and judges no offset (package policy does, by the limits that are passed
// on), and does not choose the references: those of the whole pass are used (Env.Reference).
// It measures with one packet or request where that is exact enough for the limit.
package clock

import (
	"time"

	"lapsewatch/checks"
	"lapsewatch/watch"
)

// Kind is the catalog's entry.
var Kind = checks.Define("clock", defaults, New, checks.Targets(takes, fill), checks.ComparesClocks[Options]())

func defaults() Options {
	return Options{Samples: 4, Interval: watch.Duration(courteous)}
}

// courteous is how far apart packets to one server are at least: that of chrony's and
// ntpd's iburst. RFC 8633 (3.2) leaves shorter intervals to servers of one's own.
const courteous = 2 * time.Second

// New makes the check from options that Validate accepted.
func New(options Options, env checks.Env) (watch.Check, error) {
	made := &check{env: env, samples: options.Samples, interval: time.Duration(options.Interval), timeout: env.Timeout, concurrency: env.Concurrency}
	if options.Timeout > 0 {
		made.timeout = time.Duration(options.Timeout)
	}
	if options.Concurrency > 0 {
		made.concurrency = options.Concurrency
	}
	hosts, err := options.hosts()
	made.hosts = hosts
	return made, err
}
