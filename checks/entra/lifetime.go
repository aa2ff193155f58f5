package entra

import (
	"fmt"
	"strings"
	"time"

	"lapsewatch/watch"
)

// restriction is one longest life that the tenant's app management policy sets.
type restriction struct {
	longest time.Duration
	// createdAfter leaves out what was created before; zero leaves out nothing.
	createdAfter time.Time
}

// restrictions are those of applications or of service principals.
type restrictions struct{ secrets, certificates []restriction }

// lifetimes are the tenant's app management policy, as far as it limits lives.
type lifetimes struct{ applications, principals restrictions }

// policyAnswer is GET /policies/defaultAppManagementPolicy.
type policyAnswer struct {
	IsEnabled         bool               `json:"isEnabled"`
	Applications      policyRestrictions `json:"applicationRestrictions"`
	ServicePrincipals policyRestrictions `json:"servicePrincipalRestrictions"`
}

type policyRestrictions struct {
	Passwords []policyRestriction `json:"passwordCredentials"`
	Keys      []policyRestriction `json:"keyCredentials"`
}

type policyRestriction struct {
	Type         string `json:"restrictionType"`
	State        string `json:"state"`
	MaxLifetime  string `json:"maxLifetime"`
	CreatedAfter string `json:"restrictForAppsCreatedAfterDateTime"`
}

// lifetimes reads the limits out of the policy. One that cannot be read is an error, so
// that it is not taken for none.
func (p policyAnswer) lifetimes() (lifetimes, error) {
	var found lifetimes
	if !p.IsEnabled {
		return found, nil
	}
	for _, part := range []struct {
		from []policyRestriction
		kind string
		into *[]restriction
	}{
		{p.Applications.Passwords, "passwordLifetime", &found.applications.secrets},
		{p.Applications.Keys, "asymmetricKeyLifetime", &found.applications.certificates},
		{p.ServicePrincipals.Passwords, "passwordLifetime", &found.principals.secrets},
		{p.ServicePrincipals.Keys, "asymmetricKeyLifetime", &found.principals.certificates},
	} {
		for _, one := range part.from {
			inForce := one.State == "" || strings.EqualFold(one.State, "enabled")
			if !strings.EqualFold(one.Type, part.kind) || !inForce || one.MaxLifetime == "" {
				continue
			}
			longest, err := parseSpan(one.MaxLifetime)
			if err != nil {
				return lifetimes{}, fmt.Errorf("read the limit %s of the app management policy: %w", part.kind, err)
			}
			from, _ := lenientTime(one.CreatedAfter) // none is "for all"
			*part.into = append(*part.into, restriction{longest, from})
		}
	}
	return found, nil
}

// createdUnknown is when Entra takes an object without creation date to have been created
// (learn.microsoft.com/graph/api/resources/applicationauthenticationmethodpolicy).
var createdUnknown = time.Date(2019, time.January, 1, 0, 0, 0, 0, time.UTC)

// lifeGrace is by how much a life may exceed its limit: two calendar years can have 731
// days, and the clocks of portal and directory differ.
const lifeGrace = 36 * time.Hour

// limit is the longest life that a credential that signs in may have, and who says so.
func (d *describer) limit(h *holder, i *item) (longest time.Duration, whose string) {
	longest, whose = time.Duration(d.options.MaxLife), "max_life"
	allowed := d.lifetimes.applications
	if h.principal {
		allowed = d.lifetimes.principals
	}
	rows := allowed.secrets
	if i.form == watch.ClientCertificate {
		rows = allowed.certificates
	}
	created := h.created
	if created.IsZero() {
		created = createdUnknown
	}
	for _, row := range rows {
		if row.longest < longest && !created.Before(row.createdAfter) {
			longest, whose = row.longest, "the tenant's app management policy"
		}
	}
	return longest, whose
}

// tooLong reports a life beyond the limit. Signing certificates have none: three years is
// what Entra itself gives them.
func (d *describer) tooLong(h *holder, i *item) (watch.Observation, bool) {
	if i.endless() || i.start.IsZero() || !i.signsIn() {
		return watch.Observation{}, false
	}
	longest, whose := d.limit(h, i)
	life := i.end.Sub(i.start)
	if life <= longest+lifeGrace {
		return watch.Observation{}, false
	}
	return watch.Observation{
		Reason: watch.LifetimeTooLong,
		Text:   fmt.Sprintf("has a life of %d days, longer than the %d days that %s allows", life/day, longest/day, whose),
	}, true
}
