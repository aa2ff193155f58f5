package statuspage

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"lapsewatch/alerts"
	"lapsewatch/incidents"
	"lapsewatch/internal/stubtext"
	"lapsewatch/internal/ticket"
	"lapsewatch/watch"
)

// wanted is what to send for a stub. A text that stands there already is left out, and so
// is a component that somebody else has set since.
func (s *system) wanted(now incident, stub incidents.Stub) (write, error) {
	kept := now.ours()
	said := now.ID != "" && kept.Mark == stub.Mark || latestBody(now) == stubtext.Tidy(stubtext.Cut(stub.Text, maxText)) && now.Status == word(stub)
	ids, states := components(now, kept.Components, stub)
	kept.Key, kept.Mark, kept.Internal = stub.Key, stub.Mark, stubtext.Cut(stub.Internal, maxInternal)
	kept.Components = merged(kept.Components, states)
	metadata, err := now.with(kept)
	if err != nil {
		return write{}, s.failure("encode the metadata", err)
	}
	wanted := write{
		Name: stubtext.Cut(stub.Title, maxTitle), Status: word(stub), ImpactOverride: impact(stub), Notify: stub.Notify, Metadata: metadata,
		ComponentIDs: ids, Components: states,
	}
	if !said {
		wanted.Body = stubtext.Cut(stub.Text, maxText)
	}
	if stub.Window != nil {
		wanted.plan = &plan{For: stub.Window.From.UTC(), Until: stub.Window.Until.UTC(), RemindPrior: stub.Notify}
	}
	return wanted, nil
}

// components are the ids that the incident is tied to, with those that people have added,
// and the states to write: of those that stand as the stub left them. One that it never set
// is always written. What is planned changes no state before it begins.
func components(now incident, left map[string]watch.ComponentStatus, stub incidents.Stub) (ids []string, states map[string]watch.ComponentStatus) {
	stands := map[string]watch.ComponentStatus{}
	for _, component := range now.Components {
		ids = append(ids, component.ID)
		stands[component.ID] = component.Status
	}
	states = map[string]watch.ComponentStatus{}
	for _, component := range stub.Components {
		stand, tied := stands[component.ID]
		if !tied {
			ids = append(ids, component.ID)
		}
		before, set := left[component.ID]
		if stub.Phase == watch.Scheduled || tied && set && stand != before {
			continue
		}
		states[component.ID] = component.Status
	}
	slices.Sort(ids)
	return ids, states
}

// stands reports that nothing that people see is to be written.
func (i incident) stands(wanted write) bool {
	if wanted.plan != nil && (!wanted.For.Equal(i.ScheduledFor.Time) || !wanted.Until.Equal(i.Until.Time)) {
		return false
	}
	for id, status := range wanted.Components {
		if !slices.Contains(i.Components, component{id, status}) {
			return false
		}
	}
	return wanted.Body == "" && i.Name == wanted.Name && i.Status == wanted.Status
}

// merged is how the stub leaves the components.
func merged(left, states map[string]watch.ComponentStatus) map[string]watch.ComponentStatus {
	all := map[string]watch.ComponentStatus{}
	maps.Copy(all, left)
	maps.Copy(all, states)
	return all
}

// said is how the incident's updates left each component.
func (i incident) said() map[string]affected {
	last := map[string]affected{}
	for _, update := range i.oldestFirst() {
		for _, component := range update.Affected {
			if component.Code != "" {
				last[component.Code] = component
			}
		}
	}
	return last
}

func (i incident) oldestFirst() []update {
	updates := slices.Clone(i.Updates)
	// The service gives the newest first.
	slices.Reverse(updates)
	slices.SortStableFunc(updates, func(a, b update) int { return a.CreatedAt.Compare(b.CreatedAt.Time) })
	return updates
}

func latestBody(i incident) string {
	updates := i.oldestFirst()
	if len(updates) == 0 {
		return ""
	}
	return stubtext.Tidy(updates[len(updates)-1].Body)
}

// Annotate keeps the note in the metadata, which the page does not show, and everything
// else as it is.
func (s *system) Annotate(ctx context.Context, current incidents.Remote, note incidents.Note) error {
	now, err := s.one(ctx, http.MethodGet, incidentPath(current.ID), nil)
	if err != nil {
		return err
	}
	kept := now.ours()
	text := stubtext.Cut(note.At.UTC().Format("2006-01-02 15:04 UTC")+": "+note.Text, maxNote)
	if kept.Note == text {
		return nil
	}
	kept.Note = text
	return s.keep(ctx, now, kept)
}

// keep changes nothing but what is ours in the metadata.
func (s *system) keep(ctx context.Context, now incident, kept ours) error {
	metadata, err := now.with(kept)
	if err != nil {
		return s.failure("encode the metadata", err)
	}
	var change marking
	change.Incident.Metadata = metadata
	_, err = s.one(ctx, http.MethodPatch, incidentPath(now.ID), change)
	return err
}

// Draft keeps the draft of the post-mortem, unpublished. The digests of our drafts are kept
// before it is written, so that one whose reply was lost is known as ours.
func (s *system) Draft(ctx context.Context, current incidents.Remote, draft incidents.Note) error {
	now, err := s.one(ctx, http.MethodGet, incidentPath(current.ID), nil)
	if err != nil {
		return err
	}
	path := incidentPath(now.ID) + "/postmortem"
	var there postmortem
	if err := s.do(ctx, http.MethodGet, path, nil, nil, &there); err != nil && !ticket.Missing(err) {
		return err
	}
	kept, text := now.ours(), stubtext.Cut(draft.Text, maxDraft)
	switch stands := digest(there.BodyDraft); {
	case there.Body != "" || !there.PublishedAt.IsZero(), stubtext.Tidy(there.BodyDraft) == stubtext.Tidy(text):
		return nil
	case stubtext.Tidy(there.BodyDraft) == "":
		kept.Drafts = digest(text)
	case !slices.Contains(strings.Fields(kept.Drafts), stands):
		return nil
	default:
		kept.Drafts = stands + " " + digest(text)
	}
	if err := s.keep(ctx, now, kept); err != nil {
		return err
	}
	var send newPostmortem
	send.Postmortem.BodyDraft = text
	var answer postmortem
	if err := s.do(ctx, http.MethodPut, path, nil, send, &answer); err != nil {
		return err
	}
	if answer.BodyDraft == "" {
		return s.api.Unproven(http.MethodPut, path, errNoDraft)
	}
	return nil
}

func (s *system) failure(doing string, err error) error {
	return &alerts.DeliveryError{Channel: s.env.Name, Err: fmt.Errorf("%s: %w", doing, err)}
}
