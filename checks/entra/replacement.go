package entra

import (
	"time"

	"lapsewatch/watch"
)

// margin is by how much a replacement must outlive what it replaces. Two credentials that
// end in the same week were made together, for two users of the application, and neither
// is the other's successor.
const margin = 7 * day

// outlives reports whether i ends more than the span after other.
func (i *item) outlives(other *item, by time.Duration) bool {
	switch {
	case other.endless():
		return false
	case i.endless():
		return true
	default:
		return i.end.After(other.end.Add(by))
	}
}

// replacement is the newest other credential of the same holder that can take over now
// from the one at the index: it signs in as well, was made later and ends later. Of two
// credentials at most one replaces the other, since only one of them ends later.
func (h *holder) replacement(at int, now time.Time) *watch.Replacement {
	old := &h.items[at]
	if !old.signsIn() || old.endless() {
		return nil
	}
	var newest *item
	for i := range h.items {
		other := &h.items[i]
		if i == at || !other.signsIn() || !other.valid(now) || !other.outlives(old, margin) || !other.madeAfter(old) {
			continue
		}
		if newest == nil || newest.start.Before(other.start) {
			newest = other
		}
	}
	if newest == nil {
		return nil
	}
	return &watch.Replacement{Name: h.itemName(newest), NotBefore: newest.start, NotAfter: newest.end}
}

// madeAfter takes a missing date for the one that would let the other be newer.
func (i *item) madeAfter(old *item) bool {
	return i.start.IsZero() || old.start.IsZero() || i.start.After(old.start)
}
