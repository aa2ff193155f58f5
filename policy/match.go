package policy

import (
	"path"
	"slices"
	"strings"

	"lapsewatch/watch"
)

// TakesAll reports that whatever is told of matches.
func (m Match) TakesAll() bool {
	told := m
	told.Severity = ""
	return m.Severity.Grade() <= watch.Warning.Grade() && told.empty()
}

func (m Match) empty() bool {
	return m.Check == "" && m.Kind == "" && m.Name == "" && m.Owner == "" && m.Severity == "" && m.Reason == "" && len(m.Labels) == 0
}

// Event reports whether the match selects the event. Better news, and that nobody can
// look any more, match by what the subject was since it was opened too, so that whoever
// was told of a finding is told how it goes on.
func (m Match) Event(event watch.Event) bool {
	before := event.Finding
	before.Owners = slices.Concat(before.Owners, event.Concerned)
	before.Severity, before.Reason, before.Also = event.Previous, "", nil
	if event.Worst.Grade() > before.Severity.Grade() {
		before.Severity = event.Worst
	}
	for _, reason := range event.Was {
		before.Also = append(before.Also, watch.Judgement{Reason: reason, Severity: before.Severity})
	}
	goesOn := event.Type == watch.Resolved || event.Type == watch.Improved || event.Finding.Unreadable()
	return m.Finding(event.Finding) || goesOn && m.Finding(before)
}

// Finding reports whether the match selects the finding.
func (m Match) Finding(finding watch.Finding) bool {
	if m.Severity != "" && !finding.Severity.AtLeast(m.Severity) {
		return false
	}
	if m.Reason != "" && !slices.Contains(finding.Reasons(watch.OK), m.Reason) {
		return false
	}
	return m.subject(finding)
}

// matchesName lets * and ? stand for "/" too: a name is often a path or a URL, and a
// pattern that never matches would never say so.
func matchesName(pattern, name string) bool {
	flat := strings.NewReplacer("/", "\x00")
	matched, err := path.Match(flat.Replace(pattern), flat.Replace(name))
	return err == nil && matched
}

// subject matches on what does not depend on the judgement.
func (m Match) subject(finding watch.Finding) bool {
	if m.Check != "" && m.Check != finding.Check || m.Kind != "" && m.Kind != finding.Kind {
		return false
	}
	if m.Name != "" {
		if !matchesName(m.Name, finding.Name) {
			return false
		}
	}
	if m.Owner != "" && !slices.ContainsFunc(finding.Owners, func(owner string) bool { return matchesName(m.Owner, owner) }) {
		return false
	}
	for _, label := range m.Labels {
		if finding.Labels[label.Name] != label.Value {
			return false
		}
	}
	return true
}
