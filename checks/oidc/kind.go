// Package oidc watches issuers of tokens: whether their discovery documents (OpenID Connect
// Discovery 1.0, RFC 8414) name them and stay as they were, when the certificates beside
// their keys lapse (RFC 7517), and whether a key was withdrawn while tokens that it signed
// still live. It signs in nowhere, asks no endpoint but for those two documents, and judges
// nothing.
package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"lapsewatch/checks"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/holdoff"
	"lapsewatch/internal/jose"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

// Kind is the catalog's entry.
var Kind = checks.Define("oidc", defaults, New, checks.Targets(takes, fill))

type check struct {
	options Options
	env     checks.Env
}

// New makes the check from options that Validate accepted.
func New(options Options, env checks.Env) (watch.Check, error) {
	return &check{options: options, env: env}, nil
}

// mostRedirects are followed: both documents are public, and no credential is sent.
const mostRedirects = 3

// Collect implements watch.Check. An issuer that cannot be read is a problem that hides its
// own keys and nothing else.
func (c *check) Collect(ctx context.Context, sink watch.Sink) error {
	client, err := webclient.Open(webclient.Setup{CAFile: c.options.CAFile, Redirects: mostRedirects}, webclient.Env{HTTP: c.env.HTTP, Now: c.env.Now, Timeout: c.env.Timeout})
	if err != nil {
		return err
	}
	defer client.Close()
	c.env.Expect(len(c.options.Issuers))
	checks.Each(c.env.Concurrency, slices.Values(c.options.Issuers), func(issuer Issuer) {
		if ctx.Err() == nil {
			(&look{check: c, issuer: issuer, client: client, now: c.env.Now().UTC().Truncate(time.Second), sink: sink}).run(ctx)
		}
	}, func(issuer Issuer, err error) {
		sink(problem(issuer.Subject(documentID(issuer)), keyPrefix(issuer), watch.InternalError, err))
	})
	if ctx.Err() != nil {
		return fmt.Errorf("the pass over issuers was cut short: %w", context.Cause(ctx))
	}
	return nil
}

// Try reads each issuer once.
func (c *check) Try(ctx context.Context) []watch.Ability {
	return checks.TryByCollecting(ctx, c, "reads the discovery document and the keys")
}

// look is one pass over one issuer.
type look struct {
	check  *check
	issuer Issuer
	client *webclient.Client
	now    time.Time
	sink   watch.Sink
	// forgot: it was told that nothing is known of earlier passes.
	forgot bool
}

func (l *look) run(ctx context.Context) {
	found, err := jose.Discover(ctx, l.client, l.issuer.Issuer)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		reason, remedy := explained(err)
		failed := problem(l.issuer.Subject(documentID(l.issuer)), keyPrefix(l.issuer), reason, err)
		failed.Remedy = remedy
		l.sink(failed)
		l.tokensUnverified(err)
		return
	}
	strange := l.strange(ctx, found)
	document := l.document(ctx, found, strange)
	if strange {
		l.sink(document)
		l.keysUnread(watch.IssuerMismatch, "", fmt.Errorf("read the keys of %s: %w", shown(l.issuer.Issuer), errStranger))
		l.tokensUnverified(errStranger)
		return
	}
	if found.JWKSURI == "" {
		// RFC 8414 allows a server whose tokens nobody verifies by keys.
		l.sink(document)
		if fault := slices.IndexFunc(found.Faults, func(fault string) bool { return strings.HasPrefix(fault, "jwks_uri ") }); fault >= 0 {
			l.keysUnread(watch.Refused, "Let the discovery document name an https URL.", fmt.Errorf("read the keys of %s: %s", shown(l.issuer.Issuer), found.Faults[fault]))
		}
		l.tokensUnverified(errNoKeys)
		return
	}
	l.keys(ctx, document, found)
}

var (
	errNoKeys   = errors.New("the discovery document names no jwks_uri that can be used")
	errStranger = errors.New("the discovery document is that of another issuer, which it was not before")
)

// strange reports whether the document is suddenly that of another issuer, whose keys say
// nothing of this one's. Where it was so from the beginning, the configuration is wrong, or
// the address is one of several tenants: then its keys are those that are meant.
func (l *look) strange(ctx context.Context, found jose.Discovery) bool {
	key, accepted := l.memoryKey("accepted", ""), ""
	if !l.recall(ctx, key, &accepted) {
		return found.Mismatched()
	}
	if fresh := holdoff.Digest([]byte(found.Issuer)); fresh != accepted && (accepted == "" || !found.Mismatched()) {
		l.remember(ctx, key, encode(fresh))
		accepted = fresh
	}
	return found.Mismatched() && accepted != holdoff.Digest([]byte(found.Issuer))
}

// keysUnread tells that the keys could not be read, of which nothing else is known then.
func (l *look) keysUnread(reason watch.Reason, remedy string, err error) {
	subject := l.issuer.Subject(keySetID(l.issuer))
	subject.Name += " keys"
	failed := problem(subject, keyPrefix(l.issuer), reason, err)
	failed.Remedy = remedy
	l.sink(failed)
}

// IDs begin with the name of the entry, in which no slash stands bare.
func documentID(issuer Issuer) string { return "discovery/" + url.PathEscape(issuer.Name) }
func keySetID(issuer Issuer) string   { return "keys/" + url.PathEscape(issuer.Name) }
func keyPrefix(issuer Issuer) string  { return "key/" + url.PathEscape(issuer.Name) + "/" }

func problem(subject watch.Subject, hides string, reason watch.Reason, err error) watch.Problem {
	return watch.Problem{Subject: subject, Reason: reason, Err: err, Confined: true, HidesPrefix: hides}
}

// explained gives the reason of a failed look, and the next step where policy's general one
// would mislead.
func explained(err error) (watch.Reason, string) {
	failure, ok := errors.AsType[*webclient.Failure](err)
	if !ok {
		return watch.Unreadable, ""
	}
	if failure.Reason == watch.AuthFailed {
		return watch.PermissionDenied, remedies()[watch.PermissionDenied]
	}
	return failure.Reason, remedies()[failure.Reason]
}

func remedies() map[watch.Reason]string {
	return map[watch.Reason]string{
		watch.Unparsable:       "Check the issuer's URL: what answers there is no such document.",
		watch.NotFound:         "Check the issuer's URL: it is what its tokens have in iss, and its document stands below it (OpenID Connect Discovery 1.0, 4; RFC 8414, 3).",
		watch.PermissionDenied: "Let this machine read the document without signing in, as whoever verifies tokens does.",
		watch.TooLarge:         "Check the issuer's URL: such a document is small.",
	}
}

const (
	maxShown = 200
	maxList  = 50
)

func shown(text string) string { return clean.Text(text, maxShown) }

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02 15:04 UTC") }

// stampBeside has seconds where the minutes would not tell two instants apart.
func stampBeside(at, other time.Time) string {
	if apart := at.Sub(other).Abs(); apart > 0 && apart < 2*time.Minute {
		return at.UTC().Format("2006-01-02 15:04:05 UTC")
	}
	return stamp(at)
}
