package remoteclock_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"lapsewatch/internal/remoteclock"
	"lapsewatch/watch"
)

// host is a web server with a clock of its own, which counts who asks.
type host struct {
	offset time.Duration
	// there and back are how long the request and the answer are on their way.
	there, back time.Duration
	header      http.Header
	asked       []time.Time
}

func (h *host) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.asked = append(h.asked, time.Now())
	time.Sleep(h.there)
	w.Header().Set("Date", time.Now().Add(h.offset).UTC().Format(http.TimeFormat))
	for name, values := range h.header {
		w.Header()[name] = values
	}
	time.Sleep(h.back)
}

func (h *host) read(t *testing.T, goal, patience time.Duration) remoteclock.Reading {
	t.Helper()
	dial, stop := serve(h.ServeHTTP)
	defer stop()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	reading, err := remoteclock.HTTP{URL: "http://host.example", Dial: dial, Goal: goal}.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return reading
}

func (h *host) politely(t *testing.T) {
	t.Helper()
	if len(h.asked) > 10 {
		t.Errorf("%d requests", len(h.asked))
	}
	for i := 1; i < len(h.asked); i++ {
		if gap := h.asked[i].Sub(h.asked[i-1]); gap < 250*time.Millisecond {
			t.Errorf("request %d came %v after the one before", i+1, gap)
		}
	}
}

func covers(t *testing.T, reading remoteclock.Reading, truth, atMost time.Duration) {
	t.Helper()
	if off := (reading.Offset - truth).Abs(); off > reading.Uncertainty || reading.Uncertainty > atMost {
		t.Errorf("%v ± %v for %v: want it covered, by ± %v at the most; %v", reading.Offset, reading.Uncertainty, truth, atMost, reading.Details)
	}
}

func TestRequestsNarrowADateDownToMilliseconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for n := range 60 {
			time.Sleep(time.Duration(n) * 17 * time.Millisecond) // so that the phases of the clocks differ
			truth := time.Duration(n-30) * 1_234_567_891 * time.Microsecond
			h := &host{offset: truth}
			covers(t, h.read(t, 0, time.Minute), truth, 8*time.Millisecond)
			h.politely(t)
		}
	})
}

func TestALongWayMakesTheBoundsWiderAndNotWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, h := range []*host{
			{there: 100 * time.Millisecond, back: 100 * time.Millisecond},
			{there: 200 * time.Millisecond}, {back: 200 * time.Millisecond}, {there: 400 * time.Millisecond, back: 800 * time.Millisecond},
			{there: 3 * time.Second, back: time.Second}, {there: 10 * time.Millisecond, back: 900 * time.Millisecond},
		} {
			h.offset = -42 * time.Hour
			// Where the two ways differ by whole seconds the requests arrive at the wrong phase.
			covers(t, h.read(t, 0, time.Minute), h.offset, 510*time.Millisecond+(h.there+h.back)/2)
			h.politely(t)
		}
	})
}

func TestOneRequestIsEnoughWhereMoreWouldChangeNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, test := range map[string]struct {
			h    host
			goal time.Duration
		}{
			"a wide goal":                             {host{offset: time.Minute}, time.Second},
			"a host that is two days away":            {host{offset: 48 * time.Hour}, 10 * time.Millisecond},
			"a server that makes its Date on a timer": {host{header: http.Header{"Server": {"Kestrel"}}}, 0},
		} {
			reading := test.h.read(t, test.goal, time.Minute)
			covers(t, reading, test.h.offset, 1100*time.Millisecond)
			if len(test.h.asked) != 1 || reading.Details["requests"] != 1 {
				t.Errorf("%s: %d requests, %v", name, len(test.h.asked), reading.Details)
			}
		}
	})
}

func TestAGoalEndsTheNarrowing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{offset: 3 * time.Second}
		covers(t, h.read(t, 100*time.Millisecond, time.Minute), h.offset, 100*time.Millisecond)
		if len(h.asked) < 3 || len(h.asked) > 5 {
			t.Errorf("%d requests", len(h.asked))
		}
	})
}

