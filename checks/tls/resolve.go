package tls

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
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
	// slots are the questions under way.
	slots   chan struct{}
	answers *lru.Cache[string, func() ([]netip.Addr, error)]
}

func newNames(resolver checks.Resolver, timeout time.Duration, concurrency int) *names {
	return &names{resolver: resolver, timeout: timeout, slots: make(chan struct{}, concurrency), answers: newLRU[string, func() ([]netip.Addr, error)](maxNames)}
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
	n.slots <- struct{}{}
	defer func() { <-n.slots }()
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
	return &failure{reason: watch.NameNotFound, err: fmt.Errorf("look up %s: %w", name, cause), remedy: fileRemedy(name)}
}

// fileRemedy is the next step where the name is that of a file rather than a host: one
// that does not exist is taken for a host. It is empty for other names, and no top-level
// domain is among the endings.
func fileRemedy(name string) string {
	endings := []string{".pem", ".crt", ".cer", ".der", ".key", ".csr", ".crl", ".p7b", ".p7c", ".p12", ".pfx", ".jks", ".keystore", ".jwt", ".conf", ".json", ".yaml", ".yml"}
	if !slices.ContainsFunc(endings, func(ending string) bool { return strings.HasSuffix(name, ending) }) {
		return ""
	}
	return "Check the name and the DNS servers that this machine uses; a file is named with its path, such as ./" + name + "."
}
