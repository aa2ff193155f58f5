package incidenttest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"lapsewatch/alerts/alerttest"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/watch"
)

// severalPages are more stubs than the desk's pages of three hold.
const severalPages = 8

// fill makes several pages of stubs with people's records between them.
func (o *Office) fill(t *testing.T) {
	t.Helper()
	for i := range severalPages {
		stub := o.Stub(fmt.Sprintf("service-%d", i))
		stub.Components = nil
		o.Create(t, stub)
		o.AddForeign(fmt.Sprintf("Something else %d", i), "We are looking into it.")
	}
}

func (s Suite) longList(t *testing.T) {
	o := s.open(t)
	o.fill(t)
	if all := o.List(t); len(all) != severalPages {
		t.Errorf("%d stubs are listed, want %d", len(all), severalPages)
	}
	for i := range severalPages {
		o.settled(t, o.One(t, o.Stub(fmt.Sprintf("service-%d", i)).Key))
	}
}

func (s Suite) brokenList(t *testing.T) {
	o := s.open(t)
	o.fill(t)
	before := len(o.recorder.Requests())
	o.List(t)
	requests := len(o.recorder.Requests()) - before
	if requests < 2 {
		t.Fatalf("the list of %d stubs is read with %d requests: want pages of three", severalPages, requests)
	}
	for name, breaks := range map[string]http.HandlerFunc{
		"500":                alerttest.Says(http.StatusInternalServerError, "{}"),
		"breaks off":         alerttest.BreaksOff("["),
		"is no JSON":         alerttest.Says(http.StatusOK, `[{"id": `),
		"is nothing":         alerttest.Says(http.StatusOK, ""),
		"is a login page":    alerttest.Says(http.StatusOK, "<html>Sign in</html>"),
		"is of another form": alerttest.Says(http.StatusOK, `"later"`),
		"is null":            alerttest.Says(http.StatusOK, "null"),
	} {
		for n := range requests {
			t.Run(fmt.Sprintf("answer %d of %d: %s", n+1, requests, name), func(t *testing.T) {
				o.answerWith(o.nth(n, breaks))
				defer o.answerWith(nil)
				all, err := o.System(t).List(t.Context(), longAgo())
				if err == nil {
					t.Fatalf("%d of %d stubs are listed, and no error is given", len(all), severalPages)
				}
				_ = o.failure(t, err)
			})
		}
	}
}

// nth breaks only one of the requests that follow, counted from none.
func (o *Office) nth(n int, breaks http.HandlerFunc) http.HandlerFunc {
	seen := 0
	return func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		at := seen
		seen++
		o.mu.Unlock()
		if at == n {
			breaks(w, r)
			return
		}
		o.Desk.(Web).Handler().ServeHTTP(w, r)
	}
}

// refusedAfter is a 400 of a service that has done what it refuses.
const refusedAfter tickettest.Loss = "the service answers 400 after it was done"

func losses() []tickettest.Loss {
	return []tickettest.Loss{tickettest.CutAfter, tickettest.FailedAfter, refusedAfter, tickettest.CutBefore}
}

// lostAnswers loses each write's reply once and then does what the runner does: it looks
// again, and brings what it finds to what it should be. The outcome is that of a life
// without losses.
func (s Suite) lostAnswers(t *testing.T) {
	whole, creating, updating := s.wholeLife(t)
	for _, loss := range losses() {
		for n := 1; n <= creating; n++ {
			t.Run(fmt.Sprintf("write %d of creating: %s", n, loss), func(t *testing.T) {
				o := s.open(t)
				stub := o.Stub("orders")
				o.Lose(n, loss)
				if _, err := o.System(t).Create(t.Context(), stub); err != nil {
					_ = o.failure(t, err)
				}
				if len(o.List(t)) == 0 {
					o.Create(t, stub)
				}
				o.Update(t, o.One(t, stub.Key), stub)
				o.Update(t, o.One(t, stub.Key), o.Moved(stub, watch.Identified))
				o.wantWhole(t, whole)
			})
		}
		for n := 1; n <= updating; n++ {
			t.Run(fmt.Sprintf("write %d of updating: %s", n, loss), func(t *testing.T) {
				o := s.open(t)
				stub := o.Stub("orders")
				current := o.Create(t, stub)
				o.Lose(n, loss)
				if _, err := o.System(t).Update(t.Context(), current, o.Moved(stub, watch.Identified)); err != nil {
					_ = o.failure(t, err)
				}
				o.Update(t, o.One(t, stub.Key), o.Moved(stub, watch.Identified))
				o.wantWhole(t, whole)
			})
		}
	}
}

// wholeLife is what stands there after a life without losses, and how many writes creating
// and updating take.
func (s Suite) wholeLife(t *testing.T) (dump string, creating, updating int) {
	t.Helper()
	o := s.open(t)
	stub := o.Stub("orders")
	current := o.Create(t, stub)
	creating = o.writes
	o.Update(t, current, o.Moved(stub, watch.Identified))
	return string(Dump(o.Records())), creating, o.writes - creating
}

func (o *Office) wantWhole(t *testing.T, want string) {
	t.Helper()
	if got := string(Dump(o.Records())); got != want {
		t.Errorf("after the loss there stands\n%s\nand without it\n%s", got, want)
	}
}

func (s Suite) cancelled(t *testing.T) {
	o := s.open(t)
	for _, operation := range o.operations(t) {
		t.Run(operation.name, func(t *testing.T) {
			before := o.requests()
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			failure := o.failure(t, operation.call(ctx, o.System(t)))
			if !errors.Is(failure, context.Canceled) || !failure.Retryable {
				t.Errorf("want a retryable error that wraps context.Canceled, got %v (retryable %t)", failure, failure.Retryable)
			}
			if sent := o.requests() - before; sent != 0 {
				t.Errorf("%d requests were sent", sent)
			}
		})
	}
}

func (o *Office) requests() int {
	if o.recorder == nil {
		return 0
	}
	return len(o.recorder.Requests())
}
