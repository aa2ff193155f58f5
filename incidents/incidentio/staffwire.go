package incidentio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"lapsewatch/incidents"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/stubtext"
	"lapsewatch/internal/ticket"
	"lapsewatch/watch"
)

// incident is https://docs.incident.io/api-reference/incidents-v2
type incident struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Summary   string `json:"summary"`
	Permalink string `json:"permalink"`
	Status    status `json:"incident_status"`
	// Visibility is private or public.
	Visibility string `json:"visibility"`
}

func (i *incident) id() string { return i.ID }

// status is https://docs.incident.io/api-reference/incident-statuses-v1
type status struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Category string `json:"category"`
	Rank     int64  `json:"rank"`
}

// freshIncident is https://docs.incident.io/api-reference/incidents-v2/create
type freshIncident struct {
	IdempotencyKey string `json:"idempotency_key"`
	Visibility     string `json:"visibility"`
	Mode           string `json:"mode"`
	Name           string `json:"name"`
	Summary        string `json:"summary"`
	Status         string `json:"incident_status_id"`
	Severity       string `json:"severity_id,omitempty"`
	Type           string `json:"incident_type_id,omitempty"`
}

// edit is https://docs.incident.io/api-reference/incidents-v2/edit
type edit struct {
	Incident editedIncident `json:"incident"`
	Notify   bool           `json:"notify_incident_channel"`
}

type editedIncident struct {
	Name    string `json:"name"`
	Summary string `json:"summary"`
	Status  string `json:"incident_status_id"`
}

// The categories. Others are taken for open, because they may be new.
const (
	live   = "live"
	triage = "triage"
	paused = "paused"
	closed = "closed"
)

func endedCategories() []string {
	return []string{closed, "learning", "declined", "merged", "canceled"}
}

// statuses are the organisation's statuses for our phases.
type statuses map[watch.Phase]status

// statuses asks for those of the organisation, once for each system.
func (o *organisation) statuses(ctx context.Context) (statuses, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known != nil {
		return o.known, nil
	}
	const path = "/v1/incident_statuses"
	var answer map[string]json.RawMessage
	if _, _, err := o.api.Do(ctx, ticket.Call{Path: path, Receive: &answer}); err != nil {
		return nil, err
	}
	var all []status
	if json.Unmarshal(answer["incident_statuses"], &all) != nil || all == nil {
		return nil, o.api.Unproven(http.MethodGet, path, errors.New("without a list of incident statuses"))
	}
	slices.SortStableFunc(all, func(a, b status) int { return int(a.Rank - b.Rank) })
	known, err := o.options.Statuses.among(all)
	if err != nil {
		return nil, o.failure(err)
	}
	o.known = known
	return known, nil
}

// among finds the status of each phase by its name, or else by its category.
func (s Statuses) among(all []status) (statuses, error) {
	found := statuses{}
	pick := func(phase watch.Phase, key, name string, usual []string, category string, otherwise watch.Phase) error {
		if name != "" {
			usual, category, otherwise = []string{name}, "", ""
		}
		for _, wanted := range usual {
			for _, one := range all {
				if strings.EqualFold(one.Name, wanted) {
					found[phase] = one
					return nil
				}
			}
		}
		if same, is := found[otherwise]; is {
			found[phase] = same
			return nil
		}
		if at := slices.IndexFunc(all, func(one status) bool { return one.Category == category && name == "" }); at >= 0 {
			found[phase] = all[at]
			return nil
		}
		return fmt.Errorf("statuses.%s: the organisation has no status %s: it has %s", key, wordsFor(usual, category), names(all))
	}
	return found, errors.Join(
		pick(watch.Investigating, "investigating", s.Investigating, []string{"Investigating"}, live, ""),
		pick(watch.Identified, "identified", s.Identified, []string{"Identified", "Fixing"}, live, watch.Investigating),
		pick(watch.Monitoring, "monitoring", s.Monitoring, []string{"Monitoring"}, live, watch.Identified),
		pick(watch.Over, "resolved", s.Resolved, []string{"Resolved"}, closed, ""),
	)
}

func wordsFor(usual []string, category string) string {
	said := fmt.Sprintf("%q", strings.Join(usual, `" or "`))
	if category != "" {
		said += " and none of the category " + category
	}
	return said
}

func names(all []status) string {
	var said []string
	for _, one := range all[:min(len(all), 20)] {
		said = append(said, clean.Text(one.Name, maxName))
	}
	if len(said) == 0 {
		return "none"
	}
	return strings.Join(said, ", ")
}

// of is the status for a phase. A maintenance that is to come is looked into.
func (s statuses) of(phase watch.Phase) status {
	if one, is := s[phase]; is {
		return one
	}
	return s[watch.Investigating]
}

// phase reads a status; several phases may share one, and then the one that stands in the
// summary is meant.
func (s statuses) phase(of status, said watch.Phase) watch.Phase {
	switch {
	case of.ID == s[watch.Over].ID || slices.Contains(endedCategories(), of.Category):
		return watch.Over
	case said != "" && said != watch.Over && s.of(said).ID == of.ID:
		return said
	}
	for _, phase := range []watch.Phase{watch.Investigating, watch.Identified, watch.Monitoring} {
		if s[phase].ID == of.ID {
			return phase
		}
	}
	return ""
}

func (i incident) remote(known statuses, source string) incidents.Remote {
	text := stubtext.Tidy(i.Summary)
	key, said := stubtext.Ref(text, source)
	phase := known.phase(i.Status, said)
	return incidents.Remote{
		ID: i.ID, URL: i.Permalink, Key: key, Title: i.Name, Phase: phase, Open: phase != watch.Over, Texts: []string{text},
	}
}
