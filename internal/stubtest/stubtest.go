// Package stubtest holds a status system together with what keeps stubs on it: policy, the
// ledger and the reconciler, over the fake of the system's service. It holds the system
// alone to nothing; incidents/incidenttest does.
package stubtest

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts/alerttest"
	"lapsewatch/incidents"
	"lapsewatch/incidents/incidenttest"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/ledger"
	"lapsewatch/policy"
	"lapsewatch/runner"
	"lapsewatch/watch"
)

// Run plays whole stories on the system: what stands there must be right whatever is lost,
// said too late, or changed by people on the way.
func Run(t *testing.T, suite incidenttest.Suite) {
	t.Run("a story from the draft to the end is one record", func(t *testing.T) { wholeStory(t, suite) })
	t.Run("F3 whatever answer is lost there is one record and the story goes on", func(t *testing.T) { lostAnswers(t, suite) })
	t.Run("F2 a second record of the same cause is closed at the next run", func(t *testing.T) { twins(t, suite) })
	t.Run("what a person changed is left to them", func(t *testing.T) { takenOver(t, suite) })
	t.Run("what a person deleted is not made again", func(t *testing.T) { deleted(t, suite) })
	t.Run("F16 a ledger that was lost makes no second record", func(t *testing.T) { lostLedger(t, suite) })
	t.Run("what lapses again soon is the same record", func(t *testing.T) { reopened(t, suite) })
	t.Run("what is well for one stays down for another", func(t *testing.T) { twoOnOneComponent(t, suite) })
	t.Run("F2 a run that lost its lease writes nothing", func(t *testing.T) { lostLease(t, suite) })
}

// Desk is the desk with the whole machinery of a run in front of it.
type Desk struct {
	*incidenttest.Office
	t      *testing.T
	Ledger *ledger.Ledger
	Rule   policy.StubRule
	// RecordLost is what the next runs are told.
	RecordLost bool
}

// Open puts a new ledger in front of a new desk.
func Open(t *testing.T, suite incidenttest.Suite) *Desk {
	t.Helper()
	clock := tickettest.NewClock(alerttest.Now())
	d := &Desk{Office: incidenttest.Open(t, suite, suite.Desk(t, clock), clock), t: t, Rule: policy.StubRule{GoodPasses: 2}}
	d.newLedger()
	return d
}

func (d *Desk) newLedger() {
	d.t.Helper()
	kept, err := ledger.Open(d.t.Context(), "sqlite:"+filepath.Join(d.t.TempDir(), "lapsewatch.db"))
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = kept.Close() })
	d.Ledger = kept
}

// Expired is a finding that hurts, Soon one that will in two days, Well one that is fine.
func (d *Desk) Expired(name string) watch.Finding {
	return d.finding(name, watch.Critical, watch.Expired, -time.Hour)
}

// Soon is a finding whose date is two days off.
func (d *Desk) Soon(name string) watch.Finding {
	return d.finding(name, watch.Critical, watch.ExpiresSoon, 48*time.Hour)
}

// Well is a finding without a fault.
func (d *Desk) Well(name string) watch.Finding {
	return d.finding(name, watch.OK, "", 300*24*time.Hour)
}

func (d *Desk) finding(name string, severity watch.Severity, reason watch.Reason, left time.Duration) watch.Finding {
	return watch.Finding{
		ID: "sites/" + name, Check: "sites", Kind: "tls", Name: name, Severity: severity, Reason: reason,
		Message: "certificate of " + name, NotAfter: d.Clock.Now().Add(left), Identity: "sha256:" + name,
	}
}

// Pass is one run: it records the findings and brings the system up to date. It gives what
// was not as it should be.
func (d *Desk) Pass(findings ...watch.Finding) []error {
	d.t.Helper()
	d.Clock.Advance(time.Hour)
	d.Record(findings...)
	return d.Reconcile()
}

// Record records a pass.
func (d *Desk) Record(findings ...watch.Finding) {
	d.t.Helper()
	pass := watch.Pass{
		GeneratedAt: d.Clock.Now(), Clock: watch.OwnClock{Trusted: true},
		Checks:   []watch.CheckResult{{Name: "sites", Kind: "tls", Complete: true, Subjects: len(findings)}},
		Findings: yielding(findings),
	}
	if _, err := d.Ledger.Record(d.t.Context(), pass, policy.Telling{Stubs: d.plan()}, func([]watch.Event) []policy.Digest { return nil }); err != nil {
		d.t.Fatal(err)
	}
}

func yielding(findings []watch.Finding) iter.Seq2[watch.Finding, error] {
	return func(yield func(watch.Finding, error) bool) {
		for _, finding := range findings {
			if !yield(finding, nil) {
				return
			}
		}
	}
}

func (d *Desk) plan() policy.StubPlan {
	traits := d.System(d.t).Traits()
	system := policy.StatusSystem{Name: incidenttest.SystemName, Rules: []policy.StubRule{d.Rule}, Hides: traits.Hides, Private: traits.Private, Public: true}
	for i, component := range d.Components() {
		if i < 2 {
			system.Components = append(system.Components, policy.ComponentRule{Component: component.ID, Name: component.Name})
		}
	}
	return policy.StubPlan{Source: incidenttest.Source, Systems: []policy.StatusSystem{system}}
}

// Reconcile brings the system up to date. Waits pass at once, by the desk's clock.
func (d *Desk) Reconcile() []error {
	d.t.Helper()
	system := d.System(d.t)
	words, err := incidents.NewWords("en", incidents.Texts{}, system.Traits().Quote)
	if err != nil {
		d.t.Fatal(err)
	}
	reconciler := runner.Reconciler{
		Ledger: d.Ledger, Source: incidenttest.Source, Instance: "test", Now: d.Clock.Now, Log: slog.New(slog.DiscardHandler), RecordLost: d.RecordLost,
		Systems: []runner.StatusSystem{{Name: incidenttest.SystemName, System: system, Words: words}},
		Pause: func(_ context.Context, wait time.Duration) error {
			d.Clock.Advance(wait)
			return nil
		},
	}
	told, err := reconciler.Reconcile(d.t.Context())
	if err != nil {
		return []error{err}
	}
	var problems []error
	for _, one := range told {
		if one.Err != nil {
			problems = append(problems, one.Err)
		}
	}
	return problems
}

// MustPass is a pass that leaves everything as it should be.
func (d *Desk) MustPass(findings ...watch.Finding) {
	d.t.Helper()
	if problems := d.Pass(findings...); len(problems) > 0 {
		d.t.Fatalf("not as it should be: %v", problems)
	}
}

// Ours are the records that carry a key.
func (d *Desk) Ours() []incidenttest.Record {
	return slices.DeleteFunc(d.Records(), func(record incidenttest.Record) bool {
		_, found := watch.FindIncidentKey(record.Key, incidenttest.Source)
		return !found
	})
}

// WantOne requires one record of ours, open or not, and gives it.
func (d *Desk) WantOne(open bool) incidenttest.Record {
	d.t.Helper()
	all := d.Ours()
	if len(all) != 1 || all[0].Open != open {
		d.t.Fatalf("want one record, open: %t; there are\n%s", open, incidenttest.Dump(all))
	}
	return all[0]
}

func (d *Desk) stub() ledger.KeptStub {
	d.t.Helper()
	stubs, err := d.Ledger.Stubs(d.t.Context(), d.Clock.Now().AddDate(-1, 0, 0))
	if err != nil || len(stubs) != 1 {
		d.t.Fatalf("%d stubs in the ledger, %v", len(stubs), err)
	}
	return stubs[0]
}

func (d *Desk) describe() string {
	var parts []string
	for _, record := range d.Ours() {
		parts = append(parts, fmt.Sprintf("%s open %t, %d texts", record.Phase, record.Open, len(record.Texts)))
	}
	for _, component := range d.Components() {
		parts = append(parts, fmt.Sprintf("%s is %s", component.ID, component.Status))
	}
	return strings.Join(parts, "; ")
}
