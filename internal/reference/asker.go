// Package reference asks the time servers that are believed together, and finds out what
// most of them agree upon (RFC 5905, 11.2.1). A single one is never believed against
// others, and where there is no majority nobody is. It sets no clock and raises no
// finding; it reports.
package reference

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/ntp"
	"lapsewatch/internal/ntp/manners"
	"lapsewatch/watch"
)

// Resolver is the part of net.Resolver that is used.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Env is what an Asker needs of the world; all of it must be given but TrustFiles.
type Env struct {
	Resolver Resolver
	// Timeout bounds all of one pass.
	Timeout time.Duration
	// Memory keeps which servers asked to be left alone. All sources use it at once.
	Memory watch.Memory
	// TrustFiles are PEM files of the authorities for nts:// instead of the system's.
	// They are read at each pass.
	TrustFiles []string
	// Now is the clock by which servers are left alone for a time.
	Now func() time.Time
}

// Asker asks the same sources at each pass.
type Asker struct {
	sources Sources
	env     Env
	manners manners.Keeper
}

// New makes an Asker of sources that Validate has nothing against.
func New(sources Sources, env Env) *Asker {
	return &Asker{sources: sources, env: env, manners: manners.New(env.Memory, env.Now)}
}

// pass is one round of questions.
type pass struct {
	*Asker
	client *ntp.Client
	// roots are nil for the system's.
	roots    *x509.CertPool
	rootsErr error
}

// Ask asks all sources at once, one packet each (nts:// makes a key exchange before it),
// and never for longer than Env.Timeout. What failed stands in Each.
func (a *Asker) Ask(ctx context.Context) watch.Reference {
	ctx, cancel := context.WithTimeout(ctx, a.env.Timeout)
	defer cancel()
	client, err := ntp.Open()
	if err != nil {
		return a.unasked(err)
	}
	defer func() { _ = client.Close() }() // nothing is to be written any more
	p := &pass{Asker: a, client: client}
	p.roots, p.rootsErr = a.roots()
	at := client.Now()
	looks := make([]look, len(a.sources))
	var asking sync.WaitGroup
	for i, source := range a.sources {
		asking.Go(func() { looks[i] = p.guarded(ctx, source) })
	}
	asking.Wait()
	return judge(at, onceEach(looks))
}

// guarded asks one source; a panic of what reads its answers is the failure of that source.
func (p *pass) guarded(ctx context.Context, source Source) (l look) {
	defer func() {
		if cause := recover(); cause != nil {
			l = look{name: source.String(), err: fmt.Errorf("could not be asked: its answer was not understood (panic: %s)", clean.Text(fmt.Sprint(cause), 300))}
		}
	}()
	return p.look(ctx, source)
}

func (a *Asker) unasked(err error) watch.Reference {
	looks := make([]look, len(a.sources))
	for i, source := range a.sources {
		looks[i] = look{name: source.String(), err: fmt.Errorf("was not asked: %w", err)}
	}
	return judge(a.env.Now(), looks)
}

// onceEach takes the vote from all but the first of those that turn out to be one server.
func onceEach(looks []look) []look {
	first := map[netip.AddrPort]string{}
	for i := range looks {
		if looks[i].err != nil {
			continue
		}
		if name, known := first[looks[i].from]; known {
			looks[i].err = fmt.Errorf("is the same server as %s (%v), and one server has one vote", name, looks[i].from)
			continue
		}
		first[looks[i].from] = looks[i].name
	}
	return looks
}
