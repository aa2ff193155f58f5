package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lapsewatch/watch"
)

type checkFunc func(ctx context.Context, sink watch.Sink) error

func (f checkFunc) Collect(ctx context.Context, sink watch.Sink) error { return f(ctx, sink) }

var now = time.Date(2026, time.November, 22, 6, 0, 0, 0, time.UTC)

func certificate(id string, days int) watch.Credential {
	return watch.Credential{
		Subject: watch.Subject{ID: id, Name: id}, Form: watch.Certificate,
		NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(0, 0, days),
	}
}

func collect(t *testing.T, ctx context.Context, checks ...Check) (Collected, error) {
	t.Helper()
	c := Collection{Checks: checks, Now: now, Deadline: time.Minute, Within: time.Hour, Log: slog.New(slog.DiscardHandler)}
	collected, err := c.Collect(ctx)
	t.Cleanup(func() {
		if err := collected.Close(); err != nil {
			t.Error(err)
		}
	})
	return collected, err
}

func lines(t *testing.T, pass watch.Pass) string {
	t.Helper()
	var all []string
	for finding, err := range pass.Findings {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%s %s", finding.ID, finding.Severity))
	}
	return strings.Join(all, ", ")
}

func TestFindingsComeMostUrgentFirst(t *testing.T) {
	collected, err := collect(t, t.Context(), Check{Name: "web", Kind: "tls", Check: checkFunc(func(_ context.Context, sink watch.Sink) error {
		sink(certificate("fine", 300))
		sink(certificate("soon", 20))
		sink(watch.Problem{Subject: watch.Subject{ID: "dark", Name: "dark"}, Reason: watch.Refused, Err: errors.New("connection refused"), Confined: true})
		sink(certificate("gone", -2))
		sink(certificate("near", 2))
		return nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	want := "web/gone critical, web/near critical, web/soon warning, web/dark unknown, web/fine ok"
	if got := lines(t, collected.Pass); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := lines(t, collected.Pass); got != want {
		t.Errorf("a second reading got %s", got)
	}
	check := collected.Pass.Checks[0]
	if !check.Complete || check.Subjects != 5 || check.Problems != 1 {
		t.Errorf("the check is %+v; a confined problem leaves it complete, with 5 subjects", check)
	}
	if got := collected.Pass.Summary; got != (watch.Summary{Subjects: 5, OK: 1, Warning: 1, Critical: 2, Unknown: 1}) {
		t.Errorf("summary %+v", got)
	}
}

func TestFindingsOfEqualNameAndDateComeInTheOrderOfTheirIDs(t *testing.T) {
	for range 5 {
		collected, err := collect(t, t.Context(), Check{Name: "web", Kind: "k", Check: checkFunc(func(_ context.Context, sink watch.Sink) error {
			for _, id := range []string{"b", "d", "a", "c"} {
				fact := certificate(id, 20)
				fact.Subject.Name = "same"
				sink(fact)
			}
			return nil
		})})
		if err != nil {
			t.Fatal(err)
		}
		if got := lines(t, collected.Pass); got != "web/a warning, web/b warning, web/c warning, web/d warning" {
			t.Error(got)
		}
	}
}

func TestOneBadCheckHoldsNobody(t *testing.T) {
	good := Check{Name: "good", Kind: "k", Check: checkFunc(func(_ context.Context, sink watch.Sink) error {
		sink(certificate("fine", 300))
		return nil
	})}
	for _, row := range []struct {
		name     string
		bad      checkFunc
		findings string
		message  string
		reason   watch.Reason
	}{
		{"an error is a finding of the check", func(_ context.Context, sink watch.Sink) error {
			sink(certificate("seen", 300))
			return errors.New("sign in: access denied")
		}, "bad/source unknown, good/fine ok, bad/seen ok", "could not be read: sign in: access denied", watch.Unreadable},
		{"a panic is a finding of the check", func(context.Context, watch.Sink) error { panic("index out of range") },
			"bad/source unknown, good/fine ok", "could not be read: panic: index out of range", watch.InternalError},
		{"a check that reaches its deadline says so", func(ctx context.Context, _ watch.Sink) error { <-ctx.Done(); return nil },
			"bad/source unknown, good/fine ok", "could not be read: the check reached its deadline before it had seen everything", watch.Unreadable},
		{"a check that ignores its deadline is left behind", func(_ context.Context, sink watch.Sink) error {
			time.Sleep(10 * time.Minute)
			sink(certificate("too late", 1))
			return nil
		}, "bad/source unknown, good/fine ok", "could not be read: the check did not stop at its deadline and was left behind", watch.Unreadable},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				collected, err := collect(t, t.Context(), Check{Name: "bad", Kind: "k", Check: row.bad}, good)
				if err != nil {
					t.Fatal(err)
				}
				if got := lines(t, collected.Pass); got != row.findings {
					t.Errorf("got  %s\nwant %s", got, row.findings)
				}
				for finding := range collected.Pass.Findings {
					if finding.ID == "bad/source" && (finding.Message != row.message || finding.Reason != row.reason) {
						t.Errorf("got  %s %q\nwant %s %q", finding.Reason, finding.Message, row.reason, row.message)
					}
				}
				if bad := collected.Pass.Checks[0]; bad.Complete || bad.Error == "" {
					t.Errorf("the bad check counts as complete: %+v", bad)
				}
				if good := collected.Pass.Checks[1]; !good.Complete || good.Error != "" {
					t.Errorf("the good check suffers from the bad one: %+v", good)
				}
				time.Sleep(time.Hour)
			})
		})
	}
}

