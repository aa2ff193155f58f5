// Package stubseen compares a stub as the runner looked at it with how it stands on the
// status system when it is written, so that nothing is written over what a person changed
// between the two. It reads nothing, and knows no status system.
package stubseen

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"lapsewatch/alerts"
	"lapsewatch/incidents"
	"lapsewatch/watch"
)

// Same reports that both show people the same. Spaces and the order of components do not
// count.
func Same(looked, stands incidents.Remote) bool {
	return looked.Key == stands.Key && looked.Open == stands.Open && looked.Hidden == stands.Hidden && looked.Phase == stands.Phase &&
		plain(looked.Title) == plain(stands.Title) &&
		slices.EqualFunc(looked.Texts, stands.Texts, func(a, b string) bool { return plain(a) == plain(b) }) &&
		slices.EqualFunc(inOrder(looked.Components), inOrder(stands.Components), func(a, b watch.Component) bool { return a.ID == b.ID && a.Status == b.Status })
}

func inOrder(components []watch.Component) []watch.Component {
	return slices.SortedFunc(slices.Values(components), func(a, b watch.Component) int {
		return cmp.Or(strings.Compare(a.ID, b.ID), strings.Compare(string(a.Status), string(b.Status)))
	})
}

func plain(text string) string { return strings.Join(strings.Fields(text), " ") }

// Meanwhile is the failure to write where the stub was changed since the runner looked, nil
// where it was not. It is retryable, because the runner looks again before it repeats
// anything.
func Meanwhile(channel string, looked, stands incidents.Remote) error {
	if Same(looked, stands) {
		return nil
	}
	return &alerts.DeliveryError{Channel: channel, Retryable: true, Err: errors.New("it was changed meanwhile, and is looked at again")}
}
