package ledger

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lapsewatch/policy"
	"lapsewatch/watch"
)

func TestRecordTellsAChangeOnceAndItsEnd(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		steps := []struct {
			about   string
			finding watch.Finding
			want    []string
		}{
			{"a subject that is fine is not told", fine("a"), nil},
			{"it comes into its lead time", warned("a"), []string{"opened sites/a: warning"}},
			{"nothing has changed", warned("a"), nil},
			{"it becomes critical", found("sites", "a", watch.Critical, watch.ExpiresSoon), []string{"worsened sites/a: critical"}},
			{"it cannot be read, which is worse", found("sites", "a", watch.Unknown, watch.TimedOut), []string{"worsened sites/a: unknown"}},
			{"it can be read again, unchanged", found("sites", "a", watch.Critical, watch.ExpiresSoon), []string{"improved sites/a: critical (readable again)"}},
			{"it is fine again", fine("a"), []string{"resolved sites/a: ok (corrected)"}},
			{"nothing has changed", fine("a"), nil},
		}
		for i, step := range steps {
			outcome := record(t, l, passAt(start.Add(time.Duration(i)*time.Hour), step.finding), somebody)
			t.Log(step.about)
			wantTold(t, outcome.Events, step.want...)
		}
	})
}

func TestRecordResolvesOnlyWhatHasReallyGone(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		complete := watch.CheckResult{Name: "sites", Complete: true}
		incomplete := watch.CheckResult{Name: "sites", Problems: 1}
		hidden := watch.CheckResult{Name: "sites", Complete: true, Hidden: []string{"sites/a"}}
		other := watch.CheckResult{Name: "other", Complete: true}
		tests := []struct {
			name   string
			checks []watch.CheckResult
			clock  watch.OwnClock
			want   []string
			kept   bool
		}{
			{"a complete check no longer lists the subject", []watch.CheckResult{complete}, watch.OwnClock{Trusted: true},
				[]string{"resolved sites/a: warning (removed)"}, false},
			{"an incomplete check resolves nothing", []watch.CheckResult{incomplete}, watch.OwnClock{Trusted: true}, nil, true},
			{"a problem hides the subject", []watch.CheckResult{hidden}, watch.OwnClock{Trusted: true}, nil, true},
			{"the check is no longer configured", []watch.CheckResult{other}, watch.OwnClock{Trusted: true},
				[]string{"resolved sites/a: warning (no longer watched)"}, false},
			{"a pass that does not trust its clock resolves nothing", []watch.CheckResult{complete}, watch.OwnClock{Verified: true}, nil, true},
			{"nor does it resolve what is no longer configured", []watch.CheckResult{other}, watch.OwnClock{Verified: true}, nil, true},
		}
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				l := s.new(t)
				record(t, l, passAt(day(0), warned("a"), fine("b")), somebody)
				pass := passAt(day(1))
				pass.Checks, pass.Clock = test.checks, test.clock
				wantTold(t, record(t, l, pass, somebody).Events, test.want...)
				there := false
				for subject, err := range l.Subjects(t.Context()) {
					if err != nil {
						t.Fatal(err)
					}
					there = there || subject.FindingID == "sites/a"
				}
				if got := there; got != test.kept {
					t.Errorf("the subject is kept: %v, want %v", got, test.kept)
				}
				if test.kept {
					wantTold(t, record(t, l, passAt(day(2), warned("a"), fine("b")), somebody).Events)
				} else {
					wantTold(t, record(t, l, passAt(day(2), warned("a"), fine("b")), somebody).Events, "opened sites/a: warning")
				}
			})
		}
	})
}

func TestWhatIsToldToNobodyIsRaisedAgain(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		for range 2 {
			outcome := record(t, l, passAt(day(0), warned("a")), nobody)
			wantTold(t, outcome.Events, "opened sites/a: warning")
			if outcome.Untold != 1 {
				t.Errorf("%d events count as untold, want 1", outcome.Untold)
			}
		}
		if text := contents(t, l); strings.Contains(text, "opened") {
			t.Errorf("an event that nobody heard of is in the history:\n%s", text)
		}
		wantTold(t, record(t, l, passAt(day(0), warned("a")), somebody).Events, "opened sites/a: warning")
		wantTold(t, record(t, l, passAt(day(0), warned("a")), somebody).Events)
	})
}

func TestWhatADeadDeliverySaidIsRaisedAgain(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		outcome := record(t, l, passAt(day(0), warned("a"), warned("b")), tell(day(0), "ops@example.com"))
		if err := l.Dead(t.Context(), outcome.Digests[0].ID, "no such channel is configured any more", day(0)); err != nil {
			t.Fatal(err)
		}
		wantTold(t, record(t, l, passAt(day(1), warned("a"), fine("b")), somebody).Events, "opened sites/a: warning")
	})
}

// An owner's dead mailbox must not raise again and again what everybody else has heard.
func TestWhatSomebodyElseHeardOrWillHearIsNotRaisedAgain(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		for name, test := range map[string]struct {
			others func(l *Ledger, id string) error
			told   []string
		}{
			"the other delivery was sent":   {func(l *Ledger, id string) error { return l.Sent(t.Context(), id, "250 OK", day(0)) }, nil},
			"the other one is still owed":   {func(l *Ledger, id string) error { return l.Failed(t.Context(), id, "451 later", day(1)) }, nil},
			"the other one died before too": {func(l *Ledger, id string) error { return l.Dead(t.Context(), id, "550 gone", day(0)) }, []string{"opened sites/a: warning"}},
		} {
			t.Run(name, func(t *testing.T) {
				l := s.new(t)
				digests := record(t, l, passAt(day(0), warned("a")), tell(day(0), "ops@example.com", "gone@example.com")).Digests
				if err := errors.Join(test.others(l, digests[0].ID), l.Dead(t.Context(), digests[1].ID, "550 no such user", day(0))); err != nil {
					t.Fatal(err)
				}
				wantTold(t, record(t, l, passAt(day(1), warned("a")), somebody).Events, test.told...)
			})
		}
	})
}

// While a source cannot be listed, the dates of what is known there draw nearer.
func TestRecordRemindsOfWhatAnIncompleteCheckCouldNotList(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		record(t, l, passAt(day(0), warned("a"), fine("b")), somebody)
		for on := 1; on <= 15; on++ {
			pass := passAt(day(on))
			pass.Checks = []watch.CheckResult{{Name: "sites", Problems: 1, Error: "sign in: denied"}}
			var want []string
			if on%7 == 0 {
				want = []string{"reminder sites/a: warning"}
			}
			wantTold(t, record(t, l, pass, somebody).Events, want...)
		}
	})
}

func TestRecordResolvesMoreVanishedSubjectsThanAreReadAtOnce(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		var findings []watch.Finding
		for i := range 2*vanishedAtOnce + 1 {
			findings = append(findings, warned(fmt.Sprintf("host-%d", i)))
		}
		record(t, l, passAt(day(0), findings...), somebody)
		outcome := record(t, l, passAt(day(1), findings[0]), somebody)
		if want := 2 * vanishedAtOnce; len(outcome.Events) != want {
			t.Errorf("%d events, want %d", len(outcome.Events), want)
		}
		wantTold(t, record(t, l, passAt(day(2), findings[0]), somebody).Events)
	})
}

func TestF7_AWrongOwnClockBringsNoGoodNews(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		critical := found("sites", "b", watch.Critical, watch.Expired)
		record(t, l, passAt(day(0), warned("a"), critical), somebody)

		yearBack := passAt(day(-365), fine("a"), found("sites", "b", watch.Warning, watch.ExpiresSoon))
		yearBack.Clock.Trusted = false
		wantTold(t, record(t, l, yearBack, somebody).Events)

		wantTold(t, record(t, l, passAt(day(0).Add(time.Hour), warned("a"), critical), somebody).Events)
		wantTold(t, record(t, l, passAt(day(2), fine("a"), critical), somebody).Events,
			"resolved sites/a: ok (corrected)", "reminder sites/b: critical")
	})
}

func TestF7_WhereTheReferencesOverruleTheOwnClockBadNewsIsToldAndNoGoodNews(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		record(t, l, passAt(day(0), warned("a"), fine("b")), somebody)
		corrected := passAt(day(1), fine("a"), found("sites", "b", watch.Critical, watch.Expired), found("sites", "new", watch.Warning, watch.ExpiresSoon))
		corrected.Clock = watch.OwnClock{Verified: true, Corrected: true}
		wantTold(t, record(t, l, corrected, somebody).Events, "opened sites/b: critical", "opened sites/new: warning")
	})
}

// What only awaits the references is one finding on the own clock, and none on each host.
func TestAPassWithoutReferencesToJudgeByChangesNothingThatIsKnownOfClocks(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		clock := func(id string, severity watch.Severity, reason watch.Reason) watch.Finding {
			finding := found("clocks", id, severity, reason)
			finding.NotAfter = time.Time{}
			return finding
		}
		known := []watch.Finding{clock("wrong", watch.Critical, watch.ClockDrift), clock("right", watch.OK, "")}
		wantTold(t, record(t, l, passAt(day(0), known...), somebody).Events, "opened clocks/wrong: critical")
		own := clock("clock", watch.Unknown, watch.NoMajority)
		own.Check, own.ID = watch.Itself, watch.Itself+"/clock"
		awaiting := []watch.Finding{clock("wrong", watch.Unknown, watch.NoMajority), clock("right", watch.Unknown, watch.NoMajority), clock("new", watch.Unknown, watch.NoMajority), own}
		wantTold(t, record(t, l, passAt(day(0).Add(time.Hour), awaiting...), somebody).Events, "opened lapsewatch/clock: unknown")
		own.Severity, own.Reason = watch.OK, ""
		back := append(known, clock("new", watch.OK, ""), own)
		wantTold(t, record(t, l, passAt(day(0).Add(2*time.Hour), back...), somebody).Events, "resolved lapsewatch/clock: ok (readable again)")
	})
}

func TestF7_RemindersResumeAfterARunFromTheFuture(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		record(t, l, passAt(day(365), warned("a")), tell(day(365), "ops@example.com"))
		if len(due(t, l, day(0))) != 1 {
			t.Error("a delivery that was planned in the future is not due now")
		}
		wantTold(t, record(t, l, passAt(day(0), warned("a")), somebody).Events)
		wantTold(t, record(t, l, passAt(day(6), warned("a")), somebody).Events)
		wantTold(t, record(t, l, passAt(day(7), warned("a")), somebody).Events, "reminder sites/a: warning")
	})
}

func TestRemindersFollowTheirCadenceOverMonths(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		var log []string
		for n := range 40 {
			severity, reason := watch.Warning, watch.ExpiresSoon
			if n >= 33 {
				severity = watch.Critical
			}
			if n >= 38 {
				severity, reason = watch.OK, ""
			}
			outcome := record(t, l, passAt(day(n), found("sites", "a", severity, reason)), somebody)
			for _, event := range outcome.Events {
				log = append(log, fmt.Sprintf("%s %s", event.At.Format("2 Jan"), event.Type))
			}
		}
		want := []string{
			"22 Nov opened", "29 Nov reminder", "6 Dec reminder", "13 Dec reminder", "20 Dec reminder",
			"25 Dec worsened", "26 Dec reminder", "27 Dec reminder", "28 Dec reminder", "29 Dec reminder", "30 Dec resolved",
		}
		if diff := cmp.Diff(want, log); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRecordKeepsTheGraverOfTwoFindingsOfOneSubject(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		critical := found("sites", "a", watch.Critical, watch.Expired)
		wantTold(t, record(t, l, passAt(day(0), critical, fine("a")), somebody).Events, "opened sites/a: critical")
		wantTold(t, record(t, l, passAt(day(0).Add(time.Hour), critical, fine("a")), somebody).Events)
	})
}

func TestRecordKeepsHostileNamesApart(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		hostile := []watch.Finding{warned("a\xff"), warned("a\xfe"), warned("a\x00"), warned("a'; DROP TABLE subjects; --"), warned("a\u202eb\r\nBcc: x")}
		outcome := record(t, l, passAt(day(0), hostile...), tell(day(0), "ops@example.com"))
		if len(outcome.Events) != len(hostile) {
			t.Fatalf("%d events, want %d", len(outcome.Events), len(hostile))
		}
		wantTold(t, record(t, l, passAt(day(1), hostile...), somebody).Events)
		if got := due(t, l, day(1)); len(got) != 1 || len(got[0].Events) != len(hostile) {
			t.Errorf("due: %v", got)
		}
		if gone := record(t, l, passAt(day(2), fine("b")), somebody); len(gone.Events) != len(hostile) {
			t.Errorf("%d resolved, want %d", len(gone.Events), len(hostile))
		}
	})
}

func TestAFindingComesBackAsItWasStored(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		days := int64(20)
		finding := warned("a")
		finding.NotAfter = time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC)
		finding.NotBefore = time.Date(1950, time.January, 1, 0, 0, 0, 0, time.UTC)
		finding.DaysLeft = &days
		finding.Owners, finding.Labels = []string{"ops@example.com"}, map[string]string{"team": "web"}
		finding.Also = []watch.Judgement{{Reason: watch.NameMismatch, Severity: watch.Warning, Message: "is not valid for a"}}
		finding.Details = map[string]any{"names": []string{"a", "b"}, "none": []string{}, "bits": int64(1234567), "share": 0.25, "served": true, "issuer": "CN=<&>"}
		record(t, l, passAt(day(0), finding), tell(day(0), "ops@example.com"))
		got := due(t, l, day(0))
		if len(got) != 1 || len(got[0].Events) != 1 {
			t.Fatalf("due: %v", got)
		}
		if diff := cmp.Diff(finding, got[0].Events[0].Finding); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRecordRefusesAPassThatSaysNothing(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		record(t, l, passAt(day(0), warned("a")), somebody)
		before := contents(t, l)
		noCheck, noSeverity, unreadable := passAt(day(1)), passAt(day(1), watch.Finding{ID: "sites/a"}), passAt(day(1))
		noCheck.Checks = nil
		unreadable.Findings = func(yield func(watch.Finding, error) bool) { yield(watch.Finding{}, os.ErrDeadlineExceeded) }
		for want, pass := range map[string]watch.Pass{
			"record pass in ledger " + l.name + ": the pass ran no check, so it says nothing of any subject": noCheck,
			"record pass in ledger " + l.name + `: compare "sites/a": the finding has no id or no severity`:  noSeverity,
			"record pass in ledger " + l.name + ": read findings: " + os.ErrDeadlineExceeded.Error():         unreadable,
		} {
			if _, err := l.Record(t.Context(), pass, policy.Telling{}, somebody); err == nil || err.Error() != want {
				t.Errorf("error %v, want %s", err, want)
			}
		}
		if after := contents(t, l); after != before {
			t.Errorf("something was recorded:\n%s", cmp.Diff(before, after))
		}
	})
}

func TestPreviewKeepsNothing(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		record(t, l, passAt(day(0), warned("a")), tell(day(0), "ops@example.com"))
		before := contents(t, l)
		pass := passAt(day(1), fine("a"), warned("b"))
		preview, err := l.Preview(t.Context(), pass, policy.Telling{}, tell(day(1), "ops@example.com"))
		if err != nil {
			t.Fatal(err)
		}
		wantTold(t, preview.Events, "opened sites/b: warning", "resolved sites/a: ok (corrected)")
		if after := contents(t, l); after != before {
			t.Errorf("the preview was kept:\n%s", cmp.Diff(before, after))
		}
		recorded := record(t, l, pass, tell(day(1), "ops@example.com"))
		preview.Run = recorded.Run // a number is never used twice
		if diff := cmp.Diff(preview, recorded); diff != "" {
			t.Errorf("the run did not do what its preview said:\n%s", diff)
		}
	})
}

func TestPeekNeitherMakesNorChangesALedger(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "lapsewatch.db")
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	peek := func(want ...string) {
		t.Helper()
		l, err := Peek(t.Context(), "sqlite:"+path)
		if err != nil {
			t.Fatal(err)
		}
		outcome, err := l.Preview(t.Context(), passAt(day(1), warned("a"), warned("b")), policy.Telling{}, somebody)
		if err != nil {
			t.Fatal(err)
		}
		wantTold(t, outcome.Events, want...)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		wantNames(t, temporary)
	}
	peek("opened sites/a: warning", "opened sites/b: warning")
	wantNames(t, folder)

	l := open(t, path)
	record(t, l, passAt(day(0), warned("a")), somebody)
	peek("opened sites/b: warning")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	before := readFile(t, path)
	peek("opened sites/b: warning")
	if !slices.Equal(before, readFile(t, path)) {
		t.Error("the file was changed")
	}
	wantNames(t, folder, "lapsewatch.db")
}

// A pass is recorded with every possible interruption, each of which must leave the
// ledger as it was.
func TestRecordIsAllOrNothingWhereverItIsInterrupted(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	record(t, l, passAt(day(0), warned("a"), warned("b"), fine("c")), tell(day(0), "ops@example.com"))
	before := contents(t, l)
	pass := passAt(day(1), warned("c"), fine("a"), warned("d"))
	plan := tell(day(1), "ops@example.com", "security@example.com")
	interrupted := errors.New("terminated")
	for row := 1; ; row++ {
		ctx, cancel := context.WithCancelCause(t.Context())
		written := 0
		onRowChange(t, l, func() {
			if written++; written == row {
				cancel(interrupted)
			}
		})
		_, err := l.Record(ctx, pass, policy.Telling{}, plan)
		cancel(nil)
		if err == nil {
			if row < 20 {
				t.Errorf("only %d rows were written", row)
			}
			break
		}
		if want := "record pass in ledger " + l.name + ": terminated"; err.Error() != want {
			t.Fatalf("at row %d: error %q, want %q", row, err, want)
		}
		if after := contents(t, l); after != before {
			t.Fatalf("interrupted at row %d, yet something was recorded:\n%s", row, cmp.Diff(before, after))
		}
	}
	if got := len(due(t, l, day(1))); got != 3 {
		t.Errorf("%d deliveries are due, want 3", got)
	}
}