func TestAProblemThatMayHideOthersMakesTheCheckIncomplete(t *testing.T) {
	collected, err := collect(t, t.Context(), Check{Name: "dns", Kind: "k", Check: checkFunc(func(_ context.Context, sink watch.Sink) error {
		sink(watch.Problem{Subject: watch.Subject{ID: "x", Name: "x"}, Reason: watch.NameNotFound})
		return nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	if collected.Pass.Checks[0].Complete {
		t.Error("the check counts as complete")
	}
}

func TestOfASubjectThatIsSeenTwiceTheGraverFindingStays(t *testing.T) {
	good, bad := certificate("same", 300), certificate("same", 2)
	for _, facts := range [][]watch.Fact{{good, bad, good}, {bad, good}} {
		collected, err := collect(t, t.Context(), Check{Name: "web", Kind: "k", Check: checkFunc(func(_ context.Context, sink watch.Sink) error {
			for _, fact := range facts {
				sink(fact)
			}
			return nil
		})})
		if err != nil {
			t.Fatal(err)
		}
		if got := lines(t, collected.Pass); got != "web/same critical" || collected.Pass.Summary != (watch.Summary{Subjects: 1, Critical: 1}) {
			t.Errorf("got %s, summary %+v", got, collected.Pass.Summary)
		}
	}
}

func TestWhatAProblemHidesCountsEvenIfItsSubjectWasSeenBefore(t *testing.T) {
	collected, err := collect(t, t.Context(), Check{Name: "web", Kind: "k", Check: checkFunc(func(_ context.Context, sink watch.Sink) error {
		sink(certificate("same", 2))
		sink(watch.Problem{Subject: watch.Subject{ID: "same", Name: "same"}, Reason: watch.Unreadable})
		sink(watch.Problem{Subject: watch.Subject{ID: "b#1", Name: "b"}, Reason: watch.Unreadable, Confined: true, HidesPrefix: "b#"})
		return nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	if check := collected.Pass.Checks[0]; check.Complete || check.Problems != 2 || len(check.Hidden) != 1 || check.Hidden[0] != "web/b#" {
		t.Errorf("the check is %+v", check)
	}
}

// File names are bytes: they need not be UTF-8, and two that differ are two subjects.
func TestNamesThatAreNoUTF8CostNothing(t *testing.T) {
	collected, err := collect(t, t.Context(), Check{Name: "files", Kind: "k", Check: checkFunc(func(_ context.Context, sink watch.Sink) error {
		sink(certificate("a\xff.pem", 2))
		sink(certificate("a\xfe.pem", 2))
		sink(watch.Problem{Subject: watch.Subject{ID: "b", Name: "b"}, Reason: watch.Unreadable, Err: errors.New("said \xff")})
		return nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := lines(t, collected.Pass), "files/a\xfe.pem critical, files/a\xff.pem critical, files/b unknown"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestDetailsComeBackAsTheyWere(t *testing.T) {
	fact := certificate("x", 300)
	fact.Details = map[string]any{"dns_names": []string{"a", "b"}, "no_names": []string{}, "bits": 2048, "ratio": 0.5, "ca": true, "serial": "01"}
	collected, err := collect(t, t.Context(), Check{Name: "web", Kind: "k", Check: checkFunc(func(_ context.Context, sink watch.Sink) error {
		sink(fact)
		return nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	for finding := range collected.Pass.Findings {
		want := `map[string]interface {}{"bits":2048, "ca":true, "dns_names":[]string{"a", "b"}, "no_names":[]string{}, "ratio":0.5, "serial":"01"}`
		if got := fmt.Sprintf("%#v", finding.Details); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if finding.NotAfter != fact.NotAfter || finding.NotAfter.Location() != time.UTC {
			t.Errorf("notAfter came back as %v", finding.NotAfter)
		}
	}
}

func TestAStoppedPassIsAnError(t *testing.T) {
	ctx, stop := context.WithCancelCause(t.Context())
	stop(errors.New("terminated"))
	_, err := collect(t, ctx, Check{Name: "web", Kind: "k", Check: checkFunc(func(context.Context, watch.Sink) error { return nil })})
	if err == nil || err.Error() != "the pass was stopped before it was complete: terminated" {
		t.Errorf("got %v", err)
	}
}

func TestManyFindingsAreKeptOnDiskInOrder(t *testing.T) {
	const subjects = 20000
	var seen atomic.Int64
	c := Collection{Now: now, Deadline: time.Minute, Within: time.Minute, Log: slog.New(slog.DiscardHandler), Seen: func() { seen.Add(1) }}
	c.Checks = []Check{{Name: "web", Kind: "k", Check: checkFunc(func(_ context.Context, sink watch.Sink) error {
		for i := range subjects {
			fact := certificate(fmt.Sprintf("host-%05d.example.com", subjects-i), 1+i%700)
			fact.Details = map[string]any{"issuer": strings.Repeat("x", 200)}
			sink(fact)
		}
		return nil
	})}}
	collected, err := c.Collect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if collected.results.file == nil {
		t.Fatal("nothing was moved to disk")
	}
	count, last := 0, watch.Finding{Severity: watch.Critical}
	for finding, err := range collected.Pass.Findings {
		if err != nil {
			t.Fatal(err)
		}
		if finding.Severity.Urgency() < last.Severity.Urgency() || finding.Severity == last.Severity && finding.NotAfter.Before(last.NotAfter) {
			t.Fatalf("%s comes after %s", finding.ID, last.ID)
		}
		count, last = count+1, finding
	}
	if count != subjects || seen.Load() != subjects {
		t.Errorf("%d findings, %d seen, want %d", count, seen.Load(), subjects)
	}
	if err := collected.Close(); err != nil {
		t.Error(err)
	}
}

func TestFindingsThatCannotBeKeptAreAnErrorNotSilence(t *testing.T) {
	t.Setenv("TMPDIR", "/nonexistent")
	collected, err := collect(t, t.Context(), Check{Name: "web", Kind: "k", Check: checkFunc(func(_ context.Context, sink watch.Sink) error {
		for i := range 3 {
			fact := certificate(fmt.Sprint(i), 20)
			fact.Details = map[string]any{"issuer": strings.Repeat("x", spillAfter/2)}
			sink(fact)
		}
		return nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	var last error
	for _, err := range collected.Pass.Findings {
		last = err
	}
	if last == nil || !strings.Contains(last.Error(), "is TMPDIR writable?") {
		t.Errorf("got %v, want an error that names TMPDIR", last)
	}
}

func TestRemarksAreShownWithTheCheckAndAreNoSubjects(t *testing.T) {
	collected, err := collect(t, t.Context(), Check{Name: "tenant", Kind: "k", Check: checkFunc(func(_ context.Context, sink watch.Sink) error {
		for range 3 {
			sink(watch.Remark{Text: "left out 2 managed identities"})
		}
		for i := range 2 * maxRemarks {
			sink(watch.Remark{Text: fmt.Sprint("remark ", i)})
		}
		return nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	check := collected.Pass.Checks[0]
	if len(check.Remarks) != maxRemarks+1 || check.Remarks[0] != "left out 2 managed identities" || check.Remarks[1] != "remark 0" {
		t.Errorf("%d remarks, beginning with %q", len(check.Remarks), check.Remarks[:min(2, len(check.Remarks))])
	}
	if last := check.Remarks[len(check.Remarks)-1]; last != "and 101 more" {
		t.Errorf("the last remark is %q", last)
	}
	if check.Subjects != 0 || check.Problems != 0 || !check.Complete {
		t.Errorf("the check is %+v", check)
	}
}

func TestARemarkIsOneLineOfBoundedLength(t *testing.T) {
	collected, err := collect(t, t.Context(), Check{Name: "tenant", Kind: "k", Check: checkFunc(func(_ context.Context, sink watch.Sink) error {
		sink(watch.Remark{Text: "a\x1b[31m\nb"})
		sink(watch.Remark{Text: strings.Repeat("ä", 501)})
		return nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	got := collected.Pass.Checks[0].Remarks
	if want := []string{"a\uFFFD[31m\uFFFDb", strings.Repeat("ä", 499) + "…"}; !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestASourceErrorWithoutACauseIsAFindingToo(t *testing.T) {
	collected, err := collect(t, t.Context(), Check{Name: "tenant", Kind: "k", Check: checkFunc(func(context.Context, watch.Sink) error {
		return &watch.SourceError{Problem: watch.Problem{Reason: watch.Refused}}
	})})
	if err != nil {
		t.Fatal(err)
	}
	if got := collected.Pass.Checks[0].Error; got != "the source could not be read: refused" {
		t.Errorf("the check says %q", got)
	}
	for finding := range collected.Pass.Findings {
		if finding.ID != "tenant/source" || finding.Reason != watch.Refused || finding.Message != "could not be read" {
			t.Errorf("found %+v", finding)
		}
	}
}

func TestASourceErrorKeepsItsReasonAndRemedy(t *testing.T) {
	collected, err := collect(t, t.Context(), Check{Name: "tenant", Kind: "k", Check: checkFunc(func(context.Context, watch.Sink) error {
		return fmt.Errorf("collect: %w", &watch.SourceError{Problem: watch.Problem{
			Reason: watch.AuthSecretExpired,
			Err:    errors.New("the client secret has expired (AADSTS7000222)"), Remedy: "Make a new one.",
		}})
	})})
	if err != nil {
		t.Fatal(err)
	}
	if check := collected.Pass.Checks[0]; check.Complete || check.Error != "collect: the client secret has expired (AADSTS7000222)" {
		t.Errorf("the check is %+v", check)
	}
	for finding := range collected.Pass.Findings {
		if finding.ID != "tenant/source" || finding.Name != "check tenant" || finding.Reason != watch.AuthSecretExpired || finding.Severity != watch.Unknown || finding.Remedy != "Make a new one." {
			t.Errorf("found %+v", finding)
		}
	}
}

// storing is a check in the middle of what must not be cut off, for so long.
type storing struct{ until time.Time }

func (s *storing) Unfinished() bool { return time.Now().Before(s.until) }

func (s *storing) Collect(_ context.Context, sink watch.Sink) error {
	time.Sleep(time.Until(s.until))
	sink(certificate("stored", 300))
	return nil
}

func TestWhatMustNotBeCutOffIsWaitedForButNotForEver(t *testing.T) {
	for name, row := range map[string]struct {
		takes time.Duration
		want  string
	}{
		"half a minute beyond the deadline": {30 * time.Second, "the check reached its deadline before it had seen everything"},
		"ten minutes beyond the deadline":   {10 * time.Minute, "the check did not stop at its deadline and was left behind"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				check := &storing{until: time.Now().Add(time.Minute + row.takes)}
				collected, err := collect(t, t.Context(), Check{Name: "slow", Kind: "k", Check: check})
				if err != nil || collected.Pass.Checks[0].Error != row.want {
					t.Errorf("%v, %q, want %q", err, collected.Pass.Checks[0].Error, row.want)
				}
				time.Sleep(time.Hour)
			})
		})
	}
}
