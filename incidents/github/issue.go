package github

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"lapsewatch/incidents"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/githubissues"
	"lapsewatch/watch"
)

type newIssue struct {
	Title  string   `json:"title"`
	Body   string   `json:"body"`
	Labels []string `json:"labels"`
}

// change leaves out what stays as it is.
type change struct {
	Title  string   `json:"title,omitempty"`
	Body   string   `json:"body,omitempty"`
	State  string   `json:"state,omitempty"`
	Reason string   `json:"state_reason,omitempty"`
	Labels []string `json:"labels,omitempty"`
}

type newComment struct {
	Body string `json:"body"`
}

// Labels of these beginnings are ours; all others are people's.
const phaseLabel, componentLabel = "phase: ", "component: "

// maxComponentLabels leaves people room among the labels that an issue may have.
const maxComponentLabels = 20

// labels are those that an issue should have: the configured ones, the phase, the
// components, and what people added.
func (s *system) labels(stub incidents.Stub, present []githubissues.Label) []string {
	wanted := slices.Clone(s.options.Labels)
	add := func(label string) {
		label = clean.Text(strings.ReplaceAll(label, ",", ";"), githubissues.MaxLabel)
		if len(wanted) < githubissues.MaxLabels && !slices.ContainsFunc(wanted, func(w string) bool { return strings.EqualFold(w, label) }) {
			wanted = append(wanted, label)
		}
	}
	add(phaseLabel + string(stub.Phase))
	for _, component := range stub.Components[:min(len(stub.Components), maxComponentLabels)] {
		add(componentLabel + nameOf(component))
	}
	for _, label := range present {
		if !strings.HasPrefix(label.Name, phaseLabel) && !strings.HasPrefix(label.Name, componentLabel) {
			add(label.Name)
		}
	}
	return wanted
}

func nameOf(component watch.Component) string { return cmp.Or(component.Name, component.ID) }

// sameLabels minds neither order nor case, as GitHub does not.
func sameLabels(wanted []string, present []githubissues.Label) bool {
	issue := githubissues.Issue{Labels: present}
	return len(wanted) == len(present) && !slices.ContainsFunc(wanted, func(label string) bool { return !issue.Labelled(label) })
}

// remote is an issue as the runner sees it.
func (s *system) remote(issue githubissues.Issue) incidents.Remote {
	parts := partsOf(issue.Body)
	remote := incidents.Remote{
		ID: strconv.Itoa(issue.Number), URL: clean.Text(issue.HTMLURL, maxURL), Title: issue.Title,
		Open: issue.Open(), ResolvedAt: issue.ClosedAt.UTC(), Texts: textsOf(parts),
	}
	if remote.Open {
		remote.ResolvedAt = issue.ClosedAt // zero
	}
	if key, found := watch.FindIncidentKey(valueOf(parts, keySection), s.env.Source); found && issue.PullRequest == nil {
		remote.Key = key.String()
	}
	switch phase := watch.Phase(valueOf(parts, phaseSection)); {
	case !remote.Open:
		remote.Phase = watch.Over
	case phase != watch.Over && slices.Contains(watch.Phases(), phase):
		remote.Phase = phase
	}
	return remote
}

// maxURL bounds an address that GitHub gives.
const maxURL = 500
