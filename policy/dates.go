package policy

import (
	"fmt"
	"slices"
	"time"

	"lapsewatch/watch"
)

const (
	day             = 24 * time.Hour
	defaultCritical = 7 * day
	machineRenewed  = 100 * day
	// machineToken is the longest life of a token for which a third of it would come before
	// its renewal: a kubelet renews after four fifths of the life, and after a day at most.
	machineToken     = 36 * time.Hour
	noExpirationYear = 9999 // RFC 5280, 4.1.2.5: 99991231235959Z means no well-defined expiration.
)

// leads are the explicit lead times in force for one subject; nil means the default.
type leads struct{ warn, critical *watch.Lead }

// thresholds are the instants from which a date is judged.
type thresholds struct {
	warn, critical time.Time
	reason         watch.Reason
}

// thresholdsFor applies the lead times to a date: the calendar month, or a fraction of
// a short life, unless the configuration says otherwise.
func thresholdsFor(form watch.Form, notAfter time.Time, life time.Duration, explicit leads) thresholds {
	found := thresholds{reason: watch.ExpiresSoon}
	warnSpan := notAfter.Sub(watch.Lead{Months: 1}.Before(notAfter))
	switch {
	case explicit.warn != nil:
		warnSpan = notAfter.Sub(explicit.warn.Before(notAfter))
	case renewedByMachine(form, life):
		warnSpan, found.reason = life/4, watch.RenewalOverdue
	case passingToken(form, life):
		warnSpan, found.reason = life/10, watch.RenewalOverdue
	case life > 0 && warnSpan > life/3:
		warnSpan = life / 3
	}
	criticalSpan := defaultCritical
	switch {
	case explicit.critical != nil:
		criticalSpan = notAfter.Sub(explicit.critical.Before(notAfter))
		if explicit.warn == nil {
			warnSpan = max(warnSpan, criticalSpan)
		}
		// The two may come from different levels of the configuration.
		criticalSpan = min(criticalSpan, warnSpan)
	case explicit.warn != nil && warnSpan <= defaultCritical:
		criticalSpan = warnSpan / 4
	case passingToken(form, life):
		criticalSpan = life / 20
	case life > 0:
		criticalSpan = min(defaultCritical, life/12)
	}
	found.warn, found.critical = notAfter.Add(-warnSpan), notAfter.Add(-criticalSpan)
	return found
}

// limitsFor are the thresholds of a credential that has a date. What Lapsewatch itself
// signs in with is critical from where others are a warning, and a warning from twice
// as far: when it lapses, nobody is warned of anything.
func limitsFor(credential watch.Credential, explicit leads) thresholds {
	notAfter, life := credential.NotAfter, lifeOf(credential)
	limits := thresholdsFor(credential.Form, notAfter, life, explicit)
	if !credential.Self {
		return limits
	}
	span := notAfter.Sub(limits.warn)
	twice := 2 * span
	if life > 0 {
		twice = min(twice, max(span, life/3*2))
	}
	limits.critical, limits.warn = limits.warn, notAfter.Add(-twice)
	return limits
}

func renewedByMachine(form watch.Form, life time.Duration) bool {
	return (form == watch.Certificate || form == watch.CRL) && life > 0 && life <= machineRenewed
}

// passingToken: nobody renews such a token by hand, and whatever does so waits for long.
func passingToken(form watch.Form, life time.Duration) bool {
	return form == watch.AccessToken && life > 0 && life <= machineToken
}

// lifeOf is the whole life of the certificate that decides the date, zero if not known.
func lifeOf(credential watch.Credential) time.Duration {
	switch {
	case credential.Life > 0:
		return credential.Life
	case credential.NotBefore.IsZero() || credential.NotAfter.IsZero():
		return 0
	default:
		return max(0, credential.NotAfter.Sub(credential.NotBefore))
	}
}

// dated reports that the credential expires at all.
func dated(credential watch.Credential) bool {
	return !credential.NotAfter.IsZero() && !credential.Endless && credential.NotAfter.Year() < noExpirationYear
}

func judgeDates(credential watch.Credential, explicit leads, now time.Time) watch.Judgement {
	notBefore, notAfter := credential.NotBefore, credential.NotAfter
	when := dateText(credential, now)
	notYet := func() watch.Judgement {
		return watch.Judgement{Reason: watch.NotYetValid, Severity: severityAhead(credential.Form), Message: fmt.Sprintf("is not valid before %s, %s; it %s", stamp(notBefore), distance(notBefore, now), when)}
	}
	judged := func(reason watch.Reason, severity watch.Severity, message string) watch.Judgement {
		return watch.Judgement{Reason: reason, Severity: severity, Message: message}
	}
	endless := !dated(credential)
	switch {
	case credential.Form == watch.FederatedCredential:
		return judged("", watch.OK, "has no date that it could lapse on")
	case endless && now.Before(notBefore):
		return notYet()
	case endless:
		return judged(watch.NeverExpires, verdicts[watch.NeverExpires].severity, when)
	case !notBefore.IsZero() && notAfter.Before(notBefore):
		return judged(watch.InvalidDates, watch.Critical, fmt.Sprintf("is never valid: its notAfter, %s, lies before its notBefore, %s", stamp(notAfter), stamp(notBefore)))
	case now.After(notAfter):
		return judged(watch.Expired, watch.Critical, when)
	case now.Before(notBefore):
		return notYet()
	}
	limits := limitsFor(credential, explicit)
	if limits.reason == watch.RenewalOverdue {
		when = fmt.Sprintf("should have been renewed by now (life of %s): %s", wholeDays(lifeOf(credential)), when)
	}
	switch {
	case !now.Before(limits.critical):
		return judged(limits.reason, watch.Critical, when)
	case !now.Before(limits.warn):
		return judged(limits.reason, watch.Warning, when)
	default:
		return judged("", watch.OK, dateText(credential, now))
	}
}

// rotated are the forms of which a holder has several at once. It is read-only.
var rotated = []watch.Form{watch.ClientSecret, watch.ClientCertificate, watch.SigningCertificate, watch.EncryptionCertificate, watch.KeyCertificate}

// severityAhead is that of a credential whose time has not come. What a server presents
// fails now; one of several that an application has was made ahead of a rotation.
func severityAhead(form watch.Form) watch.Severity {
	if slices.Contains(rotated, form) {
		return watch.Notice
	}
	return verdicts[watch.NotYetValid].severity
}

// dateText is the clause with the absolute time and the days that every message has.
func dateText(credential watch.Credential, now time.Time) string {
	notAfter := credential.NotAfter
	switch {
	case notAfter.IsZero():
		return "has no expiry date"
	case !dated(credential):
		return "never expires (notAfter " + stamp(notAfter) + ")"
	}
	verb := "expires"
	if now.After(notAfter) {
		verb = "expired"
	}
	text := fmt.Sprintf("%s %s, %s", verb, stamp(notAfter), distance(notAfter, now))
	if credential.Decides != "" {
		text += " (" + credential.Decides + ")"
	}
	return text
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// distance says how far t is from now: whole days, or hours within a day.
func distance(t, now time.Time) string {
	seconds := secondsUntil(t, now)
	past := seconds < 0
	if past {
		seconds = -seconds
	}
	span := fmt.Sprintf("%d days", seconds/86400)
	switch {
	case seconds < 3600:
		span = fmt.Sprintf("%d min", seconds/60)
	case seconds < 86400:
		span = fmt.Sprintf("%d h", seconds/3600)
	case seconds < 2*86400:
		span = "1 day"
	}
	if past {
		return span + " ago"
	}
	return "in " + span
}

func wholeDays(life time.Duration) string {
	if life < 2*time.Hour {
		return fmt.Sprintf("%d min", life/time.Minute)
	}
	if life < 2*day {
		return fmt.Sprintf("%d h", life/time.Hour)
	}
	return fmt.Sprintf("%d days", life/day)
}

// secondsUntil does not saturate as time.Time.Sub does after 292 years.
func secondsUntil(t, now time.Time) int64 {
	seconds := t.Unix() - now.Unix()
	if now.Nanosecond() > t.Nanosecond() {
		seconds--
	}
	return seconds
}

// daysLeft is the floor of whole days of 86,400 s.
func daysLeft(notAfter, now time.Time) int64 {
	seconds := secondsUntil(notAfter, now)
	days := seconds / 86400
	if seconds%86400 < 0 {
		days--
	}
	return days
}
