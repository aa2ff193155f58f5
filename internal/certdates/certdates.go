// Package certdates verifies the certificates of servers that are asked for their time. A
// wrong clock, be it the server's or this machine's, trips exactly over dates, so that
// they alone are no reason to ask nothing. Signatures and names are verified as ever. The
// package looks up no revocation, and decides nothing: what the dates are worth is up to
// the caller.
package certdates

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// Detail is the key in details for Chain.Note.
const Detail = "certificate_dates"

// Chain is what a server has presented. Its signatures and its name are right.
type Chain struct {
	// Refusal is why its dates are not as of now, in the words of package x509, which
	// repeat what is in the certificate; nil if they are.
	Refusal error
	leaf    *x509.Certificate
	options x509.VerifyOptions
}

// Verify checks the chain of a connection and the name of its server, as of now; roots
// nil means the system's. Where the dates alone stand in the way it checks them as of the
// leaf's own validity, and keeps the refusal in the Chain.
func Verify(state tls.ConnectionState, roots *x509.CertPool, name string, now time.Time) (Chain, error) {
	if len(state.PeerCertificates) == 0 {
		return Chain{}, errors.New("the server has presented no certificate")
	}
	c := Chain{leaf: state.PeerCertificates[0], options: x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool(), DNSName: name}}
	for _, above := range state.PeerCertificates[1:] {
		c.options.Intermediates.AddCert(above)
	}
	err := c.ValidAt(now)
	if err == nil {
		return c, nil
	}
	if !datesAlone(err) {
		return Chain{}, err
	}
	c.Refusal = err
	// Not both: an authority may have been made after its leaf, or end before it.
	for _, at := range []time.Time{c.leaf.NotAfter, c.leaf.NotBefore} {
		if err = c.ValidAt(at); err == nil {
			return c, nil
		}
	}
	if datesAlone(err) {
		err = c.Refusal
	}
	return Chain{}, err
}

// ValidAt checks all of the chain as of another time.
func (c Chain) ValidAt(at time.Time) error {
	options := c.options
	options.CurrentTime = at
	_, err := c.leaf.Verify(options)
	return err
}

// Note says that the chain was verified as of its own validity (UTC); empty if its dates
// are right.
func (c Chain) Note() string {
	if c.Refusal == nil {
		return ""
	}
	return fmt.Sprintf("valid from %s to %s, and verified as of then", stamp(c.leaf.NotBefore), stamp(c.leaf.NotAfter))
}

func datesAlone(err error) bool {
	invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
	return ok && invalid.Reason == x509.Expired
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }
