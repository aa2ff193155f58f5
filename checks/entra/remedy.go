package entra

import (
	"fmt"
	"strings"
	"time"

	"lapsewatch/watch"
)

// remedy says what to do about an item, with commands to copy. Commands hold GUIDs,
// hexadecimal, dates and constants, never a name that somebody chose.
func (d *describer) remedy(h *holder, i *item, fact *watch.Credential) string {
	switch {
	case i.form == watch.FederatedCredential:
		return ""
	case i.rotated != notRotated:
		return "Microsoft rotates it by itself: look at why that has not happened (Entra Connect, the private network connector, the identity's resource), and do not replace it by hand."
	case i.self:
		return d.signedIn(fmt.Sprintf("%s Put it where this check's options refer to: Lapsewatch itself signs in with it. Once `lapsewatch config check --online` says ok, delete the old one: %s.", d.renew(h, i, beside), deletion(h, i)))
	case d.toRemove(fact):
		return d.signedIn(d.remove(h, i))
	case i.form == watch.SigningCertificate:
		return d.signedIn(d.rollOver(h, i))
	case strings.EqualFold(i.usage, usageEncrypt):
		return "Upload a new certificate for the encryption of tokens on this page, make it the active one, and delete this one once the application can decrypt with the new one."
	case fact.Replacement != nil:
		return d.signedIn(fmt.Sprintf("Let whatever still signs in with this one use the newer one. %s Then delete this one: %s.", d.renew(h, i, another), deletion(h, i)))
	default:
		return d.signedIn(fmt.Sprintf("%s Let whatever signs in with the old one use it. Then delete the old one: %s.", d.renew(h, i, beside), deletion(h, i)))
	}
}

// signedIn puts before the steps who may take them, and where.
func (d *describer) signedIn(steps string) string {
	cloud := ""
	if name := azureClouds[d.options.Cloud]; name != "" {
		cloud = "choose the cloud, `az cloud set --name " + name + "`, and "
	}
	return fmt.Sprintf("As an owner of the application or a Cloud Application Administrator, %ssign in: `az login --tenant %s --allow-no-subscriptions`. %s", cloud, d.tenant, steps)
}

// toRemove: nothing needs the credential, as far as is known.
func (d *describer) toRemove(fact *watch.Credential) bool {
	lapsed := !fact.LeftOverFrom.IsZero() && !d.now.Before(fact.LeftOverFrom)
	return lapsed && fact.Use.State != watch.InUse || fact.Use.State == watch.Unusable ||
		fact.Use.State == watch.Unused && fact.Replacement != nil
}

// target is how the Azure CLI is told of the holder.
func target(h *holder) string {
	if h.principal {
		return "--id " + h.objectID
	}
	return "--id " + h.appID
}

func command(h *holder, action string) string {
	if h.principal {
		return "az ad sp credential " + action
	}
	return "az ad app credential " + action
}

// How a new credential is made: beside one that nothing can replace yet, or once more
// because nobody has the newer one at hand.
const (
	beside  = "Make a new %s beside it: %s."
	another = "If nobody has that %s any more (it cannot be read again), make another: %s."
)

// renew makes a new credential beside the old one. --append comes first: without it the
// command removes every credential that the holder has, and a line may be cut off.
func (d *describer) renew(h *holder, i *item, how string) string {
	reset := command(h, "reset --append") + " " + target(h)
	if i.form == watch.ClientSecret {
		return fmt.Sprintf(how, "secret", fmt.Sprintf("`%s %s --display-name rotated-%s`", reset, d.lasting(h, i), d.now.UTC().Format(time.DateOnly)))
	}
	return fmt.Sprintf(how, "certificate", "save its public part as new.pem, then `"+reset+" --cert @new.pem`")
}

// lasting is the life of a new secret: a year, or what the limit allows of it.
func (d *describer) lasting(h *holder, i *item) string {
	if longest, _ := d.limit(h, i); longest < 366*day {
		return "--end-date " + dateOf(d.now.Add(longest))
	}
	return "--years 1"
}

// deletion is the command in back-ticks, or words where the service gave no key ID.
func deletion(h *holder, i *item) string {
	if i.keyID == "" {
		return "on the page that the link leads to"
	}
	line := command(h, "delete") + " " + target(h) + " --key-id " + i.keyID
	if i.form == watch.ClientCertificate {
		line += " --cert"
	}
	return "`" + line + "`"
}

func (d *describer) remove(h *holder, i *item) string {
	switch {
	case i.form == watch.SigningCertificate:
		return "Delete it on the page that the link leads to, unless it is meant to become the active one."
	case h.unusable != "":
		return "Delete it, or renew it before its application is enabled again: " + deletion(h, i) + "."
	default:
		return "Delete it: " + deletion(h, i) + "."
	}
}

// rollOver is the way of a SAML certificate: what trusts it has to learn of the new one
// before that signs.
func (d *describer) rollOver(h *holder, i *item) string {
	resource := d.graph + "/servicePrincipals/" + h.objectID
	made, thumbprint := fmt.Sprintf("Make a new signing certificate: `az rest --method post --url %s/addTokenSigningCertificate --body '{\"displayName\":\"CN=lapsewatch-%s\"}'`. ", resource, d.now.UTC().Format("200601")), "THUMBPRINT"
	for at := range h.items {
		if &h.items[at] != i {
			continue
		}
		if next := h.successor(at); next != nil && next.thumbprint != "" {
			made, thumbprint = "", strings.ToUpper(next.thumbprint)
		}
	}
	return made + fmt.Sprintf("Let the application trust the new certificate, then make it the active one in a maintenance window: `az rest --method patch --url %s --body '{\"preferredTokenSigningKeyThumbprint\":\"%s\"}'`.", resource, thumbprint)
}
