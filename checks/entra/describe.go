package entra

import (
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/watch"
)

// describer makes facts of holders and their items.
type describer struct {
	options *Options
	// now is the instant to judge as of, horizon how far ahead of it dates matter.
	now     time.Time
	horizon time.Duration
	tenant  string
	// portal is the cloud's, or empty; graph is Graph's URL with its version.
	portal    string
	graph     string
	lifetimes lifetimes
}

// near: the item ends soon enough, or ended lately enough, for its use and its owners to
// matter. Only for those are they asked.
func (d *describer) near(i *item) bool {
	switch {
	case i.form == watch.FederatedCredential:
		return false
	case i.self:
		return true
	case i.endless():
		return false
	default:
		return !i.end.After(d.now.Add(d.horizon)) && i.end.Add(time.Duration(d.options.LeftOverAfter)).After(d.now)
	}
}

// fact is what the lists alone tell of the item at the index.
func (d *describer) fact(h *holder, at int) watch.Credential {
	i := &h.items[at]
	fact := watch.Credential{
		Subject: watch.Subject{
			ID:     h.subjectID(d.tenant, i),
			Name:   h.displayName() + ": " + h.itemName(i),
			Labels: map[string]string{"tenant": d.tenant, "app_id": h.appID},
			Link:   d.link(h),
		},
		Form: i.form, Identity: i.identity, NotBefore: i.start, NotAfter: i.end,
		Endless: !i.end.IsZero() && i.endless(), Self: i.self,
		Replacement: h.replacement(at, d.now),
		Details:     d.details(h, i),
	}
	if i.self {
		fact.Subject.Labels["self"] = "true"
	}
	if !i.endless() {
		fact.LeftOverFrom = i.end.Add(time.Duration(d.options.LeftOverAfter))
	}
	switch {
	case h.unusable != "":
		fact.Use = watch.Use{State: watch.Unusable, Text: h.unusable}
	case i.standing == inactive:
		fact.Use = watch.Use{State: watch.Unusable, Text: "it is not the active signing certificate"}
	}
	if observed, yes := d.tooLong(h, i); yes {
		fact.Observations = append(fact.Observations, observed)
	}
	// Long after the end, the other side has learnt of the new one, or nobody needs it.
	settled := h.unusable != "" || !fact.LeftOverFrom.IsZero() && !d.now.Before(fact.LeftOverFrom)
	if observed, yes := h.rollover(at, d.now); yes && !settled {
		fact.Observations = append(fact.Observations, observed)
	}
	return fact
}

// finish adds the remedy where somebody may have to act. It is left out for the many
// credentials that nobody need look at.
func (d *describer) finish(h *holder, at int, fact *watch.Credential) {
	i := &h.items[at]
	distant := i.end.After(d.now.Add(d.horizon)) && !i.endless()
	if distant && len(fact.Observations) == 0 && !i.self {
		return
	}
	fact.Remedy = d.remedy(h, i, fact)
}

const (
	holderApplication = "application"
	holderPrincipal   = "service principal"
)

func (d *describer) details(h *holder, i *item) map[string]any {
	details := make(map[string]any, 8)
	details["application"], details["app_id"], details["object_id"] = h.displayName(), h.appID, h.objectID
	details["holder"] = holderApplication
	if h.principal {
		details["holder"] = holderPrincipal
	}
	text := func(key, value string) {
		if value != "" {
			details[key] = clean.Text(value, maxDetailRunes)
		}
	}
	text("key_id", i.keyID)
	text("credential", i.name)
	text("hint", i.hint)
	if i.form == watch.ClientCertificate && !i.signsIn() {
		text("usage", i.usage)
	}
	if h.disabledHere {
		details["disabled"] = true
	}
	if i.form == watch.SigningCertificate {
		text("thumbprint", i.thumbprint)
		details["signing"] = standingText(h, i)
	}
	if i.trust != nil {
		text("issuer", i.trust.issuer)
		text("subject", i.trust.subject)
		if len(i.trust.audiences) > 0 {
			details["audiences"] = cleanList(i.trust.audiences)
		}
	}
	return details
}

func standingText(h *holder, i *item) string {
	switch {
	case i.standing == active:
		return "active"
	case i.standing == inactive:
		return "inactive"
	case i.standing == steppedIn:
		return "takes part since the active certificate has expired"
	case h.activeThumbprint == "":
		return "unknown: Entra does not say which certificate of this application is active"
	default:
		return "unknown: the certificate that Entra calls active is not in the list"
	}
}

// maxListed bounds lists in details.
const maxListed = 20

func cleanList(texts []string) []string {
	cleaned := make([]string, 0, min(len(texts), maxListed))
	for _, text := range texts[:min(len(texts), maxListed)] {
		cleaned = append(cleaned, clean.Text(text, maxDetailRunes))
	}
	return cleaned
}
