package runner_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/incidents"
	"lapsewatch/incidents/statuspage"
	"lapsewatch/internal/fakestatuspage"
	"lapsewatch/ledger"
	"lapsewatch/policy"
	"lapsewatch/runner"
	"lapsewatch/watch"
)

const (
	deskSystem = "status"
	deskToken  = "canary-statuspage"
	deskPage   = "kctbh9vrtdwd"
)

// desk is a page of Statuspage at its real pace, with the machinery of runs in front of it,
// in simulated time and without a network.
type desk struct {
	t    *testing.T
	page *fakestatuspage.Page
	kept *ledger.Ledger
	// manner, if it is set, answers in place of the page, which usual asks.
	manner  func(request *http.Request, usual func() *http.Response) (*http.Response, error)
	within  time.Duration
	mostNew int
	// affected is asked who is affected, if it is set.
	affected func() ([]string, error)
	// lost is what the next runs are told of the ledger.
	lost bool
	// told is what the last run did.
	told []runner.StubTold
}

// onDesk lets the test happen at a desk, in simulated time.
func onDesk(t *testing.T, test func(d *desk)) {
	t.Helper()
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := &desk{t: t, page: &fakestatuspage.Page{ID: deskPage, Token: deskToken, Now: time.Now, Limited: true}}
		d.page.AddComponent("portal", "Customer portal")
		d.kept = d.open(filepath.Join(folder, "ledger.db"))
		defer func() { _ = d.kept.Close() }()
		test(d)
	})
}

func (d *desk) open(path string) *ledger.Ledger {
	d.t.Helper()
	kept, err := ledger.Open(d.t.Context(), "sqlite:"+path)
	if err != nil {
		d.t.Fatal(err)
	}
	return kept
}

func (d *desk) roundTrip(request *http.Request) (*http.Response, error) {
	usual := func() *http.Response {
		w := httptest.NewRecorder()
		d.page.ServeHTTP(w, request)
		return w.Result()
	}
	if d.manner == nil {
		return usual(), nil
	}
	return d.manner(request, usual)
}

func (d *desk) system() incidents.System {
	d.t.Helper()
	system, err := statuspage.Kind.Build(func(into any) error {
		options := into.(*statuspage.Options)
		options.URL, options.Page, options.Token = "https://api.example/v1", deskPage, watch.SecretRef{Env: "TOKEN"}
		return nil
	}, incidents.Env{Env: alerts.Env{
		Name: deskSystem, Now: time.Now, Log: slog.New(slog.DiscardHandler), HTTP: &http.Client{Transport: alerttest.RoundTrip(d.roundTrip)},
		Secrets: func(watch.SecretRef) (watch.Secret, error) { return watch.NewSecret(deskToken), nil },
	}})
	if err != nil {
		d.t.Fatal(err)
	}
	return system
}

