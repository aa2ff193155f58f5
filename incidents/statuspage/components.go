package statuspage

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"

	"lapsewatch/alerts"
	"lapsewatch/incidents"
	"lapsewatch/internal/stubcomponent"
	"lapsewatch/watch"
)

// maxComponentPages bounds the list of the page's components.
const maxComponentPages = 50

// set is what a stub does to components.
type set struct {
	// ids are those that the incident is tied to, with those that people have added.
	ids []string
	// states are those to write, left and before what to keep of all.
	states, left, before map[string]watch.ComponentStatus
}

// components decides what becomes of each component: of those of the stub, and of those that
// it has set before and is not tied to any more when it is over. What is planned changes
// none before it begins.
func (s *system) components(ctx context.Context, now incident, stub incidents.Stub) (set, error) {
	kept := now.ours()
	next := set{states: map[string]watch.ComponentStatus{}, left: map[string]watch.ComponentStatus{}, before: map[string]watch.ComponentStatus{}}
	maps.Copy(next.left, kept.Components)
	maps.Copy(next.before, kept.Before)
	for _, component := range now.Components {
		next.ids = append(next.ids, component.ID)
	}
	for _, component := range stub.Components {
		if !slices.Contains(next.ids, component.ID) {
			next.ids = append(next.ids, component.ID)
		}
	}
	slices.Sort(next.ids)
	if stub.Phase == watch.Scheduled && !begun(now, stub, s.env.Now()) {
		return next, nil
	}
	others := sync.OnceValues(func() ([]incident, error) { return s.others(ctx, now.ID) })
	wanted := slices.Clone(stub.Components)
	if stub.Phase == watch.Over {
		released, err := released(now, stub, others)
		if err != nil {
			return set{}, err
		}
		wanted = append(wanted, released...)
	}
	stands, err := s.stand(ctx, now, wanted)
	if err != nil {
		return set{}, err
	}
	for _, component := range wanted {
		if err := next.decide(component, stands[component.ID], keptOf(kept, component.ID), now.elsewhere(component.ID, others)); err != nil {
			return set{}, err
		}
	}
	return next, nil
}

func (n set) decide(wanted watch.Component, stands watch.ComponentStatus, kept *stubcomponent.Kept, others func() ([]stubcomponent.Other, error)) error {
	decision, err := stubcomponent.Next(stands, kept, wanted.Status, others)
	if err != nil {
		return err
	}
	n.left[wanted.ID] = decision.Left
	if decision.Before != "" {
		n.before[wanted.ID] = decision.Before
	}
	if decision.Set {
		n.states[wanted.ID] = decision.Left
	}
	return nil
}

func keptOf(kept ours, id string) *stubcomponent.Kept {
	left, set := kept.Components[id]
	if !set {
		return nil
	}
	return &stubcomponent.Kept{Left: left, Before: kept.Before[id]}
}

// released are the components that the stub has set and is not tied to any more.
func released(now incident, stub incidents.Stub, others func() ([]incident, error)) (all []watch.Component, err error) {
	kept := now.ours().Components
	for _, id := range slices.Sorted(maps.Keys(kept)) {
		tied := slices.ContainsFunc(stub.Components, func(component watch.Component) bool { return component.ID == id })
		if tied || kept[id] == watch.Operational {
			continue
		}
		elsewhere, err := now.elsewhere(id, others)()
		if err != nil {
			return nil, err
		}
		all = append(all, watch.Component{ID: id, Status: stubcomponent.Released(elsewhere)})
	}
	return all, nil
}

// stand is how the components stand. Those that the incident is tied to came with it; the
// page is asked for the others.
func (s *system) stand(ctx context.Context, now incident, wanted []watch.Component) (map[string]watch.ComponentStatus, error) {
	stands := map[string]watch.ComponentStatus{}
	for _, component := range now.Components {
		stands[component.ID] = component.Status
	}
	missing := func() bool {
		return slices.ContainsFunc(wanted, func(component watch.Component) bool { return stands[component.ID] == "" })
	}
	const path = "/components"
	for page := 1; missing(); page++ {
		if page > maxComponentPages {
			return nil, &alerts.DeliveryError{Channel: s.env.Name, Err: fmt.Errorf("read the list at %s: it has more than %d pages", path, maxComponentPages)}
		}
		var listed *[]component
		if err := s.do(ctx, http.MethodGet, path, url.Values{"per_page": {strconv.Itoa(perPage)}, "page": {strconv.Itoa(page)}}, nil, &listed); err != nil {
			return nil, err
		}
		if listed == nil {
			return nil, s.api.Unproven(http.MethodGet, path, errNoList)
		}
		if len(*listed) == 0 {
			break // what the page has not got is refused by the service, which says so
		}
		for _, component := range *listed {
			stands[component.ID] = component.Status
		}
	}
	return stands, nil
}

// others are the newest incidents of the page that are ours, but the one of that id.
func (s *system) others(ctx context.Context, id string) ([]incident, error) {
	var listed *[]incident
	const path = "/incidents"
	if err := s.do(ctx, http.MethodGet, path, url.Values{"limit": {strconv.Itoa(perPage)}, "page": {"1"}}, nil, &listed); err != nil {
		return nil, err
	}
	if listed == nil {
		return nil, s.api.Unproven(http.MethodGet, path, errNoList)
	}
	return slices.DeleteFunc(*listed, func(other incident) bool {
		_, ours := watch.FindIncidentKey(other.ours().Key, s.env.Source)
		return other.ID == id || !ours
	}), nil
}

// elsewhere is what other stubs keep of a component.
func (i incident) elsewhere(id string, others func() ([]incident, error)) func() ([]stubcomponent.Other, error) {
	return func() (all []stubcomponent.Other, err error) {
		listed, err := others()
		for _, other := range listed {
			if kept := keptOf(other.ours(), id); kept != nil {
				open := phaseOf(other.Status) != watch.Over
				all = append(all, stubcomponent.Other{Kept: *kept, Open: open, Later: !other.UpdatedAt.Before(i.UpdatedAt.Time)})
			}
		}
		return all, err
	}
}
