package estate

import (
	"crypto/tls"
	"fmt"
	"sync/atomic"
	"time"

	"lapsewatch/internal/pki"
)

// site is one TLS server of the estate.
type site struct {
	host, story string
	certificate func(a *authority, host string) (pki.Pair, error)
	configure   func(config *tls.Config)
}

// RenewedHost is the site with the most urgent certificate that still works.
const RenewedHost = "pay.estate.example"

const (
	splitHost = "cdn.estate.example"
	domain    = ".estate.example"
)

// issued is a certificate of the estate's issuing CA, of so many days' life.
func issued(life, days int) func(*authority, string) (pki.Pair, error) {
	return func(a *authority, host string) (pki.Pair, error) { return a.issuing.Issue(a.spec(life, days, host)) }
}

func selfSigned(a *authority, host string) (pki.Pair, error) {
	return pki.SelfSigned(a.yearly(200, host))
}

func notYetValid(a *authority, host string) (pki.Pair, error) {
	spec := a.yearly(365, host)
	spec.NotBefore = a.inDays(2)
	return a.issuing.Issue(spec)
}

func forAnotherName(a *authority, _ string) (pki.Pair, error) {
	return a.issuing.Issue(a.yearly(200, "staging"+domain))
}

func withoutIntermediate(a *authority, host string) (pki.Pair, error) {
	pair, err := a.issuing.Issue(a.yearly(200, host))
	if err == nil {
		pair.Chain = pair.Chain[:1]
	}
	return pair, err
}

func withExpiredCrossSign(a *authority, host string) (pki.Pair, error) {
	pair, err := a.issuing.Issue(a.yearly(200, host))
	pair.Chain = append(pair.Chain, a.crossSign.Cert)
	return pair, err
}

func onlyTLS10(config *tls.Config) {
	config.MinVersion, config.MaxVersion = tls.VersionTLS10, tls.VersionTLS10
}

func clientCertificateOverTLS12(config *tls.Config) {
	config.MaxVersion, config.ClientAuth = tls.VersionTLS12, tls.RequireAnyClientCert
}

// sites lists the TLS servers by how well they are.
func sites() []site {
	return []site{
		{host: "shop" + domain, story: "is good for another 80 days", certificate: issued(365, 80)},
		{host: "api" + domain, story: "is renewed every few days by a machine, on time", certificate: issued(7, 4)},
		{host: "controller" + domain, story: "speaks nothing newer than TLS 1.0", certificate: issued(365, 150), configure: onlyTLS10},
		{host: "partner" + domain, story: "asks its clients for a certificate", certificate: issued(365, 150), configure: clientCertificateOverTLS12},
		{host: "intranet" + domain, story: "expires in 20 days", certificate: issued(365, 20)},
		{host: "blog" + domain, story: "should have been renewed by its machine already", certificate: issued(47, 9)},
		{host: RenewedHost, story: "expires in 3 days", certificate: issued(365, 3)},
		{host: "wiki" + domain, story: "expired yesterday", certificate: issued(365, -1)},
		{host: "launch" + domain, story: "is not valid yet", certificate: notYetValid},
		{host: "printer" + domain, story: "signed its certificate itself", certificate: selfSigned},
		{host: "www" + domain, story: "shows a certificate for another name", certificate: forAnotherName},
		{host: "erp" + domain, story: "forgets to send the intermediate certificate", certificate: withoutIntermediate},
		{host: "archive" + domain, story: "still sends a cross-signed certificate that has expired", certificate: withExpiredCrossSign},
	}
}

func (e *Estate) openSites() error {
	for _, s := range sites() {
		if err := e.openSite(s); err != nil {
			return fmt.Errorf("open %s: %w", s.host, err)
		}
	}
	return e.openSplitSite()
}

func (e *Estate) openSite(s site) error {
	pair, err := s.certificate(e.authority, s.host)
	if err != nil {
		return err
	}
	config := e.tlsConfig(s.host, pair)
	if s.configure != nil {
		s.configure(config)
	}
	return e.open(Endpoint{Host: s.host, Story: s.story}, []string{"127.0.0.1"}, tlsOnly(config))
}

// tlsConfig serves a certificate that Renew can replace while the server runs.
func (e *Estate) tlsConfig(host string, pair pki.Pair) *tls.Config {
	certificate := pair.TLS()
	current := new(atomic.Pointer[tls.Certificate])
	current.Store(&certificate)
	e.served[host] = current
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return current.Load(), nil },
	}
}

// openSplitSite opens one name with two addresses, one of which was forgotten when the
// certificate was renewed.
func (e *Estate) openSplitSite() error {
	renewed, err := e.authority.issuing.Issue(e.authority.yearly(120, splitHost))
	if err != nil {
		return err
	}
	forgotten, err := e.authority.issuing.Issue(e.authority.yearly(25, splitHost))
	if err != nil {
		return err
	}
	fresh := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{renewed.TLS()}}
	stale := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{forgotten.TLS()}}
	endpoint := Endpoint{Host: splitHost, Story: "serves an old certificate at one of its two addresses"}
	return e.openPair(endpoint, tlsOnly(fresh), tlsOnly(stale))
}

// handshakeLimit ends a visit that does not get anywhere.
const handshakeLimit = 10 * time.Second