// record records a pass that found this.
func (d *desk) record(findings ...watch.Finding) {
	d.t.Helper()
	pass := watch.Pass{
		GeneratedAt: time.Now().UTC(), Clock: watch.OwnClock{Trusted: true},
		Checks:   []watch.CheckResult{{Name: "sites", Kind: "tls", Complete: true, Subjects: len(findings)}},
		Findings: yielding(findings),
	}
	plan := policy.StubPlan{Systems: []policy.StatusSystem{{
		Name: deskSystem, Public: true, MostNew: d.mostNew, Rules: []policy.StubRule{{GoodPasses: 2}},
		Components: []policy.ComponentRule{{Component: "portal", Name: "Customer portal"}},
	}}}
	if _, err := d.kept.Record(d.t.Context(), pass, policy.Telling{Stubs: plan}, func([]watch.Event) []policy.Digest { return nil }); err != nil {
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

// reconcile brings the page up to date, and gives what is not as it should be.
func (d *desk) reconcile() (problems []error) {
	d.t.Helper()
	return d.reconcileWith(d.t.Context(), d.kept)
}

func (d *desk) reconcileWith(ctx context.Context, kept *ledger.Ledger) (problems []error) {
	d.t.Helper()
	system := d.system()
	words, err := incidents.NewWords("en", incidents.Texts{}, system.Traits().Quote)
	if err != nil {
		d.t.Fatal(err)
	}
	var affected func(context.Context, []watch.Finding) ([]string, error)
	if d.affected != nil {
		affected = func(context.Context, []watch.Finding) ([]string, error) { return d.affected() }
	}
	d.told, err = runner.Reconciler{
		Ledger: kept, Instance: "test", Now: time.Now, Log: slog.New(slog.DiscardHandler), RecordLost: d.lost,
		Systems: []runner.StatusSystem{{Name: deskSystem, System: system, Words: words, Within: d.within, Affected: affected}},
	}.Reconcile(ctx)
	if err != nil {
		return []error{err}
	}
	for _, one := range d.told {
		if one.Err != nil {
			problems = append(problems, one.Err)
		}
	}
	return problems
}

// pass is one run an hour after the last.
func (d *desk) pass(findings ...watch.Finding) []error {
	d.t.Helper()
	time.Sleep(time.Hour)
	d.record(findings...)
	return d.reconcile()
}

func (d *desk) mustPass(findings ...watch.Finding) {
	d.t.Helper()
	if problems := d.pass(findings...); len(problems) > 0 {
		d.t.Fatalf("not as it should be: %v", problems)
	}
}

func (d *desk) did() string {
	var did []string
	for _, one := range d.told {
		did = append(did, one.Did)
	}
	return strings.Join(did, "; ")
}

func expired(name string) watch.Finding {
	return found(name, watch.Critical, watch.Expired, -time.Hour)
}

func well(name string) watch.Finding { return found(name, watch.OK, "", 300*24*time.Hour) }

func found(name string, severity watch.Severity, reason watch.Reason, left time.Duration) watch.Finding {
	return watch.Finding{
		ID: "sites/" + name, Check: "sites", Kind: "tls", Name: name, Severity: severity, Reason: reason,
		Message: "certificate of " + name, NotAfter: time.Now().UTC().Add(left), Identity: "sha256:" + name,
	}
}

const site = "crm.example.com:443"

// stub is the one that the ledger knows.
func (d *desk) stub() ledger.KeptStub {
	d.t.Helper()
	stubs, err := d.kept.Stubs(d.t.Context(), time.Now().AddDate(-1, 0, 0))
	if err != nil || len(stubs) != 1 {
		d.t.Fatalf("the ledger knows %d stubs, %v", len(stubs), err)
	}
	return stubs[0]
}

// open are the incidents that are not resolved.
func open(page *fakestatuspage.Page) []fakestatuspage.Incident {
	return slices.DeleteFunc(page.Incidents(), func(incident fakestatuspage.Incident) bool {
		return incident.Status == "resolved" || incident.Status == "completed"
	})
}

// wantOne requires one incident in the state.
func (d *desk) wantOne(status string) fakestatuspage.Incident {
	d.t.Helper()
	all := d.page.Incidents()
	if len(all) != 1 || all[0].Status != status {
		d.t.Fatalf("%d incidents stand there, want one that is %s: %+v", len(all), status, all)
	}
	return all[0]
}

// writes lets all requests but those that write pass, and asks answer for the others.
func writes(answer func(request *http.Request, usual func() *http.Response) (*http.Response, error)) func(*http.Request, func() *http.Response) (*http.Response, error) {
	return func(request *http.Request, usual func() *http.Response) (*http.Response, error) {
		if request.Method == http.MethodGet {
			return usual(), nil
		}
		return answer(request, usual)
	}
}

func says(status int, header http.Header) *http.Response {
	return &http.Response{
		StatusCode: status, Status: fmt.Sprint(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header,
		Body: io.NopCloser(strings.NewReader(`{"error":["no"]}`)),
	}
}

var errReset = errors.New("connection reset by peer")
