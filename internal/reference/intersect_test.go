package reference

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestTheMajorityBoundsTheTruth(t *testing.T) {
	const (
		ms  = time.Millisecond
		sec = time.Second
	)
	tests := []struct {
		name      string
		all       []interval
		low, high time.Duration
		members   []int
		together  int
	}{
		{"one alone is all there is", []interval{{5 * ms, 2 * ms}}, 3 * ms, 7 * ms, []int{0}, 1},
		// Any one of them may lie.
		{"four agree", []interval{{0, 10 * ms}, {2 * ms, 10 * ms}, {-2 * ms, 10 * ms}, {1 * ms, 10 * ms}}, -9 * ms, 10 * ms, []int{0, 1, 2, 3}, 4},
		{"two agree", []interval{{0, 10 * ms}, {2 * ms, 10 * ms}}, -8 * ms, 10 * ms, []int{0, 1}, 2},
		{"one of four lies", []interval{{0, 10 * ms}, {5 * sec, 10 * ms}, {2 * ms, 10 * ms}, {-2 * ms, 10 * ms}}, -8 * ms, 8 * ms, []int{0, 2, 3}, 3},
		{"one of three lies", []interval{{-5 * sec, 1 * ms}, {0, 10 * ms}, {2 * ms, 10 * ms}}, -8 * ms, 10 * ms, []int{1, 2}, 2},
		{"two of five lie in the same way", []interval{{sec, ms}, {sec, ms}, {0, ms}, {0, ms}, {0, ms}}, -ms, ms, []int{2, 3, 4}, 3},
		{"equal points agree", []interval{{ms, 0}, {ms, 0}, {ms, 0}}, ms, ms, []int{0, 1, 2}, 3},
		{"a year ahead of everybody", []interval{{365 * 24 * time.Hour, ms}, {0, ms}, {0, ms}}, -ms, ms, []int{1, 2}, 2},
		// Nobody can say who lies, so that all between the two is possible.
		{"a wide one that holds both of two that disagree", []interval{{0, 3 * sec}, {-sec, ms}, {sec, ms}}, -sec - ms, sec + ms, []int{0, 1, 2}, 2},
		{"a wide one around three that agree", []interval{{sec, 3 * sec}, {0, ms}, {0, ms}, {0, ms}}, -ms, ms, []int{0, 1, 2, 3}, 4},
		// RFC 5905 would call the second and the third liars.
		{"middles outside of what all have in common", []interval{{0, 4 * ms}, {3 * ms, 4 * ms}, {-3 * ms, 4 * ms}, {0, 2 * ms}, {0, 2 * ms}},
			-2 * ms, 2 * ms, []int{0, 1, 2, 3, 4}, 5},
		{"a liar that overlaps two of three that are right", []interval{{0, 4 * ms}, {-3 * ms, 4 * ms}, {3 * ms, 4 * ms}, {5 * ms, 2 * ms}}, -ms, 4 * ms, []int{0, 1, 2, 3}, 3},
		{"one in the gap between two places where a majority agrees", []interval{{0, 10 * sec}, {0, 10 * sec}, {-5 * sec, ms}, {-5 * sec, ms}, {5 * sec, ms}, {5 * sec, ms}, {0, ms}},
			-5*sec - ms, 5*sec + ms, []int{0, 1, 2, 3, 4, 5}, 4},
		{"nobody agrees where nobody is", nil, 0, 0, nil, 0},
		{"two disagree", []interval{{0, ms}, {sec, ms}}, 0, 0, nil, 1},
		{"two of four lie in the same way", []interval{{0, ms}, {0, ms}, {5 * sec, ms}, {5 * sec, ms}}, 0, 0, nil, 2},
		{"two of four lie, each in its own way", []interval{{0, ms}, {0, ms}, {5 * sec, ms}, {-7 * sec, ms}}, 0, 0, nil, 2},
		{"two that touch have that point in common", []interval{{0, ms}, {2 * ms, ms}}, ms, ms, []int{0, 1}, 2},
		{"two that do not quite touch", []interval{{0, ms}, {2*ms + 1, ms}}, 0, 0, nil, 1},
		{"one that touches what the majority has in common", []interval{{0, ms}, {0, ms}, {2 * ms, ms}}, -ms, ms, []int{0, 1, 2}, 3},
		{"two groups of three among six", []interval{{0, ms}, {0, ms}, {0, ms}, {sec, ms}, {sec, ms}, {sec, ms}}, 0, 0, nil, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, ok := intersect(test.all)
			if ok != (test.members != nil) || got.low != test.low || got.high != test.high || !slices.Equal(got.members, test.members) || got.together != test.together {
				t.Errorf("got %+v, %t", got, ok)
			}
		})
	}
}

