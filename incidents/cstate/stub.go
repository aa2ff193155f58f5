package cstate

import (
	"cmp"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lapsewatch/incidents"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/githubissues"
	"lapsewatch/internal/hiddenline"
	"lapsewatch/internal/stubtext"
	"lapsewatch/watch"
)

const (
	// maxTitle, maxText and maxNote are not those of cState, which has none, but what
	// people read.
	maxTitle, maxText, maxNote = 200, 16_000, 60_000
	// shown is how the times of a maintenance are shown.
	shown = "2006-01-02 15:04 UTC"
)

// The severities of cState.
const (
	notice    = "notice"
	disrupted = "disrupted"
	down      = "down"
)

// severities are those of the states of components. It is read-only.
var severities = map[watch.ComponentStatus]string{
	watch.MajorOutage: down, watch.PartialOutage: disrupted, watch.Degraded: disrupted, watch.UnderMaintenance: notice, watch.Operational: notice,
}

// statuses are the states that severities stand for, where no other is known. It is
// read-only.
var statuses = map[string]watch.ComponentStatus{down: watch.MajorOutage, disrupted: watch.Degraded, notice: watch.UnderMaintenance}

// shape brings a page to a stub. What people see of a page that is over stays.
func (p page) shape(stub incidents.Stub) page {
	over := stub.Phase == watch.Over
	if p.Date.IsZero() || p.Draft && p.sealed && !over {
		// A draft is made when something is found, and may begin to hurt later.
		p.Date = begin(stub)
	}
	p.Title, p.Draft, p.Informational = title(stub), stub.Hidden, stub.Phase == watch.Scheduled
	if !over || stub.Impact.Worse(watch.Operational) {
		p.Severity = severities[worst(stub)]
	}
	if !over {
		p.Affected = nil
	}
	switch {
	case over && !p.Resolved:
		p.Resolved, p.ResolvedWhen = true, stub.At.UTC()
	case !over:
		p.Resolved, p.ResolvedWhen = false, time.Time{}
	}
	mark := hiddenline.Mark(stub.Mark)
	if p.Marks.Mark == mark && len(p.Updates) > 0 {
		p.Updates = p.Updates[:len(p.Updates)-1]
	}
	p.Marks = marks{Key: stub.Key, Mark: mark, Phase: stub.Phase, Components: map[string]watch.ComponentStatus{}}
	for _, component := range stub.Components {
		name := clean.Text(harmless(cmp.Or(component.ID, component.Name)), maxTitle)
		p.Marks.Components[name] = component.Status
		if !slices.Contains(p.Affected, name) {
			p.Affected = append(p.Affected, name)
		}
	}
	said := githubissues.Cut(stubtext.Tidy(inert(stub.Text)), maxText)
	if window := stub.Window; window != nil {
		p.Marks.From, p.Marks.Until = window.From.UTC(), window.Until.UTC()
		said += "\n\n**" + p.Marks.From.Format(shown) + " – " + p.Marks.Until.Format(shown) + "**"
	}
	p.Updates = append(slices.Clone(p.Updates), update{At: stub.At.UTC().Format(time.RFC3339), Text: said})
	p.Updates = p.Updates[max(0, len(p.Updates)-maxUpdates):]
	return p
}

// begin is when it began; Hugo does not build a page of the future.
func begin(stub incidents.Stub) time.Time {
	if stub.StartedAt.IsZero() || stub.StartedAt.After(stub.At) {
		return stub.At.UTC()
	}
	return stub.StartedAt.UTC()
}

// worst is how the affected stand now, or once it is over, as the record of what it was, the
// worst that they suffered.
func worst(stub incidents.Stub) watch.ComponentStatus {
	if stub.Phase == watch.Over {
		return stub.Impact
	}
	worst := watch.Operational
	for _, component := range stub.Components {
		if component.Status.Worse(worst) {
			worst = component.Status
		}
	}
	return worst
}

func title(stub incidents.Stub) string {
	return clean.Text(harmless(stub.Title), maxTitle)
}

// harmless is a text for the front matter. The theme puts titles and names into JSON
// without escaping them, so that a quote would break what other programs read; and those
// may put them into HTML. Angle quotes look alike and are no markup.
func harmless(text string) string {
	return strings.NewReplacer(`"`, "'", `\`, "/", "<", "‹", ">", "›", "](", "] (").Replace(text)
}

// inert breaks what Hugo would take for a shortcode, also within code.
func inert(text string) string {
	for range 2 {
		text = strings.ReplaceAll(text, "{{", "{ {")
	}
	return text
}

// quote makes text from outside harmless: what could mean anything stands as code.
func quote(text string) string { return inert(githubissues.Quote(harmless(text))) }

// remote is a page as the runner sees it.
func (s *system) remote(name string, p page) incidents.Remote {
	key := s.keyOf(p)
	remote := incidents.Remote{
		ID: cmp.Or(key, name), URL: s.link(name), Key: key, Title: p.Title, Hidden: p.Draft,
		Open: !p.Resolved, ResolvedAt: p.ResolvedWhen, Phase: p.Marks.Phase,
	}
	switch {
	case p.Resolved:
		remote.Phase = watch.Over
	case remote.Phase == watch.Over, p.Informational != (remote.Phase == watch.Scheduled):
		// A person has changed it.
		remote.Phase = ""
	}
	for _, update := range p.Updates {
		remote.Texts = append(remote.Texts, update.Text)
	}
	for _, name := range p.Affected {
		remote.Components = append(remote.Components, watch.Component{ID: name, Status: p.statusOf(name)})
	}
	return remote
}

// statusOf is how a component stands: as the stub said, unless a person has changed the
// severity, which is all that cState shows.
func (p page) statusOf(name string) watch.ComponentStatus {
	var worst watch.ComponentStatus
	for _, status := range p.Marks.Components {
		if status.Worse(worst) {
			worst = status
		}
	}
	status, known := p.Marks.Components[name]
	switch {
	case p.Resolved:
		return watch.Operational
	case known && severities[worst] == p.Severity:
		return status
	default:
		return cmp.Or(statuses[p.Severity], watch.Degraded)
	}
}

// link is where people read the page: Hugo writes addresses in lower case.
func (s *system) link(name string) string {
	if s.options.Site == "" {
		return ""
	}
	stem := strings.ToLower(strings.TrimSuffix(name, extension))
	return strings.TrimSuffix(s.options.Site, "/") + "/" + url.PathEscape(strings.ToLower(filepath.Base(s.options.Folder))) + "/" + url.PathEscape(stem) + "/"
}
