package ledger

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lapsewatch/policy"
	"lapsewatch/watch"
)

var update = flag.Bool("update", false, "write the files in testdata that are missing")

func TestMain(m *testing.M) {
	if folder := os.Getenv(victimFolder); folder != "" {
		runVictim(folder)
		return
	}
	if dsn := os.Getenv(holder); dsn != "" {
		runHolder(dsn)
		return
	}
	code := m.Run()
	postgres.stop()
	os.Exit(code)
}

var start = time.Date(2026, time.November, 22, 6, 0, 0, 0, time.UTC)

func day(n int) time.Time { return start.AddDate(0, 0, n) }

func found(check, subject string, severity watch.Severity, reason watch.Reason) watch.Finding {
	return watch.Finding{
		ID: check + "/" + subject, Check: check, Kind: "tls", Name: subject + ":443", Severity: severity, Reason: reason,
		Message: subject + " is " + string(severity), NotAfter: time.Date(2026, time.December, 12, 9, 30, 0, 0, time.UTC),
		Identity: "sha256:" + subject,
	}
}

func warned(subject string) watch.Finding {
	return found("sites", subject, watch.Warning, watch.ExpiresSoon)
}

func fine(subject string) watch.Finding { return found("sites", subject, watch.OK, "") }

func each(findings []watch.Finding) iter.Seq2[watch.Finding, error] {
	return func(yield func(watch.Finding, error) bool) {
		for _, finding := range findings {
			if !yield(finding, nil) {
				return
			}
		}
	}
}

// passAt is a trusted, complete pass of the check "sites".
func passAt(now time.Time, findings ...watch.Finding) watch.Pass {
	return watch.Pass{
		GeneratedAt: now,
		Clock:       watch.OwnClock{Trusted: true},
		Checks:      []watch.CheckResult{{Name: "sites", Kind: "tls", Complete: true}},
		Findings:    each(findings),
	}
}

// tell plans one digest for each of the recipients.
func tell(now time.Time, recipients ...string) Planner {
	destination := policy.Destination{Channel: "mail", Recipients: recipients}
	return func(events []watch.Event) []policy.Digest {
		return policy.Plan(events, policy.Routing{}, []policy.Destination{destination}, now)
	}
}

// somebody is told of everything, over a channel of its own.
func somebody(events []watch.Event) []policy.Digest {
	return policy.Plan(events, policy.Routing{}, []policy.Destination{{Channel: "somebody", Recipients: []string{""}}}, start)
}

func nobody([]watch.Event) []policy.Digest { return nil }

func open(t testing.TB, path string) *Ledger {
	t.Helper()
	l, err := Open(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func newLedger(t testing.TB) *Ledger {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "lapsewatch.db"))
}

func record(t testing.TB, l *Ledger, pass watch.Pass, plan Planner) Outcome {
	t.Helper()
	outcome, err := l.Record(t.Context(), pass, policy.Telling{}, plan)
	if err != nil {
		t.Fatal(err)
	}
	return outcome
}

func due(t testing.TB, l *Ledger, now time.Time) []Delivery {
	t.Helper()
	deliveries, err := l.Due(t.Context(), now)
	if err != nil {
		t.Fatal(err)
	}
	return deliveries
}

// told writes events as an operator would tell them: "opened sites/a: warning".
func told(events []watch.Event) []string {
	lines := make([]string, 0, len(events))
	for _, event := range events {
		line := fmt.Sprintf("%s %s: %s", event.Type, event.Finding.ID, event.Finding.Severity)
		if event.Why != "" {
			line += " (" + string(event.Why) + ")"
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

func wantTold(t testing.TB, events []watch.Event, want ...string) {
	t.Helper()
	slices.Sort(want)
	if got := told(events); !slices.Equal(got, want) {
		t.Errorf("told:\n\t%s\nwant:\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func wantError(t testing.TB, err, kind error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want: %v", kind)
	}
	if !errors.Is(err, kind) {
		t.Errorf("error %q, want: %v", err, kind)
	}
	for _, part := range words {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}

// contents is every row of every table.
func contents(t testing.TB, l *Ledger) string {
	t.Helper()
	var text strings.Builder
	for _, table := range []string{"goose_db_version", "runs", "subjects", "findings", "events", "deliveries", "delivery_events", "outbox", "memories", "meta", "leases"} {
		rows, err := l.db.QueryContext(context.WithoutCancel(t.Context()), "SELECT * FROM "+table+" ORDER BY 1, 2")
		if err != nil {
			t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			values := make([]sql.NullString, len(columns))
			into := make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			if err := rows.Scan(into...); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&text, table, values)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return text.String()
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func writeFile(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
