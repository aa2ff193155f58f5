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
	for i := range h.items {
		it := &h.items[i]
		if it.form == watch.ClientSecret && own.HasHint(it.hint) || it.form == watch.ClientCertificate && own.HasThumbprint(it.identifier()) {
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

// remarkOnSelf says that the own credential is not among what was listed.
func (p *pass) remarkOnSelf() {
	if !p.keepsCredential() || p.counts.selfFound || p.unlisted[listApplications] {
		return
	}
	text := fmt.Sprintf("the %s that Lapsewatch itself signs in with was not found at application %s in this tenant, so that its end is not watched here", ownName(p.identity.Method), guid(p.identity.ClientID))
	if own, err := p.client.OwnKey(); err == nil && !own.NotAfter.IsZero() {
		text += "; the certificate itself ends on " + dateOf(own.NotAfter)
	}
	p.remark(text)
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