// Whatever comes, the ledger tells what a plain map of the subjects would.
func TestRecordTellsWhatPolicySaysOfEverySequence(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		for seed := range uint64(6) {
			random := rand.New(rand.NewPCG(seed, 7))
			l := s.new(t)
			model := map[string]policy.Known{}
			now := start
			for step := range 25 {
				now = now.Add(time.Duration(random.IntN(72)) * time.Hour)
				findings, pass := randomPass(random, now)
				outcome := record(t, l, pass, somebody)
				if diff := cmp.Diff(modelled(model, pass, findings), told(outcome.Events)); diff != "" {
					t.Fatalf("seed %d, step %d:\n%s", seed, step, diff)
				}
				if again := record(t, l, pass, somebody); len(again.Events) != 0 {
					t.Fatalf("seed %d, step %d: the same pass again told %v", seed, step, told(again.Events))
				}
			}
		}
	})
}

func randomPass(random *rand.Rand, now time.Time) ([]watch.Finding, watch.Pass) {
	var findings []watch.Finding
	pass := passAt(now)
	pass.Clock.Trusted = random.IntN(6) > 0
	pass.Checks = nil
	for _, check := range []string{"sites", "files", "clocks"} {
		if random.IntN(8) == 0 && len(pass.Checks) > 0 {
			continue
		}
		pass.Checks = append(pass.Checks, watch.CheckResult{Name: check, Complete: random.IntN(4) > 0})
		for subject := range 6 {
			states := []watch.Finding{
				found(check, fmt.Sprint(subject), watch.OK, ""),
				found(check, fmt.Sprint(subject), watch.Warning, watch.ExpiresSoon),
				found(check, fmt.Sprint(subject), watch.Critical, watch.Expired),
				found(check, fmt.Sprint(subject), watch.Unknown, watch.TimedOut),
			}
			if check == "clocks" {
				for i := range states {
					states[i].NotAfter = time.Time{}
				}
			}
			if random.IntN(5) > 0 {
				findings = append(findings, states[random.IntN(len(states))])
			}
		}
	}
	pass.Findings = each(findings)
	return findings, pass
}

func modelled(model map[string]policy.Known, pass watch.Pass, findings []watch.Finding) []string {
	var events []watch.Event
	seen := map[string]bool{}
	for _, finding := range findings {
		seen[finding.ID] = true
		var before *policy.Known
		if known, ok := model[finding.ID]; ok {
			before = &known
		}
		if !pass.Clock.Trusted && !finding.NotAfter.IsZero() {
			if before == nil {
				finding.Severity, finding.Reason = watch.OK, ""
				model[finding.ID] = policy.Known{Finding: finding, Untold: true}
			}
			continue
		}
		after, event := policy.Telling{}.Compare(before, finding, pass.GeneratedAt)
		goodNews := event != nil && (event.Type == watch.Resolved || event.Type == watch.Improved)
		if goodNews && !pass.Clock.Trusted {
			continue
		}
		if before != nil && before.CalmSince.IsZero() && !pass.Clock.Trusted {
			after.CalmSince = time.Time{}
		}
		if event != nil {
			events = append(events, *event)
		}
		model[finding.ID] = after
	}
	for id, known := range model {
		listed := slices.IndexFunc(pass.Checks, func(c watch.CheckResult) bool { return c.Name == known.Finding.Check })
		if seen[id] || !pass.Clock.Trusted {
			continue
		}
		if listed >= 0 && !pass.Checks[listed].Complete {
			after, event := policy.Telling{}.Unseen(known, pass.GeneratedAt)
			if model[id] = after; event != nil {
				events = append(events, *event)
			}
			continue
		}
		kept, event := policy.Telling{}.Vanish(known, listed >= 0, pass.GeneratedAt)
		if event != nil {
			events = append(events, *event)
		}
		if delete(model, id); kept != nil {
			model[id] = *kept
		}
	}
	return told(events)
}
