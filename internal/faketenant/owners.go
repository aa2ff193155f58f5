package faketenant

import (
	"net/http"
	"slices"
)

// owner is a directory object: a user or a service principal.
type owner struct {
	user      *User
	principal *ServicePrincipal
}

func (d *Directory) owner(id string) (owner, bool) {
	if user := d.user(id); user != nil {
		return owner{user: user}, true
	}
	principal := d.servicePrincipalBy(id, "")
	return owner{principal: principal}, principal != nil
}

// ownerWriter writes owners of either type, with the properties of theirs that are
// selected. Of a user it gives nothing but the id to callers who may not read users, and
// no other mails to those who may read the basics only.
func (d *Directory) ownerWriter(caller string, selected []string) func([]byte, *owner) []byte {
	users, principals := known(userProperties, selected), known(ownerPrincipalProperties, selected)
	all := d.granted(caller, []string{"User.Read.All", "Directory.Read.All"})
	basics := all || d.granted(caller, []string{"User.ReadBasic.All"})
	return func(b []byte, of *owner) []byte {
		if of.principal != nil {
			return appendObject(b, "#microsoft.graph.servicePrincipal", of.principal, principals)
		}
		visible := User{ID: of.user.ID}
		if basics {
			visible = *of.user
		}
		if !all {
			visible.OtherMails = nil
		}
		return appendObject(b, "#microsoft.graph.user", &visible, users)
	}
}

// known keeps the selected properties that the type has: another type of owner may have
// the rest.
func known[T any](all []property[T], selected []string) []property[T] {
	if len(selected) == 0 {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(p property[T]) bool { return !slices.Contains(selected, p.name) })
}

var ownerPrincipalProperties = []property[ServicePrincipal]{
	text("id", func(p *ServicePrincipal) string { return p.ID }),
	text("appId", func(p *ServicePrincipal) string { return p.AppID }),
	text("displayName", func(p *ServicePrincipal) string { return p.DisplayName }),
	text("servicePrincipalType", typeOf),
}

// owners are those of ids that the directory holds: one deleted owns nothing.
func (d *Directory) owners(ids []string) []owner {
	var owners []owner
	for _, id := range ids {
		if found, ok := d.owner(id); ok {
			owners = append(owners, found)
		}
	}
	return owners
}

func (d *Directory) appendOwners(b []byte, ids []string, caller string) []byte {
	owners, appendOne := d.owners(ids), d.ownerWriter(caller, nil)
	return appendList(b, owners[:min(len(owners), maxExpanded)], func(b []byte, of owner) []byte { return appendOne(b, &of) })
}

func (t *Tenant) applicationOwners(w http.ResponseWriter, r *http.Request, d *Directory, caller string) {
	if app := t.namedApplication(w, r, d); app != nil {
		t.serveOwners(w, r, d, app.OwnerIDs, caller)
	}
}

func (t *Tenant) servicePrincipalOwners(w http.ResponseWriter, r *http.Request, d *Directory, caller string) {
	if principal := t.namedServicePrincipal(w, r, d); principal != nil {
		t.serveOwners(w, r, d, principal.OwnerIDs, caller)
	}
}

func (t *Tenant) serveOwners(w http.ResponseWriter, r *http.Request, d *Directory, ids []string, caller string) {
	owners := d.owners(ids)
	serveList(t, w, r, listing[owner]{
		context: "directoryObjects",
		count:   len(owners),
		at:      func(i int) *owner { return &owners[i] },
		writer: func(q query) (func([]byte, *owner) []byte, error) {
			return d.ownerWriter(caller, q.selected), nil
		},
	})
}
