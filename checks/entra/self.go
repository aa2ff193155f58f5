package entra

import (
	"encoding/hex"
	"fmt"
	"strings"

	"lapsewatch/internal/msgraph"
	"lapsewatch/watch"
)

// isSelf: Lapsewatch signs in as this application or service principal.
func (p *pass) isSelf(h *holder) bool { return strings.EqualFold(h.appID, p.identity.ClientID) }

// keepsCredential: the sign-in has a credential of its own that lapses.
func (p *pass) keepsCredential() bool {
	return p.identity.Method == msgraph.ClientSecret || p.identity.Method == msgraph.ClientCert
}

// markSelf finds what Lapsewatch itself signs in with. Of secrets, Graph tells three
// characters; where several begin with them, any may be it.
func (p *pass) markSelf(h *holder) {
	if !p.isSelf(h) || !p.keepsCredential() {
		return
	}
	own, err := p.client.OwnKey()
	if err != nil {
		p.remark("the credential that Lapsewatch signs in with was not looked for: " + err.Error())
		return
	}
	p.mark(h, func(i *item) bool {
		return i.form == watch.ClientSecret && own.HasHint(i.hint) || i.form == watch.ClientCertificate && own.HasThumbprint(i.identifier())
	})
	if !p.counts.selfFound && p.identity.Method == msgraph.ClientSecret {
		// Older secrets have no hint: any of them may be it.
		p.mark(h, func(i *item) bool { return i.form == watch.ClientSecret && i.hint == "" })
	}
}

func (p *pass) mark(h *holder, is func(*item) bool) {
	for i := range h.items {
		if it := &h.items[i]; is(it) {
			it.self = true
			p.counts.selfFound = true
		}
	}
}

// identifier is the customKeyIdentifier as bytes, also where it was written as text.
func (i *item) identifier() []byte {
	if decoded, err := hex.DecodeString(i.thumbprint); err == nil && len(decoded) > 0 {
		return decoded
	}
	return []byte(i.custom)
}

// missOwn tells of an own credential that is not among what was listed: of a certificate
// the end is known all the same.
func (p *pass) missOwn() {
	if p.identity.Method == msgraph.DefaultChain {
		p.remark("what sign_in: default signs in with is not known here, so that its end is not told earlier: name the method in sign_in")
	}
	if !p.keepsCredential() || p.counts.selfFound || p.unlisted[listApplications] {
		return
	}
	p.remark(fmt.Sprintf("the %s that Lapsewatch itself signs in with was not found at application %s in this tenant", ownName(p.identity.Method), guid(p.identity.ClientID)))
	own, err := p.client.OwnKey()
	if err != nil || own.NotAfter.IsZero() {
		return
	}
	client := guid(p.identity.ClientID)
	p.sink(watch.Credential{
		Subject: watch.Subject{
			ID: p.tenant + "/" + client + "/own-certificate", Name: "the certificate that Lapsewatch signs in with",
			Owners: p.options.FallbackOwners, Labels: map[string]string{"tenant": p.tenant, "app_id": client, "self": "true"},
		},
		Form: watch.ClientCertificate, Identity: "until:" + dateOf(own.NotAfter), NotBefore: own.NotBefore, NotAfter: own.NotAfter, Self: true,
		Remedy: "Make a new certificate, add it to the application that Lapsewatch signs in as, and put it where this check's options refer to.",
	})
}

func ownName(method msgraph.Method) string {
	if method == msgraph.ClientCert {
		return "certificate"
	}
	return "secret"
}

// tenantID is the tenant's ID as the token tells it, since the options may have a domain.
func tenantID(identity msgraph.Identity, options msgraph.SignIn) string {
	if id := guid(identity.TenantID); id != "" {
		return id
	}
	return strings.ToLower(options.Tenant)
}
