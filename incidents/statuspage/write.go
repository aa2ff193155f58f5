package statuspage

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"lapsewatch/alerts"
	"lapsewatch/incidents"
	"lapsewatch/internal/stubtext"
	"lapsewatch/internal/ticket"
)

// wanted is what to send for a stub. A text that stands there already is left out with its
// status, because a status alone would be an update without a text; and so is a component
// that somebody else has set since.
func (s *system) wanted(ctx context.Context, now incident, stub incidents.Stub) (write, error) {
	kept, status, text := now.ours(), word(now, stub, s.env.Now()), stubtext.Cut(stub.Text, maxText)
	said := now.Status == status && (latestBody(now) == stubtext.Tidy(text) || kept.Said == stubtext.Digest(text))
	set, err := s.components(ctx, now, stub)
	if err != nil {
		return write{}, err
	}
	kept.Key, kept.Said, kept.Internal = stub.Key, stubtext.Digest(text), stubtext.Cut(stub.Internal, maxInternal)
	kept.Components, kept.Before = set.left, set.before
	metadata, err := now.with(kept)
	if err != nil {
		return write{}, s.failure("encode the metadata", err)
	}
	wanted := write{
		Name: stubtext.Cut(stub.Title, maxTitle), ImpactOverride: impact(stub), Notify: stub.Notify, Metadata: metadata,
		ComponentIDs: set.ids, Components: set.states,
	}
	if !said {
		wanted.Status, wanted.Body = status, text
	}
	if stub.Window != nil {
		wanted.plan = &plan{For: stub.Window.From.UTC(), Until: stub.Window.Until.UTC(), RemindPrior: stub.Notify}
	}
	return wanted, nil
}

// stands reports that nothing that people see is to be written.
func (i incident) stands(wanted write) bool {
	if wanted.plan != nil && (!wanted.For.Equal(i.ScheduledFor.Time) || !wanted.Until.Equal(i.Until.Time)) {
		return false
	}
	for _, id := range wanted.ComponentIDs {
		if !slices.ContainsFunc(i.Components, func(tied component) bool { return tied.ID == id }) {
			return false
		}
	}
	for id, status := range wanted.Components {
		if !slices.Contains(i.Components, component{id, status}) {
			return false
		}
	}
	return wanted.Body == "" && i.Name == wanted.Name
}

// keeps reports that what Lapsewatch keeps in the metadata is as wanted.
func (i incident) keeps(wanted write) bool {
	stands, err := json.Marshal(i.ours())
	return err == nil && bytes.Equal(stands, wanted.Metadata[namespace])
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
	metadata, err := now.with(kept)
	if err != nil {
		return s.failure("encode the metadata", err)
	}
	_, err = s.keep(ctx, now, metadata)
	return err
}

// keep changes nothing but the metadata.
func (s *system) keep(ctx context.Context, now incident, metadata map[string]json.RawMessage) (incident, error) {
	var change marking
	change.Incident.Metadata = metadata
	return s.one(ctx, http.MethodPatch, incidentPath(now.ID), change)
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
	switch stands := stubtext.Digest(there.BodyDraft); {
	case there.Body != "" || !there.PublishedAt.IsZero(), stubtext.Tidy(there.BodyDraft) == stubtext.Tidy(text):
		return nil
	case stubtext.Tidy(there.BodyDraft) == "":
		kept.Drafts = stubtext.Digest(text)
	case !slices.Contains(strings.Fields(kept.Drafts), stands):
		return nil
	default:
		kept.Drafts = stands + " " + stubtext.Digest(text)
	}
	metadata, err := now.with(kept)
	if err != nil {
		return s.failure("encode the metadata", err)
	}
	if _, err := s.keep(ctx, now, metadata); err != nil {
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
