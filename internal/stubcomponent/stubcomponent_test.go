package stubcomponent_test

import (
	"errors"
	"testing"

	"lapsewatch/internal/stubcomponent"
	"lapsewatch/watch"
)

func TestAStubLeavesAComponentAsNobodyElseWouldMissIt(t *testing.T) {
	type kept = stubcomponent.Kept
	type other = stubcomponent.Other
	theirs := kept{Left: watch.PartialOutage, Before: watch.PartialOutage}
	tests := []struct {
		name   string
		stands watch.ComponentStatus
		kept   *kept
		wanted watch.ComponentStatus
		others []other
		want   stubcomponent.Decision
	}{
		{"one that is well is set", watch.Operational, nil, watch.Degraded, nil, stubcomponent.Decision{Set: true, Kept: kept{Left: watch.Degraded}}},
		{"one that somebody left worse stays so", watch.MajorOutage, nil, watch.Degraded, nil, stubcomponent.Decision{Set: true, Kept: kept{watch.MajorOutage, watch.MajorOutage}}},
		{"one that somebody left better is set", watch.UnderMaintenance, nil, watch.Degraded, nil, stubcomponent.Decision{Set: true, Kept: kept{watch.Degraded, watch.UnderMaintenance}}},
		{"and is in the end as it was before", watch.Degraded, &kept{watch.Degraded, watch.UnderMaintenance}, watch.Operational, nil, stubcomponent.Decision{Set: true, Kept: kept{watch.UnderMaintenance, watch.UnderMaintenance}}},
		{"one that another stub has set is set on", watch.Degraded, nil, watch.Degraded, []other{{Kept: kept{Left: watch.Degraded}, Open: true}}, stubcomponent.Decision{Set: true, Kept: kept{Left: watch.Degraded}}},
		{"what it was before another stub is known by that one", watch.PartialOutage, nil, watch.Degraded, []other{{Kept: theirs, Open: true}}, stubcomponent.Decision{Set: true, Kept: theirs}},
		{"a stub that is over has set nothing any more", watch.PartialOutage, nil, watch.Degraded, []other{{Kept: theirs, Later: true}}, stubcomponent.Decision{Set: true, Kept: theirs}},
		{"one that stands as it was left is set", watch.Degraded, &kept{Left: watch.Degraded}, watch.Operational, nil, stubcomponent.Decision{Set: true, Kept: kept{Left: watch.Operational}}},
		{"one that stands as it is wanted is taken", watch.Operational, &kept{Left: watch.Degraded}, watch.Operational, nil, stubcomponent.Decision{Set: true, Kept: kept{Left: watch.Operational}}},
		{"one that somebody changed is left to them", watch.UnderMaintenance, &kept{Left: watch.Degraded}, watch.Operational, []other{{Kept: kept{Left: watch.UnderMaintenance}, Open: true}}, stubcomponent.Decision{Kept: kept{Left: watch.Degraded}}},
		{"one that another stub changed since is not", watch.Degraded, &kept{Left: watch.MajorOutage}, watch.Operational, []other{{Kept: kept{Left: watch.Degraded}, Later: true}}, stubcomponent.Decision{Set: true, Kept: kept{Left: watch.Operational}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := stubcomponent.Next(test.stands, test.kept, test.wanted, func() ([]stubcomponent.Other, error) { return test.others, nil })
			if err != nil || got != test.want {
				t.Errorf("%+v, error %v; want %+v", got, err, test.want)
			}
		})
	}
}

func TestNothingIsDecidedWithoutTheOthers(t *testing.T) {
	broken := errors.New("no list")
	for name, kept := range map[string]*stubcomponent.Kept{"set before": {Left: watch.Degraded}, "not set before": nil} {
		if _, err := stubcomponent.Next(watch.MajorOutage, kept, watch.Operational, func() ([]stubcomponent.Other, error) { return nil, broken }); !errors.Is(err, broken) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestWhatIsReleasedStaysAsOtherOpenStubsWantIt(t *testing.T) {
	others := []stubcomponent.Other{
		{Kept: stubcomponent.Kept{Left: watch.MajorOutage}}, {Kept: stubcomponent.Kept{Left: watch.Degraded}, Open: true}, {Kept: stubcomponent.Kept{Left: watch.Operational}, Open: true},
	}
	if got := stubcomponent.Released(others); got != watch.Degraded {
		t.Errorf("released as %s", got)
	}
	if got := stubcomponent.Released(nil); got != watch.Operational {
		t.Errorf("released as %s", got)
	}
}
