package remoteclock

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/watch"
)

// TLS says how a server proves who it is. A date from a server that does not prove it
// may come from anybody on the way.
type TLS struct {
	// Roots are the authorities to trust; nil means the system's.
	Roots *x509.CertPool
	// ServerName is what the certificate must name; empty means the host of the URL.
	ServerName string
	// Unverified takes any certificate. Details say so.
	Unverified bool
}

// certificateDates is the key in Details that says that the certificate was verified as
// of another time than now.
const certificateDates = "certificate_dates"

// verify checks the chain and the name as of now. Where the dates alone stand in the way
// it checks them as of the certificate's own validity, and notes it: a wrong clock, be it
// the host's or this machine's, trips exactly over dates.
func (t TLS) verify(state tls.ConnectionState, host string, now time.Time) (note string, err error) {
	leaf := state.PeerCertificates[0]
	options := x509.VerifyOptions{Roots: t.Roots, Intermediates: x509.NewCertPool(), DNSName: host, CurrentTime: now}
	for _, above := range state.PeerCertificates[1:] {
		options.Intermediates.AddCert(above)
	}
	_, err = leaf.Verify(options)
	if !datesAlone(err) {
		return "", untrusted(err)
	}
	for _, at := range []time.Time{leaf.NotAfter, leaf.NotBefore} {
		options.CurrentTime = at
		if _, err = leaf.Verify(options); err == nil {
			return fmt.Sprintf("valid from %s to %s, and verified as of then", stamp(leaf.NotBefore), stamp(leaf.NotAfter)), nil
		}
	}
	return "", untrusted(err)
}

func datesAlone(err error) bool {
	invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
	return ok && invalid.Reason == x509.Expired
}

// untrusted keeps the words of package x509, which repeat names out of the certificate.
func untrusted(err error) error {
	if err == nil {
		return nil
	}
	return &Failure{
		Reason: watch.HandshakeFailed,
		Err:    fmt.Errorf("the certificate cannot be verified: %s", clean.Text(err.Error(), maxQuoted)),
		Remedy: "Give the authority that issued it, or the name that it is for; a date from a server that cannot prove who it is may be anybody's.",
	}
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }
