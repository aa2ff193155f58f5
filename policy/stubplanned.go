package policy

import (
	"cmp"
	"slices"
	"time"

	"lapsewatch/watch"
)

// advancePlanned is for the announcement of a maintenance: it is over when the credential
// was renewed, or has lapsed, which is an incident of its own.
func (r *StubRound) advancePlanned(stub *Stub, seen survey) {
	if stub.Window != nil && !r.now.Before(stub.Window.Until) {
		stub.Begun = false
	}
	switch {
	case r.lapsed(stub):
		// That is an incident of its own.
		stub.Cancelled = true
		r.finish(stub)
	case seen.coming || seen.hurts:
		stub.Good = 0
		r.announce(stub)
	case seen.unknown, !r.trusted, stub.Phase == "":
		stub.Good = 0
	default:
		if stub.RenewedAt = cmp.Or(stub.RenewedAt, r.now); stub.Good == 0 {
			stub.Cancelled = stub.Window != nil && r.now.Before(stub.Window.From)
		}
		// What comes and goes is no reason to announce it anew each time.
		if stub.Good++; stub.Good >= max(1, stub.Terms.GoodPasses) {
			r.finish(stub)
		}
	}
}

func (r *StubRound) lapsed(stub *Stub) bool {
	return slices.ContainsFunc(stub.Causes, func(cause StubCause) bool {
		state := r.states[cause.Finding.ID]
		return state != nil && !state.unknown && !state.gone && slices.Contains(state.finding.Reasons(watch.Warning), watch.Expired)
	})
}

func (r *StubRound) finish(stub *Stub) {
	if stub.Phase == "" {
		return
	}
	stub.enter(watch.Over, r.now)
	stub.ResolvedAt, stub.Begun = r.now, false
}

// announce keeps the announcement up to date: it begins, and where the window passed unused
// there is another, or it is over.
func (r *StubRound) announce(stub *Stub) {
	if stub.Window != nil && stub.Window.Until.After(r.now) {
		stub.Begun = !stub.Window.From.After(r.now)
		return
	}
	var earliest time.Time
	for _, cause := range stub.Causes {
		ends := cause.Finding.NotAfter
		if cause.GoodAt.IsZero() && !ends.IsZero() && (earliest.IsZero() || ends.Before(earliest)) {
			earliest = ends
		}
	}
	var window *watch.Window
	if stub.Terms.Maintenance != nil && !earliest.IsZero() {
		window = stub.Terms.Maintenance.window(earliest, r.now)
	}
	switch {
	case window == nil:
		stub.Cancelled = true
		r.finish(stub)
		return
	case stub.Phase == "":
		stub.OpenedAt = r.now
	}
	stub.Window, stub.Begun = window, false
	stub.enter(watch.Scheduled, r.now)
}
