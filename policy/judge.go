package policy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"lapsewatch/watch"
)

// Origin is the configured check that a fact came from.
type Origin struct {
	Check  string
	Kind   string
	Labels map[string]string
	// Owners are those of subjects that name none.
	Owners []string
}

// Judge turns facts into findings. The zero Judge applies the default policy.
type Judge struct {
	Settings Settings
	// Checks holds the lead times that single checks set, by the check's name.
	Checks map[string]LeadTimes
}

// Finding judges one fact as of now.
func (j Judge) Finding(origin Origin, fact watch.Fact, now time.Time) watch.Finding {
	subject := fact.About()
	finding := watch.Finding{
		ID: FindingID(origin.Check, subject.ID), Check: origin.Check, Kind: origin.Kind, Name: subject.Name,
		Owners: subject.Owners, Labels: merged(origin.Labels, subject.Labels), Link: subject.Link,
	}
	if len(finding.Owners) == 0 {
		finding.Owners = origin.Owners
	}
	switch fact := fact.(type) {
	case watch.Credential:
		j.judgeCredential(&finding, fact, now)
	case watch.Clock:
		j.judgeClock(&finding, fact, now)
	case watch.Condition:
		j.judgeCondition(&finding, fact)
	case watch.Problem:
		judgeProblem(&finding, fact)
	}
	return finding
}

// FindingID is the ID of the finding on a check's subject.
func FindingID(check, subjectID string) string { return check + "/" + subjectID }

func (j Judge) judgeCredential(finding *watch.Finding, credential watch.Credential, now time.Time) {
	credential.NotBefore, credential.NotAfter = utc(credential.NotBefore), utc(credential.NotAfter)
	finding.NotBefore, finding.NotAfter = credential.NotBefore, credential.NotAfter
	finding.Identity, finding.Details = credential.Identity, credential.Details
	if !credential.NotAfter.IsZero() {
		days := daysLeft(credential.NotAfter, now)
		finding.DaysLeft = &days
	}
	finding.NeverExpires = !dated(credential) && credential.Form != watch.FederatedCredential
	explicit := j.leadsFor(*finding)
	if dated(credential) {
		limits := limitsFor(credential, explicit)
		finding.WarnFrom, finding.CriticalFrom = limits.warn.UTC(), limits.critical.UTC()
	}
	dates := byUse(credential, judgeDates(credential, explicit, now), now)
	judgements := []watch.Judgement{dates}
	for _, observation := range credential.Observations {
		if judged, counts := judgeObservation(observation, explicit, now); counts {
			judgements = append(judgements, judged)
		}
	}
	judgements = j.overridden(*finding, judgements)
	decide(finding, judgements)
	if finding.Message != dates.Message {
		finding.Message += "; it " + dates.Message
	}
	finding.Message = fmt.Sprintf("%s %s", credential.Form, finding.Message)
	if finding.Severity != watch.OK {
		finding.Remedy = cmp.Or(observedRemedy(credential, finding.Reason), credential.Remedy, finding.Remedy)
	}
}

func observedRemedy(credential watch.Credential, decisive watch.Reason) string {
	for _, observation := range credential.Observations {
		if observation.Reason == decisive {
			return observation.Remedy
		}
	}
	return ""
}

func judgeObservation(observation watch.Observation, explicit leads, now time.Time) (watch.Judgement, bool) {
	judged := watch.Judgement{Reason: observation.Reason, Severity: verdicts[observation.Reason].severity, Message: observation.Text}
	if observation.NotAfter.IsZero() {
		return judged, true
	}
	limits := thresholdsFor("", observation.NotAfter, 0, explicit)
	return judged, !now.Before(limits.warn)
}

func (j Judge) judgeCondition(finding *watch.Finding, condition watch.Condition) {
	judged := watch.Judgement{Reason: condition.Reason, Severity: watch.OK, Message: condition.Text}
	if condition.Reason != "" {
		judged.Severity = verdicts[condition.Reason].severity
	}
	finding.Details, finding.Extent, finding.Identity = condition.Details, condition.Extent, condition.Identity
	decide(finding, j.overridden(*finding, []watch.Judgement{judged}))
	if finding.Severity != watch.OK {
		finding.Remedy = cmp.Or(condition.Remedy, finding.Remedy)
	}
}

