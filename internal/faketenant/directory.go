package faketenant

import "slices"

// Directory is what the tenant holds: objects made by hand and, after them, generated
// applications.
type Directory struct {
	DisplayName       string
	Applications      []Application
	ServicePrincipals []ServicePrincipal
	Users             []User
	SignIns           []CredentialSignIn
	// Grants are the application permissions (Application.Read.All, …) that an
	// administrator consented to, by appId.
	Grants map[string][]string
	// Policy is null where nobody has made one; Entra then answers with a disabled one.
	Policy *ManagementPolicy
	// WithoutPremium is a tenant without Entra ID P1 or P2, which has no reports of sign-ins.
	WithoutPremium bool
	// Generated applications follow those made by hand.
	Generated Generated
}

func (d *Directory) clone() Directory {
	fresh := *d
	fresh.Applications = slices.Clone(d.Applications)
	fresh.ServicePrincipals = slices.Clone(d.ServicePrincipals)
	fresh.Users = slices.Clone(d.Users)
	fresh.SignIns = slices.Clone(d.SignIns)
	fresh.Grants = make(map[string][]string, len(d.Grants))
	for app, permissions := range d.Grants {
		fresh.Grants[app] = slices.Clone(permissions)
	}
	return fresh
}

// Grant gives permissions to the application of that appId, at once.
func (t *Tenant) Grant(appID string, permissions ...string) {
	t.Change(func(d *Directory) { d.Grants[appID] = append(d.Grants[appID], permissions...) })
}

// Revoke takes permissions from the application of that appId, at once.
func (t *Tenant) Revoke(appID string, permissions ...string) {
	t.Change(func(d *Directory) {
		d.Grants[appID] = slices.DeleteFunc(d.Grants[appID], func(has string) bool { return slices.Contains(permissions, has) })
	})
}

func (d *Directory) granted(appID string, anyOf []string) bool {
	return len(anyOf) == 0 || slices.ContainsFunc(d.Grants[appID], func(has string) bool { return slices.Contains(anyOf, has) })
}

func (d *Directory) applicationCount() int { return len(d.Applications) + d.Generated.Applications }

// applicationAt reads application i. The result may share memory with scratch, and is
// good until scratch is used again.
func (d *Directory) applicationAt(i int, scratch *scratch) *Application {
	if i < len(d.Applications) {
		return &d.Applications[i]
	}
	return d.Generated.application(i-len(d.Applications), scratch)
}

// applicationBy finds an application by its object id or its appId.
func (d *Directory) applicationBy(id, appID string) *Application {
	for i := range d.Applications {
		if has := &d.Applications[i]; same(id, has.ID) || same(appID, has.AppID) {
			return has
		}
	}
	if i, ok := d.Generated.index(id, appID); ok {
		return d.Generated.application(i, &scratch{})
	}
	return nil
}

func (d *Directory) servicePrincipalBy(id, appID string) *ServicePrincipal {
	for i := range d.ServicePrincipals {
		if has := &d.ServicePrincipals[i]; same(id, has.ID) || same(appID, has.AppID) {
			return has
		}
	}
	return nil
}

func (d *Directory) user(id string) *User {
	for i := range d.Users {
		if same(id, d.Users[i].ID) {
			return &d.Users[i]
		}
	}
	return d.Generated.user(id)
}

func same(wanted, has string) bool { return wanted != "" && wanted == has }
