package domain

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"lapsewatch/watch"
)

const (
	renewRemedy   = "Renew the registration at its registrar before that date, or check that it renews it by itself and that the payment works."
	restoreRemedy = "Ask the registrar at once to restore it: once it is deleted, anybody may register it."
	holdRemedy    = "Ask the registrar at once why it is on hold: an unpaid bill, unverified contact data, a dispute, or abuse."
	undated       = "Write the date that the registrar tells into a check of kind register: this registry does not publish it."
)

// fact is what a registration says.
func (a asked) fact(r record, server string, now time.Time) watch.Fact {
	details := r.details()
	details["domain"], details["server"] = a.ascii, server
	trouble := strings.Join(r.suspended, "; it ")
	switch {
	case r.expires.IsZero() && trouble != "":
		return watch.Condition{
			Subject: a.subject(), Reason: watch.DomainSuspended, Details: details, Remedy: r.remedy(),
			Text: fmt.Sprintf("the domain %s; its registry gives no expiration date", trouble),
		}
	case r.expires.IsZero() && r.wrong != "":
		problem := a.problem(watch.Unparsable, fmt.Errorf("its expiration date is %q: %w", r.wrong, errTime), undated)
		problem.Details = details
		return problem
	case r.expires.IsZero():
		problem := a.problem(watch.Unreadable, errUndated, undated)
		problem.Details = details
		return problem
	}
	fact := watch.Credential{
		Subject: a.subject(), Form: watch.DomainRegistration, Identity: "expires " + r.expires.Format(time.RFC3339Nano),
		NotBefore: r.registered, NotAfter: r.expires, Decides: r.decides(), Details: details, Remedy: renewRemedy,
	}
	if r.registered.After(now) {
		// Whose clock or zone is wrong does not matter: it is registered.
		fact.NotBefore, fact.Life = time.Time{}, max(0, r.expires.Sub(r.registered))
	}
	if trouble != "" {
		fact.Observations = []watch.Observation{{Reason: watch.DomainSuspended, Text: trouble, Remedy: r.remedy()}}
	}
	return fact
}

var errUndated = errors.New("it is registered, but its registry gives no expiration date")

// unregistered is the fact that the registry does not know the domain.
func (a asked) unregistered(server string) watch.Condition {
	return watch.Condition{
		Subject: a.subject(), Reason: watch.DomainSuspended, Details: map[string]any{"domain": a.ascii, "server": server},
		Text:   "the domain is not registered: it has lapsed, and anybody may register it, or the name is misspelt",
		Remedy: "Check the spelling; if the domain is yours, register it again at once.",
	}
}

func (r record) remedy() string {
	if strings.Contains(strings.Join(r.suspended, " "), "delete") {
		return restoreRemedy
	}
	return holdRemedy
}

// decides says whose date counts, where registry and registrar have two, or one of them
// cannot be read.
func (r record) decides() string {
	whose, other, date := "the registry's date", "the registrar's own", r.registrars
	if r.byRegistrar {
		whose, other, date = "the registrar's own date", "the registry's", r.registry
	}
	switch {
	case r.wrong != "" && date.IsZero():
		return fmt.Sprintf("%s; %s is %q, which is no date", whose, other, r.wrong)
	case r.wrong != "":
		return fmt.Sprintf("another one is %q, which is no date", r.wrong)
	case !date.IsZero() && !date.Equal(r.expires):
		return fmt.Sprintf("%s; %s is %s", whose, other, date.Format(time.DateOnly))
	case !r.later.IsZero():
		return fmt.Sprintf("the earliest of several that are given; the latest is %s", r.later.Format(time.DateOnly))
	}
	return ""
}

func (r record) details() map[string]any {
	details := map[string]any{}
	for key, text := range map[string]string{
		"registrar": r.registrar, "registrar_iana_id": r.registrarID, "unicode_name": r.unicode,
		"registered": stamp(r.registered), "last_changed": stamp(r.changed), "as_of": stamp(r.asOf),
	} {
		if text != "" {
			details[key] = text
		}
	}
	if len(r.statuses) > 0 {
		details["status"] = r.statuses
	}
	if len(r.nameservers) > 0 {
		details["nameservers"] = r.nameservers
	}
	if r.signed != nil {
		details["dnssec"] = *r.signed
	}
	return details
}

func stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Format(time.RFC3339)
}