func TestAShortTimeGivesALessExactReadingAndNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, patience := range []time.Duration{100 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second} {
			h := &host{offset: 90 * time.Second, there: 5 * time.Millisecond}
			began := time.Now()
			covers(t, h.read(t, 0, patience), h.offset, 520*time.Millisecond)
			if took := time.Since(began); took > patience {
				t.Errorf("it took %v of %v", took, patience)
			}
		}
	})
}

func TestAServerThatKeepsNoConnectionIsReadAsExactly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{offset: 90 * time.Second, header: http.Header{"Connection": {"close"}}}
		covers(t, h.read(t, 0, time.Minute), h.offset, 8*time.Millisecond)
		h.politely(t)
	})
}

func TestSeveralHostsBehindOneNameAreNamedAsWhatTheyAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		dial, stop := serve(func(w http.ResponseWriter, _ *http.Request) {
			n++
			w.Header().Set("Date", time.Now().Add(time.Duration(n%2)*91*time.Second).UTC().Format(http.TimeFormat))
		})
		defer stop()
		_, err := remoteclock.HTTP{URL: "http://host.example", Dial: dial}.Read(t.Context())
		failure, ok := errors.AsType[*remoteclock.Failure](err)
		if !ok || failure.Reason != watch.ClockUncertain {
			t.Fatalf("error %v", err)
		}
		want := "read the Date of http://host.example/: the answers contradict each other by at least 1m30s: several hosts with different clocks answer here, or the clock was set meanwhile"
		if got := failure.Error(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

func TestASmallContradictionMakesTheBoundsWider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		dial, stop := serve(func(w http.ResponseWriter, _ *http.Request) {
			n++
			w.Header().Set("Date", time.Now().Add(time.Duration(n%2)*1500*time.Millisecond).UTC().Format(http.TimeFormat))
		})
		defer stop()
		reading, err := remoteclock.HTTP{URL: "http://host.example", Dial: dial}.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		covers(t, reading, 0, 2*time.Second)
		covers(t, reading, 1500*time.Millisecond, 2*time.Second)
		if reading.Details["contradiction"] == nil {
			t.Errorf("details %v", reading.Details)
		}
	})
}

func TestWhatWasReadHoldsWhereTheServerGoesAwayMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		h := &host{offset: time.Hour}
		dial, stop := serve(func(w http.ResponseWriter, r *http.Request) {
			if n++; n > 2 {
				panic(http.ErrAbortHandler)
			}
			h.ServeHTTP(w, r)
		})
		defer stop()
		reading, err := remoteclock.HTTP{URL: "http://host.example", Dial: dial}.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		covers(t, reading, time.Hour, 600*time.Millisecond)
		if got := reading.Details["ended_early"]; got != "read the Date of http://host.example/: the server closed the connection" {
			t.Errorf("ended early: %v", got)
		}
	})
}

func TestACacheThatAnswersOnlyTheSecondRequestIsRefusedToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		dial, stop := serve(func(w http.ResponseWriter, _ *http.Request) {
			if n++; n > 1 {
				w.Header().Set("Age", "0")
			}
		})
		defer stop()
		_, err := remoteclock.HTTP{URL: "http://host.example", Dial: dial}.Read(t.Context())
		if failure, ok := errors.AsType[*remoteclock.Failure](err); !ok || failure.Reason != watch.Unreadable {
			t.Errorf("error %v", err)
		}
	})
}

func TestTheRequestsAskForNothingThatIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		dial, stop := serve(func(_ http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.Method+" "+r.RequestURI+" "+r.Header.Get("Cache-Control")+" "+r.UserAgent())
		})
		defer stop()
		if _, err := (remoteclock.HTTP{URL: "http://host.example", Dial: dial, Goal: time.Second}).Read(t.Context()); err != nil {
			t.Fatal(err)
		}
		if want := []string{"HEAD / no-store, no-cache lapsewatch"}; !slices.Equal(asked, want) {
			t.Errorf("asked %q", asked)
		}
	})
}
