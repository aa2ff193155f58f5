// Package checktest is the conformance suite that every kind of check passes, and what the
// kinds' own tests share: an environment, a memory that can be looked into, the facts of a
// pass, options, a search for secrets. The suite tests what the contract in package checks
// and watch.Check promises for all kinds, and not what a kind reads; that is the kind's own
// tests' business.
package checktest

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/watch"
)

// Case is a configured check over subjects that stay as they are during the test.
type Case struct {
	Kind   checks.Kind
	Decode watch.Decoder
	Env    checks.Env
	// Readable and Unreadable are how many subjects can and cannot be read. Both
	// must be above zero, and each unreadable one must hide nothing but itself.
	Readable, Unreadable int
	// AllReadable: the kind asks nobody, so that no subject of it can be unreadable.
	AllReadable bool
}

// hung is far beyond the time that any case takes.
const hung = time.Minute

// Run runs the suite.
func Run(t *testing.T, c Case) {
	t.Helper()
	if c.Readable == 0 || c.Unreadable == 0 && !c.AllReadable {
		t.Fatal("the case needs readable and unreadable subjects")
	}
	t.Run("one unreadable subject is a problem and no error", func(t *testing.T) { c.problemsAreData(t) })
	t.Run("two passes name the same subjects", func(t *testing.T) { c.identitiesAreStable(t) })
	t.Run("facts are complete", func(t *testing.T) { c.factsAreComplete(t) })
	t.Run("an ended context ends the pass", func(t *testing.T) { c.contextIsHonoured(t) })
	t.Run("nothing runs on after a pass", func(t *testing.T) { c.nothingRunsOn(t) })
	t.Run("options that cannot be decoded are refused", func(t *testing.T) { c.decodeErrorsCount(t) })
}

func (c Case) build(t *testing.T) watch.Check {
	t.Helper()
	check, err := c.Kind.Build(c.Decode, c.Env)
	if err != nil {
		t.Fatal(err)
	}
	return check
}

// pass collects once and fails the test when the check hangs.
func pass(t *testing.T, ctx context.Context, check watch.Check) ([]watch.Fact, error) {
	t.Helper()
	type outcome struct {
		told []watch.Fact
		err  error
	}
	ended := make(chan outcome, 1)
	go func() {
		told, err := Gather(ctx, check)
		ended <- outcome{told, err}
	}()
	select {
	case end := <-ended:
		return end.told, end.err
	case <-time.After(hung):
		t.Fatal("the pass does not end")
		return nil, nil
	}
}

func (c Case) problemsAreData(t *testing.T) {
	facts, err := pass(t, t.Context(), c.build(t))
	if err != nil {
		t.Fatalf("the pass ended with an error: %v", err)
	}
	readable, unreadable := 0, 0
	for _, fact := range facts {
		problem, ok := fact.(watch.Problem)
		switch {
		case !ok:
			readable++
		default:
			unreadable++
			if !problem.Confined {
				t.Errorf("the problem of %s claims to hide other subjects", problem.Subject.ID)
			}
		}
	}
	if readable != c.Readable || unreadable != c.Unreadable {
		t.Errorf("%d subjects were read and %d not, want %d and %d", readable, unreadable, c.Readable, c.Unreadable)
	}
}

func identities(t *testing.T, facts []watch.Fact) []string {
	t.Helper()
	var ids []string
	for _, fact := range facts {
		ids = append(ids, fact.About().ID)
	}
	slices.Sort(ids)
	if len(slices.Compact(slices.Clone(ids))) != len(ids) {
		t.Errorf("an ID stands for two subjects: %q", ids)
	}
	return ids
}

func (c Case) identitiesAreStable(t *testing.T) {
	check := c.build(t)
	first, err := pass(t, t.Context(), check)
	again, errAgain := pass(t, t.Context(), check)
	if err = errors.Join(err, errAgain); err != nil {
		t.Fatal(err)
	}
	if one, two := identities(t, first), identities(t, again); !slices.Equal(one, two) {
		t.Errorf("the first pass named %q, the second %q", one, two)
	}
}

func (c Case) factsAreComplete(t *testing.T) {
	facts, err := pass(t, t.Context(), c.build(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, fact := range facts {
		if subject := fact.About(); subject.ID == "" || subject.Name == "" {
			t.Errorf("a subject has no ID or no name: %+v", subject)
		}
		switch fact := fact.(type) {
		case watch.Problem:
			if !slices.Contains(watch.Reasons(), fact.Reason) || fact.Err == nil {
				t.Errorf("the problem of %s has the reason %q and the error %v", fact.Subject.ID, fact.Reason, fact.Err)
			}
		case watch.Credential:
			if fact.Form == "" || fact.Identity == "" {
				t.Errorf("the credential of %s has the form %q and the identity %q", fact.Subject.ID, fact.Form, fact.Identity)
			}
		}
	}
}

func (c Case) contextIsHonoured(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := pass(t, ctx, c.build(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("the pass ended with the error %v; one that was cut short must say so, or what it did not see would count as gone", err)
	}
}

func (c Case) nothingRunsOn(t *testing.T) {
	before := runtime.NumGoroutine()
	if _, err := pass(t, t.Context(), c.build(t)); err != nil {
		t.Fatal(err)
	}
	for wait := time.Millisecond; runtime.NumGoroutine() > before; wait *= 2 {
		if wait > 5*time.Second {
			stacks := make([]byte, 1<<16)
			t.Fatalf("goroutines run on after the pass:\n%s", stacks[:runtime.Stack(stacks, true)])
		}
		time.Sleep(wait)
	}
}

func (c Case) decodeErrorsCount(t *testing.T) {
	wrong := errors.New("unknown key")
	if _, err := c.Kind.Build(func(any) error { return wrong }, c.Env); !errors.Is(err, wrong) {
		t.Errorf("built with the error %v, want %v", err, wrong)
	}
}
