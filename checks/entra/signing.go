package entra

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"lapsewatch/watch"
)

// gatherSigning makes one item of the objects that one SAML signing certificate consists
// of: a Sign key, a Verify key and the password of the private key, which share their
// customKeyIdentifier, or at least the keyId. Everything else stays as it is.
func (h *holder) gatherSigning(now time.Time) {
	leads := func(i *item) bool {
		return i.form == watch.ClientCertificate && (strings.EqualFold(i.usage, usageSign) ||
			i.thumbprint != "" && i.thumbprint == h.activeThumbprint || h.samlMode && h.hasPassword(i))
	}
	if !slices.ContainsFunc(h.items, func(i item) bool { return leads(&i) }) {
		return
	}
	var signing, others []item
	partOfOne := func(i *item) bool {
		return slices.ContainsFunc(signing, func(g item) bool {
			return g.custom != "" && g.custom == i.custom || g.keyID != "" && g.keyID == i.keyID
		})
	}
	for _, candidate := range h.items {
		if leads(&candidate) && !partOfOne(&candidate) {
			candidate.form = watch.SigningCertificate
			signing = append(signing, candidate)
		}
	}
	for _, candidate := range h.items {
		if !partOfOne(&candidate) || strings.EqualFold(candidate.usage, usageEncrypt) {
			others = append(others, candidate)
		}
	}
	h.items = append(slices.Clone(signing), others...)
	h.settleStanding(h.items[:len(signing)], now)
}

// hasPassword: a password opens the private key of the certificate, which only signing
// certificates have.
func (h *holder) hasPassword(certificate *item) bool {
	return certificate.custom != "" && slices.ContainsFunc(h.items, func(i item) bool {
		return i.form == watch.ClientSecret && i.custom == certificate.custom
	})
}

// settleStanding finds out which of the certificates signs. Once the active one has
// expired, Entra takes a valid one by itself.
func (h *holder) settleStanding(signing []item, now time.Time) {
	at := slices.IndexFunc(signing, func(i item) bool { return i.thumbprint != "" && i.thumbprint == h.activeThumbprint })
	if at < 0 {
		return
	}
	lapsed := !signing[at].endless() && signing[at].end.Before(now)
	for i := range signing {
		switch {
		case i == at:
			signing[i].standing = active
		case lapsed && signing[i].valid(now):
			signing[i].standing = steppedIn
		default:
			signing[i].standing = inactive
		}
	}
}

// keepWanted takes away what the options do not want of a service principal.
func (h *holder) keepWanted(options *Options) {
	h.items = slices.DeleteFunc(h.items, func(i item) bool {
		if i.form == watch.SigningCertificate {
			return !options.SAML
		}
		return !options.ServicePrincipals
	})
}

func (i *item) valid(now time.Time) bool {
	return !i.start.After(now) && (i.endless() || i.end.After(now))
}

// successor is the certificate that Entra signs with by itself once the active one at the
// index has expired: of those valid then, the one that ends last. It is nil without one.
func (h *holder) successor(at int) *item {
	current := &h.items[at]
	if current.standing != active || current.endless() {
		return nil
	}
	var found *item
	for i := range h.items {
		other := &h.items[i]
		if other.form != watch.SigningCertificate || i == at || other.start.After(current.end) || !other.outlives(current, 0) {
			continue
		}
		if found == nil || other.outlives(found, 0) {
			found = other
		}
	}
	return found
}

// rollover is what is to be said of an active certificate whose successor waits. It is no
// comfort: the other side may not trust the successor yet.
func (h *holder) rollover(at int, now time.Time) (watch.Observation, bool) {
	next := h.successor(at)
	if next == nil {
		return watch.Observation{}, false
	}
	end := h.items[at].end
	text := fmt.Sprintf("has a newer one waiting inactive, %s: Entra will sign with that by itself on %s, and users are locked out unless the application trusts it by then", untilText(next), dateOf(end))
	if end.Before(now) {
		text = fmt.Sprintf("has a newer one, %s, that was never made the active one: Entra has signed with that by itself since %s, and users are locked out unless the application trusts it", untilText(next), dateOf(end))
	}
	return watch.Observation{Reason: watch.RolloverPending, Text: text, NotAfter: end}, true
}

func untilText(i *item) string {
	if i.end.IsZero() {
		return "valid without end"
	}
	return "valid until " + dateOf(i.end)
}

func dateOf(t time.Time) string { return t.UTC().Format(time.DateOnly) }
