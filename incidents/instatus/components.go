package instatus

import (
	"context"
	"net/url"
	"slices"
	"time"

	"lapsewatch/incidents"
	"lapsewatch/watch"
)

// tied are the ids of the components of a stub, and of those that the incident is tied to
// already: one that the stub is tied to no more is released when it is over.
func tied(read entry, stub incidents.Stub) []string {
	all := make([]string, 0, len(stub.Components))
	for _, component := range stub.Components {
		all = append(all, component.ID)
	}
	for _, component := range read.Components {
		if !slices.Contains(all, component.ID) {
			all = append(all, component.ID)
		}
	}
	return all
}

// statuses are those to give to components. What is announced gives none before it begins,
// and what another open incident is tied to is not made well.
func (s *system) statuses(ctx context.Context, read entry, of sort, stub incidents.Stub) ([]status, error) {
	announced := stub.Phase == watch.Scheduled && !read.begun(stub, s.env.Now())
	if of.prefix != "" && (announced || stub.Phase == watch.Over && read.Status == notStarted) {
		return nil, nil
	}
	var all []status
	for _, component := range stub.Components {
		all = append(all, status{component.ID, componentWord(component.Status)})
	}
	if stub.Phase == watch.Over {
		for _, component := range read.Components {
			given := slices.ContainsFunc(all, func(one status) bool { return one.ID == component.ID })
			if !given && component.Status != well() {
				all = append(all, status{component.ID, well()})
			}
		}
	}
	if !slices.ContainsFunc(all, func(one status) bool { return one.Status == well() }) {
		return all, nil
	}
	held, err := s.held(ctx, read.ID)
	return slices.DeleteFunc(all, func(one status) bool { return one.Status == well() && slices.Contains(held, one.ID) }), err
}

func well() string { return componentWord(watch.Operational) }

// held are the components that another incident that is not resolved is tied to, or a
// maintenance that is under way.
func (s *system) held(ctx context.Context, own string) (held []string, err error) {
	hold := func(listed entry) {
		over := listed.Status == incidentSort().over || listed.Status == maintenanceSort().over || listed.Status == notStarted
		if listed.ID == own || over {
			return
		}
		for _, component := range listed.Components {
			held = append(held, component.ID)
		}
	}
	if err := s.pages(ctx, incidentSort(), open(), time.Time{}, hold); err != nil {
		return nil, err
	}
	// What began long ago is over: lists begin with the newest.
	err = s.pages(ctx, maintenanceSort(), url.Values{}, s.env.Now().Add(-longestMaintenance), hold)
	return held, err
}

// longestMaintenance is how long after its end a maintenance may still be called under way.
const longestMaintenance = 14 * 24 * time.Hour

// open asks for the incidents that are not resolved.
func open() url.Values { return url.Values{"!status": {incidentSort().over}} }