func TestTheMajorityIsCombinedByHowExactItsMembersAre(t *testing.T) {
	const (
		ms  = time.Millisecond
		far = 60 * 365 * 24 * time.Hour
	)
	tests := []struct {
		name      string
		all       []interval
		low, high time.Duration
		want      interval
	}{
		{"one alone", []interval{{5 * ms, 2 * ms}}, 3 * ms, 7 * ms, interval{5 * ms, 2 * ms}},
		{"two equally exact", []interval{{0, 2 * ms}, {2 * ms, 2 * ms}}, 0, 2 * ms, interval{ms, ms}},
		// Weighted 3 to 1 the offset is 1 ms, and what is furthest from it is −2 ms.
		{"one three times as exact", []interval{{0, 2 * ms}, {4 * ms, 6 * ms}}, -2 * ms, 2 * ms, interval{ms, 3 * ms}},
		{"years away", []interval{{far, ms}, {far + ms, ms}}, far, far + ms, interval{far + ms/2, ms / 2}},
		{"points", []interval{{ms, 0}, {ms, 0}}, ms, ms, interval{ms, 0}},
		{"middles that lie outside of what is possible", []interval{{3 * ms, 3 * ms}, {5 * ms, 5 * ms}, {0, 100 * ms}}, 0, ms, interval{ms, ms}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			agreed := agreement{low: test.low, high: test.high}
			for i := range test.all {
				agreed.members = append(agreed.members, i)
			}
			if got := combine(test.all, agreed); got != test.want {
				t.Errorf("got %v ± %v, want %v ± %v", got.mid, got.half, test.want.mid, test.want.half)
			}
		})
	}
}

func TestTheTruthIsWithinTheUncertaintyWheneverMostAreRight(t *testing.T) {
	const (
		trials = 100_000
		widest = int64(20 * time.Millisecond)
	)
	random := rand.New(rand.NewPCG(8, 633))
	for trial := range trials {
		truth := time.Duration(random.Int64N(int64(time.Hour)) - int64(30*time.Minute))
		all := make([]interval, 1+random.IntN(12))
		liars := random.IntN((len(all) + 1) / 2)
		for i := range all {
			half := time.Duration(random.Int64N(widest))
			from := int64(half)
			if i < liars {
				// Near enough to overlap some of those that are right.
				from = 2 * widest
			}
			all[i] = interval{mid: truth + time.Duration(random.Int64N(2*from+1)-from), half: half}
		}
		agreed, ok := intersect(all)
		if !ok {
			t.Fatalf("trial %d: no majority of %v, with %d liars", trial, all, liars)
		}
		if got := combine(all, agreed); truth < got.low() || truth > got.high() {
			t.Fatalf("trial %d: the truth, %v, is outside of %v ± %v by %v, with %d liars", trial, truth, got.mid, got.half, all, liars)
		}
		for i := liars; i < len(all); i++ {
			if !slices.Contains(agreed.members, i) {
				t.Fatalf("trial %d: %v is right, and no member of %+v by %v", trial, all[i], agreed, all)
			}
		}
	}
}

func FuzzIntersect(f *testing.F) {
	f.Add(int64(0), int64(1), int64(5), int64(1), int64(1), int64(2), int64(-1), int64(3))
	f.Add(int64(0), int64(4), int64(3), int64(4), int64(-3), int64(4), int64(0), int64(2))
	f.Fuzz(func(t *testing.T, m1, h1, m2, h2, m3, h3, m4, h4 int64) {
		const far = 1 << 61
		var all []interval
		for _, pair := range [][2]int64{{m1, h1}, {m2, h2}, {m3, h3}, {m4, h4}} {
			all = append(all, interval{time.Duration(pair[0] % far), time.Duration(uint64(pair[1]) % uint64(3*time.Second))})
		}
		agreed, ok := intersect(all)
		if !ok {
			return
		}
		if len(agreed.members) < 3 || agreed.low > agreed.high || agreed.together < 3 {
			t.Fatalf("%v: %+v", all, agreed)
		}
		if got := combine(all, agreed); got.mid-got.half > agreed.low+1 || got.mid+got.half < agreed.high-1 {
			t.Errorf("%v: %v does not hold %+v", all, got, agreed)
		}
	})
}
