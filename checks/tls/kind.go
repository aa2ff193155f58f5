// Package tls reads the dates of the certificates that TLS servers present, whatever is
// wrong with the server or the certificate, and notes what else is wrong: the chain, the
// issuer, the name, a node that differs from its siblings.
//
// It does not judge how near a date is (package policy does), does not look for
// revocation (OCSP, CRL), fetches no missing certificate, sends nothing after the
// handshake, offers no client certificate and does not grade ciphers: what it accepts
// from a server is for inspection only.
package tls

import (
	"net"
	"time"

	"lapsewatch/checks"
	"lapsewatch/watch"
)

// Kind is the catalog's entry.
var Kind = checks.Define("tls", defaults, New, checks.Targets(takes, fill), checks.ThisMachine(find))

func defaults() Options { return Options{Trust: Trust{System: true}} }

// New makes the check from options that Validate accepted.
func New(options Options, env checks.Env) (watch.Check, error) {
	services, err := options.services()
	if err != nil {
		return nil, err
	}
	made := &check{
		env: env, trust: options.Trust, services: services, concurrency: env.Concurrency, timeout: env.Timeout,
		signatures: newSignatures(), families: families{addresses: net.InterfaceAddrs},
	}
	if options.Concurrency > 0 {
		made.concurrency = options.Concurrency
	}
	if options.Timeout > 0 {
		made.timeout = time.Duration(options.Timeout)
	}
	made.inFlight = affordable(max(made.concurrency, min(waitingShare*made.concurrency, maxWaiting)))
	made.concurrency = min(made.concurrency, made.inFlight)
	return made, nil
}
