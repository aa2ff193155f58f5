package checks

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"lapsewatch/watch"
)

// Env is all that a check may use of the world, so that folders hold no globals and
// tests replace any part.
type Env struct {
	// Now is the instant to judge as of (--now), and otherwise the own clock, corrected by
	// what Reference says of it as soon as that was asked.
	Now func() time.Time
	// Log never blocks.
	Log *slog.Logger
	// Dial opens connections; the caller's ctx bounds it.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Resolver looks names up; *net.Resolver is one.
	Resolver Resolver
	HTTP     *http.Client
	Secrets  watch.SecretReader
	// Memory keeps what the check wants to know at the next pass.
	Memory watch.Memory
	// TLSTime is the time that certificates of connections are verified as of, where a
	// check does not look at them for their dates; nil means the own clock.
	TLSTime func() time.Time
	// Reference is what the references of this pass say of this machine's clock; it asks
	// them at most once. It is never nil.
	Reference func(ctx context.Context) watch.Reference
	// Keeps says that Memory outlasts this pass. Without it, what may be done only if it is
	// remembered must not be done: in a scan, and in a dry run.
	Keeps bool
	// Horizon is how far ahead of Now a date may be judged as near: lead times reach no
	// further. Costly questions need not be asked about what ends later.
	Horizon time.Duration
	// Concurrency bounds what a check has in flight; at least 1.
	Concurrency int
	// Timeout bounds one look at one subject.
	Timeout time.Duration
	// Expect announces how many more subjects the check is going to look at, for
	// the progress bar. It is never nil.
	Expect func(subjects int)
}

// Resolver is the part of net.Resolver that checks use.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// defaultHorizon is that of the default lead time, one calendar month.
const defaultHorizon = 31 * 24 * time.Hour

// DefaultEnv is the Env of the real world, with a log that discards.
func DefaultEnv(secrets watch.SecretReader) Env {
	dialer := &net.Dialer{KeepAlive: -1}
	return Env{
		Now:         time.Now,
		Log:         slog.New(slog.DiscardHandler),
		Dial:        dialer.DialContext,
		Resolver:    &net.Resolver{PreferGo: true},
		HTTP:        http.DefaultClient,
		Secrets:     secrets,
		Memory:      Forgetful(),
		Reference:   func(context.Context) watch.Reference { return watch.Reference{} },
		Horizon:     defaultHorizon,
		Concurrency: 256,
		Timeout:     5 * time.Second,
		Expect:      func(int) {},
	}
}
