package entra

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"lapsewatch/internal/clean"
	"lapsewatch/watch"
)

// owner is a directory object that owns a holder.
type owner struct {
	id        string
	name      string
	mail      string
	principal bool
	// mute: Entra told the user's ID and nothing else, which is what it does without a
	// permission to read users.
	mute bool
}

func ownerOf(object models.DirectoryObjectable) owner {
	found := owner{id: guid(deref(object.GetId()))}
	switch object := object.(type) {
	case models.Userable:
		found.name = cmp.Or(deref(object.GetDisplayName()), deref(object.GetUserPrincipalName()))
		found.mail = plainAddress(deref(object.GetMail()))
		for _, other := range object.GetOtherMails() {
			found.mail = cmp.Or(found.mail, plainAddress(other))
		}
		found.mute = found.name == "" && found.mail == ""
	case models.ServicePrincipalable:
		found.name, found.principal = deref(object.GetDisplayName()), true
	}
	return found
}

// shownName is fit to be shown.
func (o owner) shownName() string {
	if name := strings.TrimSpace(clean.Text(o.name, maxNameRunes)); name != "" {
		return name
	}
	return cmp.Or(o.id, "unnamed")
}

// ownership is who owns a holder, as far as it could be found out.
type ownership struct {
	asked  bool
	owners []owner
	// gone: the holder was deleted after it had been listed.
	gone bool
	// failed says why the owners could not be read; empty if they could.
	failed string
}

// none: it is certain that nobody owns the holder.
func (o ownership) none() bool { return o.asked && !o.gone && o.failed == "" && len(o.owners) == 0 }

func (o ownership) mails() []string {
	var mails []string
	for _, one := range o.owners {
		if one.mail != "" {
			mails = append(mails, one.mail)
		}
	}
	return mails
}

// names of the owners that a filter lets pass.
func (o ownership) names(which func(owner) bool) []string {
	var names []string
	for _, one := range o.owners {
		if which(one) && len(names) < maxListed {
			names = append(names, one.shownName())
		}
	}
	return names
}

// route is who is told about a holder, from the first source that knows anybody: its
// owners in Entra, what is written on it, the configured rules, the fallback. The last
// is for holders of which it is certain, or could not be found out, that they have no
// owner who can be reached.
func (d *describer) route(h *holder, from ownership, known bool) []string {
	told := from.mails()
	for _, address := range h.notify {
		if address = plainAddress(address); address != "" {
			told = append(told, address)
		}
	}
	if len(told) == 0 {
		told = h.noted()
	}
	if len(told) == 0 {
		told = d.configured(h)
	}
	if len(told) == 0 && known {
		told = d.options.FallbackOwners
	}
	return distinct(told)
}

func (d *describer) configured(h *holder) []string {
	for _, rule := range d.options.Owners {
		if rule.matches(h) {
			return rule.To
		}
	}
	return nil
}

// orphaned says that nobody owns the holder, and who is told in place of an owner.
func (d *describer) orphaned(h *holder, told []string) watch.Observation {
	whose := "belongs to an application"
	if h.principal {
		whose = "belongs to a service principal"
	}
	text := whose + " that has no owner in Entra, and nobody else is configured: there is nobody to tell"
	if len(told) > 0 {
		text = fmt.Sprintf("%s that has no owner in Entra; in place of one it is assigned to %s", whose, strings.Join(told, ", "))
	}
	remedy := d.signedIn("Name two people who answer for it on this page (Owners).")
	if !h.principal {
		remedy = d.signedIn(fmt.Sprintf("Name two people who answer for it: `az ad app owner add --id %s --owner-object-id OBJECT-ID-OF-A-USER`.", h.appID))
	}
	return watch.Observation{Reason: watch.NoOwner, Text: text, Remedy: remedy}
}

// mayRotate is who can renew a credential: its owners, and two roles of the directory.
func mayRotate(from ownership) []string {
	return append(from.names(func(owner) bool { return true }), "Application Administrator", "Cloud Application Administrator")
}

// addOwners completes a fact with who is told of it and who may act.
func (d *describer) addOwners(fact *watch.Credential, h *holder, from ownership) {
	fact.Subject.Owners = d.route(h, from, from.asked)
	if from.none() && len(h.notify) == 0 {
		fact.Observations = append(fact.Observations, d.orphaned(h, fact.Subject.Owners))
	}
	if !from.asked {
		return
	}
	fact.Details["may_rotate"] = mayRotate(from)
	if silent := from.names(func(o owner) bool { return o.mail == "" }); len(silent) > 0 {
		fact.Details["owners_without_mail"] = silent
	}
	switch {
	case from.gone:
		fact.Details["deleted"] = "the " + fact.Details["holder"].(string) + " was deleted while this pass was under way"
	case from.failed != "":
		fact.Details["owners_unknown"] = from.failed
	}
}
