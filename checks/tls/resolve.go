package tls

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"lapsewatch/checks"
	"lapsewatch/watch"
)

// maxNames bounds the answers that are kept for one pass.
const maxNames = 4096

// names asks DNS once for each name of a pass.
type names struct {
	resolver checks.Resolver
	timeout  time.Duration
	answers  *lru.Cache[string, func() ([]netip.Addr, error)]
}

func newNames(resolver checks.Resolver, timeout time.Duration) *names {
	return &names{resolver: resolver, timeout: timeout, answers: newLRU[string, func() ([]netip.Addr, error)](maxNames)}
}

// addresses gives all A and AAAA records of a name, sorted. Callers for the same name
// wait for one answer.
func (n *names) addresses(ctx context.Context, name string) ([]netip.Addr, error) {
	ask := sync.OnceValues(func() ([]netip.Addr, error) { return n.ask(ctx, name) })
	if earlier, found, _ := n.answers.PeekOrAdd(name, ask); found {
		ask = earlier
	}
	return ask()
}

func (n *names) ask(ctx context.Context, name string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, n.timeout)
	defer cancel()
	found, err := n.resolver.LookupNetIP(ctx, "ip", name)
	if err != nil {
		return nil, err
	}
	for i := range found {
		found[i] = found[i].Unmap()
	}
	if len(found) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return distinct(found), nil
}

// lookupFailure says why a name has no address. As long as the addresses are not known,
// nothing is known of the subjects behind them, so the failure is not confined.
func lookupFailure(name string, err error, timeout time.Duration) *failure {
	cause := err
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		if dns.IsTimeout {
			return &failure{reason: watch.TimedOut, err: fmt.Errorf("look up %s: no answer from DNS within %s", name, timeout)}
		}
		cause = errors.New(dns.Err)
	}
	return &failure{reason: watch.NameNotFound, err: fmt.Errorf("look up %s: %w", name, cause)}
}
