package cachet

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"

	"lapsewatch/incidents"
	"lapsewatch/internal/stubcomponent"
	"lapsewatch/watch"
)

// step2 is what becomes of one component.
type step2 struct {
	id     int
	stands component2
	to     stubcomponent.Decision
}

// plan2 is what becomes of the components of a visible stub.
type plan2 struct {
	steps []step2
	// left is what to keep when all is done, before what to keep until then: of a component
	// that the stub has not set yet, how it stands.
	left, before map[int]left2
}

// plan decides about the components of a visible stub, and in the end about those that it
// has set before and is not tied to any more. It changes nothing.
func (s *second) plan(ctx context.Context, now incident2, kept mark, stub incidents.Stub) (plan2, error) {
	planned := plan2{left: map[int]left2{}, before: map[int]left2{}}
	maps.Copy(planned.left, kept.left)
	maps.Copy(planned.before, kept.left)
	if stub.Hidden {
		return planned, nil
	}
	others := sync.OnceValues(func() ([]incident2, error) { return s.others(ctx, now) })
	wanted, err := s.wanted(now, kept, stub, others)
	if err != nil {
		return plan2{}, err
	}
	for _, id := range slices.Sorted(maps.Keys(wanted)) {
		stands, err := s.component(ctx, http.MethodGet, componentPath(id), nil)
		if err != nil {
			return plan2{}, err
		}
		var known *stubcomponent.Kept
		if left, set := kept.left[id]; set {
			known = &stubcomponent.Kept{Left: statusOf(left.state), Before: statusOf(left.before)}
		}
		decision, err := stubcomponent.Next(statusOf(int(stands.Status)), known, wanted[id], s.elsewhere(now, id, others))
		if err != nil {
			return plan2{}, err
		}
		planned.steps = append(planned.steps, step2{id, stands, decision})
		planned.left[id] = left2{state: states[decision.Left], before: states[decision.Before]}
		if known == nil {
			planned.before[id] = left2{state: int(stands.Status), before: states[decision.Before]}
		}
	}
	return planned, nil
}

// wanted is how the components should stand.
func (s *second) wanted(now incident2, kept mark, stub incidents.Stub, others func() ([]incident2, error)) (map[int]watch.ComponentStatus, error) {
	wanted := map[int]watch.ComponentStatus{}
	for _, component := range stub.Components {
		id, err := s.componentID(component.ID)
		if err != nil {
			return nil, err
		}
		wanted[id] = statusOf(s.state(component.Status))
	}
	if stub.Phase != watch.Over {
		return wanted, nil
	}
	for id, left := range kept.left {
		if _, tied := wanted[id]; tied || statusOf(left.state) == watch.Operational {
			continue
		}
		elsewhere, err := s.elsewhere(now, id, others)()
		if err != nil {
			return nil, err
		}
		wanted[id] = stubcomponent.Released(elsewhere)
	}
	return wanted, nil
}

// worst is the first of the worst that the stub sets, and its state; zero for none.
func (p plan2) worst() (id, state int) {
	for _, step := range p.steps {
		if to := states[step.to.Left]; step.to.Set && to > state {
			id, state = step.id, to
		}
	}
	return id, state
}

// news reports that a component is to be changed that the stub has not set before.
func (p plan2) news(kept mark) bool {
	return slices.ContainsFunc(p.steps, func(step step2) bool {
		_, known := kept.left[step.id]
		return !known && step.changes()
	})
}

func (s step2) changes() bool { return s.to.Set && int(s.stands.Status) != states[s.to.Left] }

// carryOut sets the components, silently unless subscribers are to be told.
func (s *second) carryOut(ctx context.Context, planned plan2, stub incidents.Stub) error {
	for _, step := range planned.steps {
		if !step.changes() {
			continue
		}
		send := setComponent2{Status: states[step.to.Left], Enabled: step.stands.Enabled, Silent: !stub.Notify}
		if _, err := s.component(ctx, http.MethodPut, componentPath(step.id), send); err != nil {
			return err
		}
	}
	return nil
}

// others are the newest incidents of the page that are ours, but this one.
func (s *second) others(ctx context.Context, now incident2) ([]incident2, error) {
	var list listOf2
	query := url.Values{"per_page": {strconv.Itoa(perPage)}, "page": {"1"}, "sort": {"id"}, "order": {"desc"}}
	if err := s.do(ctx, http.MethodGet, "/incidents", query, nil, &list); err != nil {
		return nil, err
	}
	if list.Data == nil {
		return nil, s.api.Unproven(http.MethodGet, "/incidents", errNoList)
	}
	return slices.DeleteFunc(*list.Data, func(other incident2) bool {
		_, kept := unmarked(other.Message, s.env.Source)
		return other.ID == now.ID || kept.key == ""
	}), nil
}

// elsewhere is what other stubs keep of a component. The service writes all its instants in
// one time zone, so that they tell what came later.
func (s *second) elsewhere(now incident2, id int, others func() ([]incident2, error)) func() ([]stubcomponent.Other, error) {
	return func() (all []stubcomponent.Other, err error) {
		listed, err := others()
		for _, other := range listed {
			_, kept := unmarked(other.Message, s.env.Source)
			if left, set := kept.left[id]; set {
				all = append(all, stubcomponent.Other{
					Kept: stubcomponent.Kept{Left: statusOf(left.state), Before: statusOf(left.before)},
					Open: phaseOf(other.status()) != watch.Over, Later: other.UpdatedAt >= now.UpdatedAt,
				})
			}
		}
		return all, err
	}
}

func componentPath(id int) string { return "/components/" + strconv.Itoa(id) }

// component makes a request that is answered with one.
func (s *second) component(ctx context.Context, method, path string, send any) (component2, error) {
	var answer struct {
		Data component2 `json:"data"`
	}
	if err := s.do(ctx, method, path, nil, send, &answer); err != nil {
		return component2{}, err
	}
	if answer.Data.ID == 0 {
		return component2{}, s.api.Unproven(method, path, errNoComponent)
	}
	return answer.Data, nil
}
