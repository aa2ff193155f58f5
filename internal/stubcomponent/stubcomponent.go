// Package stubcomponent decides how a stub may leave a component of a status page that
// people, other tools and other stubs set as well. A stub makes no component better than
// somebody else left it, and goes on with what another stub of Lapsewatch has set. The
// package asks no service and remembers nothing: the status system keeps what a stub left.
package stubcomponent

import "lapsewatch/watch"

// Kept is what a stub keeps of a component.
type Kept struct {
	// Left is how the stub left it when it set it last.
	Left watch.ComponentStatus
	// Before is how somebody else had left it before the stub; empty where it was well, or
	// another stub had set it.
	Before watch.ComponentStatus
}

// Other is what another stub of the same page keeps of the component.
type Other struct {
	Kept
	// Open: that stub is not resolved. Later: it was written after this one, or at the same
	// instant.
	Open, Later bool
}

// Decision is what becomes of the component.
type Decision struct {
	// Set: it is to be set to Kept.Left, as far as it does not stand so. Otherwise it is left
	// to whoever changed it.
	Set bool
	Kept
}

// Next decides how a stub that wants a component in a state goes on with one that stands in
// another. Kept is nil where the stub has not set it before. The others are asked for only
// where it is not clear who has set it.
func Next(stands watch.ComponentStatus, kept *Kept, wanted watch.ComponentStatus, others func() ([]Other, error)) (Decision, error) {
	if kept == nil {
		before, err := found(stands, others)
		return set(wanted, before), err
	}
	next := set(wanted, kept.Before)
	if stands == kept.Left || stands == next.Left {
		return next, nil
	}
	all, err := others()
	if err != nil {
		return Decision{}, err
	}
	for _, other := range all {
		if other.Later && other.Left == stands {
			return next, nil
		}
	}
	return Decision{Kept: *kept}, nil
}

func set(wanted, before watch.ComponentStatus) Decision {
	if before != "" && before.Worse(wanted) {
		wanted = before
	}
	return Decision{Set: true, Kept: Kept{Left: wanted, Before: before}}
}

// found is how somebody else has left a component that the stub has not set before.
func found(stands watch.ComponentStatus, others func() ([]Other, error)) (watch.ComponentStatus, error) {
	if !stands.Worse(watch.Operational) {
		return "", nil
	}
	all, err := others()
	if err != nil {
		return "", err
	}
	for _, other := range all {
		if other.Open && other.Left == stands {
			return other.Before, nil
		}
	}
	return stands, nil
}

// Released is what to want of a component that a stub has set and is not tied to any more:
// the worst that other open stubs want of it.
func Released(others []Other) watch.ComponentStatus {
	worst := watch.Operational
	for _, other := range others {
		if other.Open && other.Left.Worse(worst) {
			worst = other.Left
		}
	}
	return worst
}
