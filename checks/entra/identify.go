package entra

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"lapsewatch/internal/clean"
	"lapsewatch/watch"
)

const (
	maxNameRunes   = 120
	maxDetailRunes = 256
)

// unidentified stands for the key ID that an item does not have.
const unidentified = "without-key-id"

// identify gives each item the part of its subject's ID that stands behind the
// application's. Items that share a key ID are numbered in the order of what they are,
// not in that of the list, which may change from pass to pass.
func (h *holder) identify() {
	for i := range h.items {
		it := &h.items[i]
		it.identity = cmp.Or(it.keyID, unidentified)
		it.id = it.identity
		switch {
		case it.form == watch.SigningCertificate:
			if it.thumbprint != "" {
				it.id, it.identity = it.thumbprint, "sha1:"+it.thumbprint
			}
			it.id = "saml/" + it.id
		case it.form == watch.FederatedCredential:
			it.id = "federated/" + it.id
		case h.principal:
			it.id = "sp/" + it.id
		}
	}
	if !h.sharesIDs() {
		return
	}
	slices.SortStableFunc(h.items, compareItems)
	seen := make(map[string]int, len(h.items))
	for i := range h.items {
		id := h.items[i].id
		seen[id]++
		if seen[id] > 1 {
			h.items[i].id += "#" + strconv.Itoa(seen[id])
		}
	}
}

func (h *holder) sharesIDs() bool {
	for i := range h.items {
		for j := range i {
			if h.items[i].id == h.items[j].id {
				return true
			}
		}
	}
	return false
}

func compareItems(a, b item) int {
	return cmp.Or(cmp.Compare(a.form, b.form), a.start.Compare(b.start), a.end.Compare(b.end),
		cmp.Compare(a.hint, b.hint), cmp.Compare(a.name, b.name), cmp.Compare(a.custom, b.custom))
}

// subjectID is unique within the check. It holds no text that a person chose.
func (h *holder) subjectID(tenant string, i *item) string {
	return tenant + "/" + h.appID + "/" + i.id
}

// displayName is the holder's name, fit to be shown.
func (h *holder) displayName() string {
	if name := strings.TrimSpace(clean.Text(h.name, maxNameRunes)); name != "" {
		return name
	}
	return "application " + h.appID
}

// itemName tells an item from the others of its holder, in words fit to be shown.
func (h *holder) itemName(i *item) string {
	given := strings.TrimSpace(clean.Text(i.name, maxNameRunes))
	kind := itemKind(i)
	switch {
	case i.form == watch.SigningCertificate && given != "":
		return kind + " " + given + " (" + abbreviated(i.thumbprint, i.keyID) + ")"
	case i.form == watch.SigningCertificate:
		return kind + " " + abbreviated(i.thumbprint, i.keyID)
	case given == "" && i.hint != "":
		return kind + " " + clean.Text(i.hint, len("abc")) + "…"
	case given == "":
		return kind + " " + abbreviated(i.keyID, i.thumbprint)
	case h.sharesName(i):
		return kind + " " + given + " (" + abbreviated(i.keyID, i.thumbprint) + ")"
	default:
		return kind + " " + given
	}
}

func itemKind(i *item) string {
	switch {
	case i.form == watch.ClientSecret:
		return "secret"
	case i.form == watch.SigningCertificate:
		return "SAML certificate"
	case i.form == watch.FederatedCredential:
		return "federated credential"
	case strings.EqualFold(i.usage, usageEncrypt):
		return "token encryption certificate"
	default:
		return "certificate"
	}
}

func (h *holder) sharesName(i *item) bool {
	for j := range h.items {
		if other := &h.items[j]; other != i && other.name == i.name && other.form == i.form {
			return true
		}
	}
	return false
}

// abbreviated is the beginning of the first that is set, as people compare it on screens.
func abbreviated(ids ...string) string {
	id := cmp.Or(ids...)
	if len(id) > 8 {
		return id[:8] + "…"
	}
	return cmp.Or(id, "without an ID")
}
