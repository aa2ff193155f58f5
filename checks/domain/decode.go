package domain

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lapsewatch/internal/clean"
)

const (
	shownRunes = 100
	maxShown   = 30
)

// record is what is read of a registration.
type record struct {
	// expires is the earliest end that is stated, zero if none is, and byRegistrar whether it
	// is the registrar's own. wrong is what cannot be read as a time.
	expires     time.Time
	byRegistrar bool
	// registry and registrars are the earliest end that each of them states, and later is the
	// latest of one that states several.
	registry, registrars, later time.Time
	wrong                       string

	registered, changed, asOf time.Time
	// statuses are those of RFC 8056, in the spelling of the registry.
	statuses []string
	// suspended are clauses on why the domain does not work, or soon will not.
	suspended              []string
	unicode                string
	registrar, registrarID string
	nameservers            []string
	signed                 *bool
}

// malformed is an answer that says nothing of the domain.
type malformed string

func (m malformed) Error() string { return string(m) }

// decode reads the domain object of RFC 9083, 5.3, of a name in A-labels.
func decode(body []byte, ascii string) (record, error) {
	found, ok := parse(body)
	switch {
	case !ok:
		return record{}, malformed("the answer is no JSON object")
	case found.class != "domain":
		return record{}, malformed("the answer is about something else than a domain")
	case !names(found, ascii):
		return record{}, malformed(fmt.Sprintf("the answer is about another domain, %q", clean.Text(found.ldhName+found.unicodeName, shownRunes)))
	}
	r := record{unicode: clean.Text(found.unicodeName, shownRunes), signed: found.signed, suspended: suspensions(found.status)}
	r.events(found.events)
	for _, status := range found.status[:min(len(found.status), maxShown)] {
		r.statuses = append(r.statuses, clean.Text(status, shownRunes))
	}
	for _, server := range found.nameservers[:min(len(found.nameservers), maxShown)] {
		r.nameservers = append(r.nameservers, clean.Text(strings.ToLower(server.ldhName), shownRunes))
	}
	for _, e := range found.entities {
		if slices.Contains(e.roles, "registrar") {
			r.registrar = clean.Text(cmp.Or(e.fullName, e.handle), shownRunes)
			r.registrarID = clean.Text(e.publicIDs["IANA Registrar ID"], shownRunes)
			break
		}
	}
	return r, nil
}

// names reports whether the object is about the name, by either of its names.
func names(found object, ascii string) bool {
	for _, name := range []string{found.ldhName, found.unicodeName} {
		if name == "" {
			continue
		}
		other, err := profile.ToASCII(strings.TrimSuffix(strings.ToLower(name), "."))
		return err == nil && other == ascii
	}
	return false
}

func (r *record) events(events []event) {
	for _, event := range events {
		at, err := dateTime(event.date)
		switch action := strings.ToLower(strings.TrimSpace(event.action)); action {
		case "expiration", "registrar expiration":
			if err != nil {
				r.wrong = clean.Text(event.date, shownRunes)
				continue
			}
			r.ends(at, action != "expiration")
		case "registration":
			r.registered = at
		case "last changed":
			r.changed = at
		case "last update of rdap database":
			r.asOf = at
		}
	}
}

// ends keeps the earliest end of each: what the registrar was paid for and what the registry
// has renewed by itself need not be the same.
func (r *record) ends(at time.Time, byRegistrar bool) {
	kept := &r.registry
	if byRegistrar {
		kept = &r.registrars
	}
	switch {
	case kept.IsZero():
		*kept = at
	case at.Before(*kept):
		*kept, at = at, *kept
		fallthrough
	default:
		if at.After(*kept) && at.After(r.later) {
			r.later = at
		}
	}
	r.expires, r.byRegistrar = r.registry, false
	if r.registry.IsZero() || !r.registrars.IsZero() && r.registrars.Before(r.registry) {
		r.expires, r.byRegistrar = r.registrars, true
	}
}

// suspensions are the clauses on those statuses that keep a domain from working, or end it.
func suspensions(statuses []string) []string {
	known := []struct{ status, clause string }{
		{"clienthold", "is on hold by its registrar (client hold), so that no name of it resolves"},
		{"serverhold", "is on hold by its registry (server hold), so that no name of it resolves"},
		{"redemptionperiod", "was deleted, and can be restored for some days only (redemption period)"},
		{"pendingdelete", "is about to be deleted by its registry (pending delete)"},
	}
	var clauses []string
	for _, k := range known {
		if slices.ContainsFunc(statuses, func(status string) bool { return bare(status) == k.status }) {
			clauses = append(clauses, k.clause)
		}
	}
	return clauses
}

// bare makes one of the spellings of RDAP and EPP: "client hold", "clientHold".
func bare(status string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '_' || r == '-' {
			return -1
		}
		return r
	}, strings.ToLower(status))
}

var errTime = errors.New("want a time as 2027-03-01T17:00:00Z")

// dateTime reads a time of RFC 3339, which RFC 9083, 3, asks for; some registries leave out
// the zone, which is UTC then, or the time, which is the beginning of the day then.
func dateTime(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05", "2006-01-02 15:04:05Z07:00", time.DateOnly} {
		if at, err := time.Parse(form, text); err == nil && at.Year() >= 1970 && at.Year() <= 9999 {
			return at.UTC(), nil
		}
	}
	return time.Time{}, errTime
}
