package pagerduty

import "lapsewatch/watch"

// sequence are the events that bring the finding's two alerts to where they should be; to
// repeat any of them does no harm. The critical alert comes first, whether it is opened or
// resolved: wherever the sequence breaks off, what is critical has an open incident, and
// no critical one is left behind for what is not.
func (t told) sequence(routingKey string) []alertEvent {
	switch {
	case t.Ended() && !t.criticalMayBeOpen():
		return []alertEvent{t.closing(routingKey, false)}
	case t.Ended():
		return []alertEvent{t.closing(routingKey, true), t.closing(routingKey, false)}
	case !t.otherMayBeOpen():
		return []alertEvent{t.opening(routingKey)}
	case t.Critical():
		return []alertEvent{t.opening(routingKey), t.closing(routingKey, false)}
	default:
		return []alertEvent{t.closing(routingKey, true), t.opening(routingKey)}
	}
}

// criticalMayBeOpen reports whether a finding that has ended may have had a critical alert.
// Before a milder one was told of, its critical alert was resolved.
func (t told) criticalMayBeOpen() bool {
	return t.Event.Previous != watch.Warning && t.Event.Previous != watch.Unknown
}

// otherMayBeOpen reports whether the alert that is not the finding's own from now on may
// be open.
func (t told) otherMayBeOpen() bool {
	switch t.Event.Type {
	case watch.Opened:
		// It was told of already where it could not be read, or where a change of it
		// never arrived.
		return t.Event.Previous.AtLeast(watch.Warning)
	case watch.Reminder:
		// A reminder of what is not known comes after the loss of the record.
		return t.Event.Previous == ""
	default:
		return t.WasCritical() != t.Critical()
	}
}
