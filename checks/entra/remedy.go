package entra

import (
	"fmt"
	"strings"

	"lapsewatch/watch"
)

// remedy says what to do about an item, with commands to copy. Commands hold GUIDs,
// hexadecimal and constants, never a name that somebody chose.
func (d *describer) remedy(h *holder, i *item, fact *watch.Credential) string {
	switch {
	case i.form == watch.FederatedCredential:
		return ""
	case i.self:
		return fmt.Sprintf("%s Put it where this check's options refer to: Lapsewatch itself signs in with it. Once `lapsewatch config check --online` says ok, delete the old one: %s.", d.renew(h, i), deletion(h, i))
	case d.toRemove(fact):
		return d.remove(h, i)
	case i.form == watch.SigningCertificate:
		return d.rollOver(h, i)
	case strings.EqualFold(i.usage, usageEncrypt):
		return "Upload a new certificate for the encryption of tokens on this page, make it the active one, and delete this one once the application can decrypt with the new one."
	case fact.Replacement != nil:
		return fmt.Sprintf("Let whatever still signs in with this one use the newer one. If nobody has that any more, make another: %s Then delete this one: %s.", d.renew(h, i), deletion(h, i))
	default:
		return fmt.Sprintf("%s Hand it to whatever signs in with the old one. Then delete the old one: %s.", d.renew(h, i), deletion(h, i))
	}
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

// renew makes a new credential beside the old one. --append comes first: without it the
// command removes every credential that the holder has, and a line may be cut off.
func (d *describer) renew(h *holder, i *item) string {
	reset := command(h, "reset --append") + " " + target(h)
	if i.form == watch.ClientSecret {
		return fmt.Sprintf("Make a new secret beside it: `%s --years 1 --display-name lapsewatch-%s`.", reset, d.now.UTC().Format("200601"))
	}
	return fmt.Sprintf("Add a new certificate beside it: `%s --cert @new.pem`.", reset)
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
	made, print := fmt.Sprintf("Make a new signing certificate: `az rest --method post --url %s/addTokenSigningCertificate --body '{\"displayName\":\"CN=lapsewatch-%s\"}'`. ", resource, d.now.UTC().Format("200601")), "THUMBPRINT"
	for at := range h.items {
		if &h.items[at] != i {
			continue
		}
		if next := h.successor(at); next != nil && next.thumbprint != "" {
			made, print = "", strings.ToUpper(next.thumbprint)
		}
	}
	return made + fmt.Sprintf("Let the application trust the new certificate, then make it the active one in a maintenance window: `az rest --method patch --url %s --body '{\"preferredTokenSigningKeyThumbprint\":\"%s\"}'`.", resource, print)
}
