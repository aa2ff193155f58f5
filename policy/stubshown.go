package policy

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"lapsewatch/watch"
)

// Standing are the components as the stub has them now: well again from the moment on
// that all its causes are, and under maintenance only while that is under way.
func (s Stub) Standing() []watch.Component {
	components := slices.Clone(s.Components)
	if s.Phase == watch.Monitoring || s.Phase == watch.Over || s.Planned && !s.Begun {
		for i := range components {
			components[i].Status = watch.Operational
		}
	}
	return components
}

// Impact is the worst that components suffer, or suffered: it stays as the record of what
// the incident was.
func (s Stub) Impact() watch.ComponentStatus {
	impact := cmp.Or(s.Worst, watch.Operational)
	for _, component := range s.Standing() {
		if component.Status.Worse(impact) {
			impact = component.Status
		}
	}
	return impact
}

// quietFor is how long a change waits that is no change of phase and no worse news: what
// comes and goes would otherwise make a line on the status page with each pass.
const quietFor = 55 * time.Minute // an hourly job never starts at quite the same second

// revise makes a new revision where people should see something else than the last one
// showed.
func (s *Stub) revise(was Stub, now time.Time) {
	shown := s.shown()
	if s.Phase == "" || shown == s.Shown || s.Phase == watch.Over && was.Phase == watch.Over {
		return
	}
	step := s.Phase != was.Phase || s.Hidden != was.Hidden || s.Begun != was.Begun || s.Window != was.Window || s.Reopened != was.Reopened || s.worseThanShown()
	if !step && now.Sub(s.RevisedAt) < quietFor {
		return
	}
	s.Revision++
	s.Shown, s.ShownParts, s.RevisedAt = shown, s.Standing(), now
}

// worseThanShown: some component stands worse than the last revision had it.
func (s *Stub) worseThanShown() bool {
	return slices.ContainsFunc(s.Standing(), func(now watch.Component) bool {
		at := slices.IndexFunc(s.ShownParts, func(before watch.Component) bool { return before.ID == now.ID })
		if at < 0 {
			return now.Status != watch.Operational
		}
		return now.Status.Worse(s.ShownParts[at].Status)
	})
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
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}
