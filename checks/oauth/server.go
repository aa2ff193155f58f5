package oauth

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/url"
	"sync"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/jose"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

// mostAtOnce is how many requests one host gets at a time.
const mostAtOnce = 4

// server is what an issuer says of itself, read once a pass.
type server struct {
	once   sync.Once
	said   jose.Discovery
	failed error
}

// endpoint is where a client asks. issuer is empty where nobody gave it.
type endpoint struct {
	url, issuer string
}

// client makes one for a look; without a certificate it proves nothing in TLS.
func (p *pass) client(certificate *tls.Certificate, timeout time.Duration) (*webclient.Client, error) {
	return webclient.Open(
		webclient.Setup{CAFile: p.options.CAFile, Certificate: certificate, MaxBytes: maxAnswer},
		webclient.Env{HTTP: p.env.HTTP, Now: p.env.Now, Timeout: timeout},
	)
}

// tokenEndpoint is where a client signs in.
func (p *pass) tokenEndpoint(ctx context.Context, c Client, given string) (endpoint, error) {
	return p.endpoint(ctx, c, given, "token_endpoint", func(d jose.Discovery) (string, string) { return d.TokenEndpoint, d.MTLSTokenEndpoint })
}

// introspectionEndpoint is where a client asks about tokens.
func (p *pass) introspectionEndpoint(ctx context.Context, c Client, given string) (endpoint, error) {
	return p.endpoint(ctx, c, given, "introspection_endpoint", func(d jose.Discovery) (string, string) {
		return d.IntrospectionEndpoint, d.MTLSIntrospectionEndpoint
	})
}

// endpoint is the given one, or what the issuer names: of two that for clients which prove
// themselves in TLS (RFC 8705, section 5), if c is one.
func (p *pass) endpoint(ctx context.Context, c Client, given, name string, in func(jose.Discovery) (plain, mutual string)) (endpoint, error) {
	if given != "" {
		return endpoint{url: given, issuer: c.Issuer}, nil
	}
	said, err := p.discover(ctx, c.Issuer)
	if err != nil {
		return endpoint{}, err
	}
	if said.Mismatched() {
		return endpoint{}, &unreadable{
			reason: watch.IssuerMismatch, remedy: "Give the issuer as its own discovery document spells it, or give the URL of the endpoint.",
			err: fmt.Errorf("the discovery document of %s is that of another issuer, %q: nothing is sent to the endpoints that it names", c.Issuer, clean.Text(said.Issuer, shownWords)),
		}
	}
	found, mutual := in(said)
	if c.byTLS() && mutual != "" {
		found = mutual
	}
	if found == "" {
		return endpoint{}, &unreadable{
			reason: watch.NotFound, remedy: "Give the URL of the endpoint in the options.",
			err: fmt.Errorf("the discovery document of %s names no %s that can be used", c.Issuer, name),
		}
	}
	return endpoint{url: found, issuer: said.Issuer}, nil
}

func (p *pass) discover(ctx context.Context, issuer string) (jose.Discovery, error) {
	p.mu.Lock()
	known := p.servers[issuer]
	if known == nil {
		known = &server{}
		p.servers[issuer] = known
	}
	p.mu.Unlock()
	known.once.Do(func() {
		leave, err := p.visit(ctx, issuer)
		if err != nil {
			known.failed = err
			return
		}
		defer leave()
		known.said, known.failed = jose.Discover(ctx, p.plain, issuer)
	})
	return known.said, known.failed
}

// visit waits for one of the places at a host.
func (p *pass) visit(ctx context.Context, address string) (leave func(), err error) {
	host := address
	if parsed, err := url.Parse(address); err == nil {
		host = parsed.Host
	}
	p.mu.Lock()
	places := p.hosts[host]
	if places == nil {
		places = make(chan struct{}, mostAtOnce)
		p.hosts[host] = places
	}
	p.mu.Unlock()
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
