package remoteclock

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"time"

	"lapsewatch/internal/certdates"
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

// certificateDates is the key in Details for the note of TLS.verify.
const certificateDates = certdates.Detail

// verify checks the chain and the name, and lets wrong dates alone pass with a note.
func (t TLS) verify(state tls.ConnectionState, host string, now time.Time) (note string, err error) {
	chain, err := certdates.Verify(state, t.Roots, host, now)
	if err != nil {
		return "", untrusted(err)
	}
	return chain.Note(), nil
}

// untrusted keeps the words of package x509, which repeat names out of the certificate.
func untrusted(err error) error {
	return &Failure{
		Reason: watch.HandshakeFailed,
		Err:    fmt.Errorf("the certificate cannot be verified: %s", clean.Text(err.Error(), maxQuoted)),
		Remedy: "Give the authority that issued it, or the name that it is for; a date from a server that cannot prove who it is may be anybody's.",
	}
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }
