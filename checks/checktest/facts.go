package checktest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"lapsewatch/watch"
)

// Gather gives what a check tells in a pass, in the order in which it does, and the error
// that the pass ends with.
func Gather(ctx context.Context, check watch.Check) ([]watch.Fact, error) {
	var mu sync.Mutex
	var told []watch.Fact
	err := check.Collect(ctx, func(fact watch.Fact) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, fact)
	})
	mu.Lock()
	defer mu.Unlock()
	return told, err
}

// Pass is Gather where an error ends the test.
func Pass(t testing.TB, check watch.Check) []watch.Fact {
	t.Helper()
	told, err := Gather(t.Context(), check)
	if err != nil {
		t.Fatal(err)
	}
	return told
}

// Facts are those of a pass, by the IDs of their subjects.
type Facts map[string]watch.Fact

// ByID sorts what was told into facts and the texts of remarks. A subject that was told of
// twice is an error.
func ByID(t testing.TB, told []watch.Fact) (Facts, []string) {
	t.Helper()
	facts := Facts{}
	var remarks []string
	for _, fact := range told {
		if remark, ok := fact.(watch.Remark); ok {
			remarks = append(remarks, remark.Text)
			continue
		}
		id := fact.About().ID
		if _, twice := facts[id]; twice {
			t.Errorf("%s was told of twice", id)
		}
		facts[id] = fact
	}
	slices.Sort(remarks)
	return facts, remarks
}

// Problems are those among the facts, in no order.
func (f Facts) Problems() []watch.Problem {
	var found []watch.Problem
	for _, fact := range f {
		if problem, ok := fact.(watch.Problem); ok {
			found = append(found, problem)
		}
	}
	return found
}

// Of is the fact of a subject, as the sort that it must be.
func Of[F watch.Fact](t testing.TB, facts Facts, id string) F {
	t.Helper()
	fact, ok := facts[id].(F)
	if !ok {
		t.Fatalf("of %s is told %T %+v, and of all %+v", id, facts[id], facts[id], facts)
	}
	return fact
}

// As is the fact as the sort that it must be.
func As[F watch.Fact](t testing.TB, fact watch.Fact) F {
	t.Helper()
	found, ok := fact.(F)
	if !ok {
		t.Fatalf("got %T %+v, want a %T", fact, fact, found)
	}
	return found
}

// WantCondition holds a condition against its words.
func WantCondition(t testing.TB, fact watch.Fact, reason watch.Reason, text string) watch.Condition {
	t.Helper()
	got, ok := fact.(watch.Condition)
	if !ok || got.Reason != reason || got.Text != text {
		t.Errorf("got  %T %+v\nwant %q %s", fact, fact, reason, text)
	}
	return got
}

// WantProblem holds a problem that hides nothing but what it says against its reason and
// parts of its words, which no terminal takes for orders.
func WantProblem(t testing.TB, fact watch.Fact, reason watch.Reason, words ...string) watch.Problem {
	t.Helper()
	got, ok := fact.(watch.Problem)
	if !ok || got.Reason != reason || !got.Confined || got.Err == nil {
		t.Fatalf("got  %T %+v\nwant %q with %q", fact, fact, reason, words)
	}
	text := got.Err.Error()
	WantWords(t, "the error", text, words...)
	if strings.ContainsAny(text, "\x1b\r\n\u202e") {
		t.Errorf("the error %q is not clean", text)
	}
	return got
}

// WantWords wants parts of a text.
func WantWords(t testing.TB, what, got string, words ...string) {
	t.Helper()
	for _, part := range words {
		if !strings.Contains(got, part) {
			t.Errorf("%s is %q, want %q in it", what, got, part)
		}
	}
}

// Equal wants that two values are.
func Equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s\n got %v\nwant %v", what, got, want)
	}
}
