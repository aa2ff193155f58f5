package policy

import (
	"encoding/json"
	"slices"

	"lapsewatch/watch"
)

// Standing are the components as the stub has them now: well again from the moment on
// that all its causes are.
func (s Stub) Standing() []watch.Component {
	components := slices.Clone(s.Components)
	if s.Phase == watch.Monitoring || s.Phase == watch.Over {
		for i := range components {
			components[i].Status = watch.Operational
		}
	}
	return components
}

// Impact is the worst that components suffer.
func (s Stub) Impact() watch.ComponentStatus {
	impact := watch.Operational
	for _, component := range s.Standing() {
		if component.Status.Worse(impact) {
			impact = component.Status
		}
	}
	return impact
}

// fingerprint tells whether anything of the stub changed.
func (s Stub) fingerprint() string {
	text, err := json.Marshal(s)
	if err != nil {
		return err.Error() // findings hold nothing that JSON does not
	}
	return string(text)
}

// shown tells whether anything changed that people should see. What changes by itself from
// day to day, as the days left do, is not among it.
func (s Stub) shown() string {
	type cause struct {
		ID     string
		Reason watch.Reason
		Hurts  bool
		Good   bool
	}
	visible := struct {
		Phase      watch.Phase
		Hidden     bool
		Window     *watch.Window
		Causes     []cause
		Components []watch.Component
		Upstreams  []StubUpstream
		Reopened   int
	}{Phase: s.Phase, Hidden: s.Hidden, Window: s.Window, Components: s.Standing(), Reopened: s.Reopened}
	for _, upstream := range s.Upstreams {
		visible.Upstreams = append(visible.Upstreams, StubUpstream{FindingID: upstream.FindingID, Good: upstream.Good})
	}
	for _, c := range s.Causes {
		visible.Causes = append(visible.Causes, cause{c.Finding.ID, c.Finding.Reason, c.Hurts, !c.GoodAt.IsZero()})
	}
	text, err := json.Marshal(visible)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
