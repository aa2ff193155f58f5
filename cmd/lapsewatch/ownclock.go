package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/pflag"

	"lapsewatch/checks"
	"lapsewatch/config"
	"lapsewatch/internal/boottime"
	"lapsewatch/internal/reference"
	"lapsewatch/internal/timeconf"
	"lapsewatch/runner"
	"lapsewatch/watch"
)

// referenceFlags is the value of --reference, given once for each clock to believe.
type referenceFlags struct{ sources reference.Sources }

func (r *referenceFlags) String() string { return "" }

func (r *referenceFlags) Type() string { return "ntp://HOST" }

func (r *referenceFlags) Set(text string) error {
	source, err := reference.ParseSource(text)
	if err != nil {
		return err
	}
	r.sources = append(r.sources, source)
	return r.sources.Validate()
}

// referencesWin puts those of the flag in the place of the configured ones.
func (f *passFlags) referencesWin(settings *config.Config, flags *pflag.FlagSet) {
	if flags.Changed("reference") {
		settings.Clock.References = f.references.sources
	}
}

// ownClock asks the references of a session: once for each pass, and anew when the pass
// says so.
type ownClock struct {
	asker *reference.Asker
	mu    sync.Mutex
	known atomic.Pointer[watch.Reference]
	// believed is the last answer of a majority. It holds until there is another one: how much time went by since is known without the clock.
	believed atomic.Pointer[watch.Reference]
}

// ask asks anew.
func (o *ownClock) ask(ctx context.Context) watch.Reference {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.known.Store(nil)
	return o.asked(ctx)
}

// latest is what the references said in this pass.
func (o *ownClock) latest(ctx context.Context) watch.Reference {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.asked(ctx)
}

func (o *ownClock) asked(ctx context.Context) watch.Reference {
	began := time.Now()
	if known := o.known.Load(); known != nil && boottime.Between(known.At, began).Abs() < boottime.Stale {
		return *known
	}
	got := o.asker.Ask(ctx)
	// With its monotonic part, by which a step of the clock can be told later.
	got.At = began
	if ctx.Err() != nil {
		// Whoever was in no hurry may still be answered.
		return got
	}
	o.known.Store(&got)
	if got.Majority {
		o.believed.Store(&got)
	}
	return got
}

// believe makes the references of the session ready; without any, nobody is asked.
func (s *session) believe() {
	if len(s.settings.Clock.References) == 0 {
		return
	}
	s.own.Store(&ownClock{asker: reference.New(s.settings.Clock.References, reference.Env{
		Resolver: checks.DefaultEnv(nil).Resolver, Timeout: time.Duration(s.settings.Clock.Timeout), Now: time.Now,
		TrustFiles: s.settings.Clock.TrustFiles, Memory: s.memory(watch.Itself),
	})})
}

func (s *session) ownClock() runner.OwnClock {
	own := s.own.Load()
	if own == nil {
		return runner.OwnClock{}
	}
	return runner.OwnClock{Ask: own.ask}
}

func (s *session) reference(ctx context.Context) watch.Reference {
	own := s.own.Load()
	if own == nil {
		return watch.Reference{}
	}
	return own.latest(ctx)
}

// now is the instant of --now, or else the true time.
func (s *session) now() time.Time {
	if !s.flags.now.IsZero() {
		return s.flags.now.Time
	}
	return s.trueTime()
}

// trueTime is the own clock as the references correct it, once they were asked.
func (s *session) trueTime() time.Time {
	own := s.own.Load()
	if own == nil {
		return time.Now()
	}
	return own.said().Time(time.Now())
}

// client verifies certificates by the true time, so that a wrong own clock neither keeps
// anything from being read nor anybody from being told.
func (s *session) client() *http.Client {
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultClient
	}
	transport = transport.Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, Time: s.trueTime}
	return &http.Client{Transport: transport}
}

// said is what a majority of the references said last; nothing before they were asked.
func (o *ownClock) said() watch.Reference {
	if believed := o.believed.Load(); believed != nil {
		return *believed
	}
	return watch.Reference{}
}

const (
	// systemReferences bounds how many of this machine's own time servers are asked.
	systemReferences = 8
	// perPool is how many servers of a pool have a vote, as many as chrony takes of one.
	perPool        = 4
	lookUpPatience = time.Second
)

// ofThisMachine are the servers that this machine's own time service is configured with.
func ofThisMachine(ctx context.Context) reference.Sources {
	ctx, cancel := context.WithTimeout(ctx, lookUpPatience)
	defer cancel()
	var sources reference.Sources
	for _, server := range timeconf.Servers(os.DirFS("/")) {
		for _, host := range hostsOf(ctx, server) {
			scheme := "ntp://"
			if server.NTS {
				scheme = "nts://"
			}
			if server.Port != 0 {
				host += fmt.Sprintf(":%d", server.Port)
			}
			source, err := reference.ParseSource(scheme + host)
			if err == nil && len(sources) < systemReferences && append(sources, source).Validate() == nil {
				sources = append(sources, source)
			}
		}
	}
	return sources
}

// hostsOf are the single servers behind a line of configuration, ready for a URL. A pool
// that cannot be looked up stays one name, so that it is said to be silent.
func hostsOf(ctx context.Context, server timeconf.Server) []string {
	if address, err := netip.ParseAddr(server.Host); err == nil && address.Is6() {
		return []string{"[" + server.Host + "]"}
	}
	if !server.Pool || server.NTS {
		return []string{server.Host}
	}
	addresses, err := (&net.Resolver{PreferGo: true}).LookupNetIP(ctx, "ip4", server.Host)
	if err != nil && !errors.Is(err, context.Canceled) {
		return []string{server.Host}
	}
	var hosts []string
	for _, address := range addresses[:min(len(addresses), perPool)] {
		hosts = append(hosts, address.Unmap().String())
	}
	return hosts
}
