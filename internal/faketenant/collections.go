package faketenant

import (
	"net/http"
	"strconv"
)

func (t *Tenant) applications(w http.ResponseWriter, r *http.Request, d *Directory, appID string) {
	serveList(t, w, r, applicationListing(d, appID))
}

func (t *Tenant) application(w http.ResponseWriter, r *http.Request, d *Directory, appID string) {
	if app := t.namedApplication(w, r, d); app != nil {
		serveOne(t, w, r, applicationListing(d, appID), app)
	}
}

func (t *Tenant) namedApplication(w http.ResponseWriter, r *http.Request, d *Directory) *Application {
	id, appID := pathKey(r)
	app := d.applicationBy(id, appID)
	if app == nil {
		t.notFound(w, r, id+appID)
	}
	return app
}

func (t *Tenant) servicePrincipals(w http.ResponseWriter, r *http.Request, d *Directory, appID string) {
	serveList(t, w, r, servicePrincipalListing(d, appID))
}

func (t *Tenant) servicePrincipal(w http.ResponseWriter, r *http.Request, d *Directory, appID string) {
	if principal := t.namedServicePrincipal(w, r, d); principal != nil {
		serveOne(t, w, r, servicePrincipalListing(d, appID), principal)
	}
}

func (t *Tenant) namedServicePrincipal(w http.ResponseWriter, r *http.Request, d *Directory) *ServicePrincipal {
	id, appID := pathKey(r)
	principal := d.servicePrincipalBy(id, appID)
	if principal == nil {
		t.notFound(w, r, id+appID)
	}
	return principal
}

func applicationListing(d *Directory, caller string) listing[Application] {
	scratch := &scratch{}
	return listing[Application]{
		context: "applications",
		count:   d.applicationCount(),
		at:      func(i int) *Application { return d.applicationAt(i, scratch) },
		writer: objects[Application]{
			typeName:   "microsoft.graph.application",
			odataType:  func(a *Application) string { return a.ODataType },
			properties: applicationProperties,
			expansions: []property[Application]{
				{"owners", func(b []byte, a *Application) []byte { return d.appendOwners(b, a.OwnerIDs, caller) }},
				list("federatedIdentityCredentials", func(a *Application) []FederatedIdentityCredential {
					return a.FederatedIdentityCredentials[:min(len(a.FederatedIdentityCredentials), maxExpanded)]
				}, federatedProperties),
			},
		}.writer,
		filters: []string{ownerCount, "appId", "id", "displayName"},
		fits: func(a *Application, c condition) bool {
			switch c.property {
			case ownerCount:
				return strconv.Itoa(len(a.OwnerIDs)) == c.value
			case "appId":
				return a.AppID == c.value
			case "id":
				return a.ID == c.value
			default:
				return a.DisplayName == c.value
			}
		},
	}
}

func servicePrincipalListing(d *Directory, caller string) listing[ServicePrincipal] {
	return listing[ServicePrincipal]{
		context: "servicePrincipals",
		count:   len(d.ServicePrincipals),
		at:      func(i int) *ServicePrincipal { return &d.ServicePrincipals[i] },
		writer: objects[ServicePrincipal]{
			typeName:   "microsoft.graph.servicePrincipal",
			odataType:  untyped[ServicePrincipal],
			properties: servicePrincipalProperties,
			expansions: []property[ServicePrincipal]{
				{"owners", func(b []byte, p *ServicePrincipal) []byte { return d.appendOwners(b, p.OwnerIDs, caller) }},
			},
		}.writer,
		filters: []string{ownerCount, "appId", "id", "displayName", "servicePrincipalType"},
		fits: func(p *ServicePrincipal, c condition) bool {
			switch c.property {
			case ownerCount:
				return strconv.Itoa(len(p.OwnerIDs)) == c.value
			case "appId":
				return p.AppID == c.value
			case "id":
				return p.ID == c.value
			case "displayName":
				return p.DisplayName == c.value
			default:
				return p.ServicePrincipalType == c.value
			}
		},
	}
}

func (t *Tenant) federatedCredentials(w http.ResponseWriter, r *http.Request, d *Directory, _ string) {
	app := t.namedApplication(w, r, d)
	if app == nil {
		return
	}
	serveList(t, w, r, listing[FederatedIdentityCredential]{
		context: "applications('" + app.ID + "')/federatedIdentityCredentials",
		count:   len(app.FederatedIdentityCredentials),
		at:      func(i int) *FederatedIdentityCredential { return &app.FederatedIdentityCredentials[i] },
		writer: objects[FederatedIdentityCredential]{
			typeName:   "microsoft.graph.federatedIdentityCredential",
			odataType:  untyped[FederatedIdentityCredential],
			properties: federatedProperties,
		}.writer,
	})
}
