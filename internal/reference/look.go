package reference

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"lapsewatch/internal/cafile"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/neterr"
	"lapsewatch/internal/ntp"
	"lapsewatch/internal/ntp/manners"
	"lapsewatch/internal/ntp/nts"
)

// maxDistance is how far a source may be from the true time by its own account. RFC 5905
// has 1.5 s, after which chrony's 3 s are what most servers are used with: satellite links
// need more than 1.5 s, and what is wider agrees with everybody.
const maxDistance = 3 * time.Second

// maxAhead is by how much a server's clock may claim to be set after it answers. That is
// rounding; more shows that it was set back.
const maxAhead = time.Second

// look is what one source answered, or why its answer cannot be used.
type look struct {
	name          string
	reply         ntp.Reply
	from          netip.AddrPort
	authenticated bool
	// dates is what was to be said of those of its certificate; see nts.Answer.
	dates string
	// err is a clause without its subject.
	err error
}

// look asks one source.
func (p *pass) look(ctx context.Context, source Source) look {
	l := look{name: source.String()}
	if why, held := p.manners.Held(ctx, l.name); held {
		l.err = errors.New(why)
		return l
	}
	addresses, err := p.resolve(ctx, source.Host)
	if err != nil {
		l.err = failure{"is not found by its name: " + clean.Text(err.Error(), 300), err}
		return l
	}
	for _, address := range addresses {
		to := netip.AddrPortFrom(address, source.Port)
		if source.NTS {
			var got nts.Answer
			got, err = p.askNTS(ctx, source, to)
			l.reply, l.from, l.dates = got.Reply, got.From, got.CertificateDates
		} else {
			l.from = to
			l.reply, err = p.client.AskTwice(ctx, to, p.env.Timeout/2)
		}
		if err == nil || !unreachable(source, err) {
			break
		}
	}
	if err != nil {
		l.err = p.clause(ctx, err)
		return l
	}
	l.authenticated = source.NTS
	l.err = unusable(l.reply)
	// Kept also if the pass has ended meanwhile, and bounded by the memory.
	err = p.manners.Note(context.WithoutCancel(ctx), l.name, l.reply)
	switch {
	case err != nil && l.err != nil:
		l.err = fmt.Errorf("%w; %w", l.err, err)
	case err != nil:
		l.err = err
	}
	return l
}

// unreachable reports whether nothing has reached the address, so that asking another one
// is no second question.
func unreachable(source Source, err error) bool {
	if !source.NTS {
		return !errors.Is(err, ntp.ErrNoReply)
	}
	var dialing *net.OpError
	return errors.As(err, &dialing) && dialing.Op == "dial"
}

// resolve gives the first address and the first of the other family, which is asked if
// this machine cannot reach the former.
func (p *pass) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if address, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{address}, nil
	}
	found, err := p.env.Resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	first := found[0].Unmap()
	other := slices.IndexFunc(found, func(a netip.Addr) bool { return a.Unmap().Is4() != first.Is4() })
	if other < 0 {
		return []netip.Addr{first}, nil
	}
	return []netip.Addr{first, found[other].Unmap()}, nil
}

func (p *pass) askNTS(ctx context.Context, source Source, to netip.AddrPort) (nts.Answer, error) {
	if p.rootsErr != nil {
		return nts.Answer{From: to}, p.rootsErr
	}
	server := nts.Server{
		KeyExchange: to, Name: source.Host, Roots: p.roots,
		Resolve: func(ctx context.Context, name string) (netip.Addr, error) {
			found, err := p.resolve(ctx, name)
			if err != nil {
				return netip.Addr{}, err
			}
			return found[0], nil
		},
	}
	return server.Ask(ctx, p.client)
}

// roots reads the authorities for nts://; nil means the system's.
func (a *Asker) roots() (*x509.CertPool, error) {
	if len(a.env.TrustFiles) == 0 || !slices.ContainsFunc(a.sources, func(s Source) bool { return s.NTS }) {
		return nil, nil
	}
	pool := x509.NewCertPool()
	for _, file := range a.env.TrustFiles {
		certificates, err := cafile.Certificates(file)
		if err != nil {
			return nil, err
		}
		for _, certificate := range certificates {
			pool.AddCert(certificate)
		}
	}
	return pool, nil
}

// unusable says why a reply gives no time to believe (RFC 5905, 11.2 and A.5.5.3).
func unusable(r ntp.Reply) error {
	switch {
	case r.Kiss != "" && !r.Timed():
		return errors.New(manners.Clause(r.Kiss))
	case !r.Synchronised() && r.Leap == ntp.NotSynchronised:
		return fmt.Errorf("is not synchronised (leap indicator 3, stratum %d)", r.Stratum)
	case !r.Synchronised():
		return fmt.Errorf("is not synchronised (stratum %d)", r.Stratum)
	case !r.Timed():
		return errors.New("answered without a time")
	case r.ReferenceTime.After(r.ServerTime.Add(maxAhead)):
		return fmt.Errorf("says that its clock was set at %s UTC, later than the time it gives", r.ReferenceTime.UTC().Format(time.DateTime))
	case r.RootDistance() > maxDistance:
		return fmt.Errorf("may be wrong by %v, which is more than %v", r.RootDistance().Round(time.Millisecond), maxDistance)
	}
	return nil
}

// clause says why a source did not answer, without its subject.
func (p *pass) clause(ctx context.Context, err error) error {
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	said := clean.Text(err.Error(), 300)
	switch {
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(ctx.Err(), context.DeadlineExceeded):
		return failure{fmt.Sprintf("did not answer within %v", p.env.Timeout), err}
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return failure{fmt.Sprintf("has a certificate that is not valid as of this machine's clock, %s UTC: %s",
			p.client.Now().UTC().Format(time.DateTime), said), err}
	case errors.As(err, &unknown), errors.As(err, &name), errors.As(err, &invalid):
		return failure{"has a certificate that is not to be trusted: " + said, err}
	case errors.Is(err, nts.ErrNotAuthenticated):
		return failure{"gave an answer that is not authenticated: " + said, err}
	case errors.Is(err, neterr.Refused):
		return failure{"does not listen there: " + said, err}
	}
	return failure{"could not be asked: " + said, err}
}

// failure is a clause fit to be shown, with its cause.
type failure struct {
	text  string
	cause error
}

func (f failure) Error() string { return f.text }
func (f failure) Unwrap() error { return f.cause }