// judgeProblem heeds no rule: a subject that nobody could look at is never made ok.
func judgeProblem(finding *watch.Finding, problem watch.Problem) {
	finding.Details = problem.Details
	message := "could not be read"
	if problem.Err != nil {
		message += ": " + problem.Err.Error()
	}
	decide(finding, []watch.Judgement{{Reason: problem.Reason, Severity: watch.Unknown, Message: message}})
	if problem.Remedy != "" {
		finding.Remedy = problem.Remedy
	}
}

// decide lets the gravest judgement speak for the finding; earlier ones win ties.
func decide(finding *watch.Finding, judgements []watch.Judgement) {
	slices.SortStableFunc(judgements, func(a, b watch.Judgement) int { return a.Severity.Urgency() - b.Severity.Urgency() })
	first := judgements[0]
	finding.Severity, finding.Message = first.Severity, first.Message
	if first.Severity != watch.OK {
		finding.Reason, finding.Remedy = first.Reason, verdicts[first.Reason].remedy
	}
	for _, also := range judgements[1:] {
		if also.Severity != watch.OK {
			finding.Also = append(finding.Also, also)
		}
	}
}

// defaultHorizon is the default lead time, whichever month it is.
const defaultHorizon = 31 * day

// Horizon is how far ahead of now the dates of a check can be judged as near: the
// longest lead time that is in force for any of its subjects.
func (j Judge) Horizon(check string) time.Duration {
	own := j.Checks[check]
	inForce := []*watch.Lead{j.Settings.Warn, j.Settings.Critical, own.Warn, own.Critical}
	for _, rule := range j.Settings.Rules {
		inForce = append(inForce, rule.Warn, rule.Critical)
	}
	horizon := defaultHorizon
	for _, lead := range inForce {
		if lead != nil {
			horizon = max(horizon, lead.Fixed, time.Duration(lead.Months)*31*day)
		}
	}
	return horizon
}

// leadsFor finds the explicit lead times: the check's own win over the general ones,
// and rules, which are the most specific, over both.
func (j Judge) leadsFor(finding watch.Finding) leads {
	found := leads{warn: j.Settings.Warn, critical: j.Settings.Critical}
	set := func(warn, critical *watch.Lead) {
		if warn != nil {
			found.warn = warn
		}
		if critical != nil {
			found.critical = critical
		}
	}
	own := j.Checks[finding.Check]
	set(own.Warn, own.Critical)
	for _, rule := range j.Settings.Rules {
		if rule.Match.subject(finding) {
			set(rule.Warn, rule.Critical)
		}
	}
	return found
}

// overridden applies the severities that rules fix for single reasons.
func (j Judge) overridden(finding watch.Finding, judgements []watch.Judgement) []watch.Judgement {
	for _, rule := range j.Settings.Rules {
		if rule.Severity == "" || !rule.Match.subject(finding) {
			continue
		}
		for i := range judgements {
			if judgements[i].Reason == rule.Match.Reason {
				judgements[i].Severity = rule.Severity
			}
		}
	}
	return judgements
}

func merged(general, own map[string]string) map[string]string {
	if len(own) == 0 {
		return general
	}
	if len(general) == 0 {
		return own
	}
	all := maps.Clone(general)
	maps.Copy(all, own)
	return all
}

// utc also keeps a date within what RFC 3339, and so every report, can write.
func utc(t time.Time) time.Time {
	switch {
	case t.IsZero():
		return t
	case t.Year() > noExpirationYear:
		return time.Date(noExpirationYear, time.December, 31, 23, 59, 59, 0, time.UTC)
	case t.Year() < 0:
		return time.Date(0, time.January, 1, 0, 0, 0, 0, time.UTC)
	default:
		return t.UTC()
	}
}
