package report_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lapsewatch/report"
	"lapsewatch/watch"
)

var update = flag.Bool("update", false, "write the golden files")

var now = time.Date(2026, time.November, 22, 6, 0, 0, 0, time.UTC)

// passOf builds a pass whose findings can be ranged over again.
func passOf(findings ...watch.Finding) watch.Pass {
	pass := watch.Pass{GeneratedAt: now, Clock: watch.OwnClock{Trusted: true}}
	for _, finding := range findings {
		pass.Summary.Count(finding.Severity)
	}
	pass.Findings = func(yield func(watch.Finding, error) bool) {
		for _, finding := range findings {
			if !yield(finding, nil) {
				return
			}
		}
	}
	return pass
}

func after(days int) time.Time { return now.AddDate(0, 0, days) }

func ptr(n int64) *int64 { return &n }

// dated fills in what every credential with a date has.
func dated(finding watch.Finding, days int) watch.Finding {
	finding.ID = finding.Check + "/" + finding.Name
	finding.NotBefore, finding.NotAfter = after(min(days-365, -30)), after(days)
	finding.WarnFrom, finding.CriticalFrom = watch.Lead{Months: 1}.Before(finding.NotAfter), after(days-7)
	finding.DaysLeft = ptr(int64(days))
	return finding
}

// samplePass has a finding of every severity and of every shape that a format shows
// differently, most urgent first.
func samplePass() watch.Pass {
	pass := passOf(sampleFindings()...)
	pass.Clock = watch.OwnClock{Trusted: true, Verified: true, OffsetSeconds: 0.002, Reference: "ntp://time.example.net"}
	pass.Checks = []watch.CheckResult{
		{Name: "public-sites", Kind: "tls", Complete: true, Subjects: 6, Problems: 1, Seconds: 0.4,
			Remarks: []string{"left out 12 that renew themselves", "whether <old ones> are still in use is not known: it needs AuditLog.Read.All"}},
		{Name: "machine-files", Kind: "certfiles", Subjects: 3, Problems: 2, Seconds: 1.25, Error: "read folder /etc/pki/tls: permission denied"},
	}
	return pass
}

func sampleFindings() []watch.Finding {
	return []watch.Finding{
		dated(watch.Finding{
			Check: "public-sites", Kind: "tls", Name: "shop.example.com:443", Severity: watch.Critical, Reason: watch.Expired,
			Message:  "certificate expired 2026-11-20 06:00 UTC, 2 days ago",
			Identity: "sha256:0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0",
			Owners:   []string{"web@example.com", "on-call@example.com"}, Labels: map[string]string{"team": "shop", "env": "prod"},
			Also: []watch.Judgement{
				{Reason: watch.NameMismatch, Severity: watch.Critical, Message: "is not valid for shop.example.com, only for www.example.com"},
				{Reason: watch.UnneededExpiring, Severity: watch.Notice, Message: "presents the intermediate R3, which expires 2026-12-01 06:00 UTC"},
			},
			Details: map[string]any{"issuer": "CN=Example CA 3", "addresses": []string{"192.0.2.7", "2001:db8::7"}, "chain_verified": true},
			Remedy:  "Renew the certificate and install it on every node.", Link: "https://pki.example.com/renew/shop",
		}, -2),
		dated(watch.Finding{
			Check: "public-sites", Kind: "tls", Name: "api.example.com:443", Severity: watch.Critical, Reason: watch.ExpiresSoon,
			Message: "certificate expires 2026-11-26 06:00 UTC, in 4 days", Owners: []string{"api@example.com"},
			Remedy: "Renew the certificate and install it on every node.",
		}, 4),
		dated(watch.Finding{
			Check: "machine-files", Kind: "certfiles", Name: "/etc/ssl/private/ldap.pem", Severity: watch.Warning, Reason: watch.ExpiresSoon,
			Message: "certificate expires 2026-12-13 06:00 UTC, in 21 days", Remedy: "Renew the certificate and replace the file.",
			Acknowledged: &watch.Acknowledgement{By: "ada@example.com", Reason: "replaced with the move on 1 December", At: after(-1), Until: after(13)},
		}, 21),
		{
			ID: "public-sites/mail.example.com:25", Check: "public-sites", Kind: "tls", Name: "mail.example.com:25", Severity: watch.Unknown, Reason: watch.TimedOut,
			Message: "could not be read: connect to 192.0.2.25:25: i/o timeout", Owners: []string{"mail@example.com"},
			Details: map[string]any{"address": "192.0.2.25"}, Remedy: "See whether the host is up and whether a firewall drops the port.",
		},
		{
			ID: "machine-files//root/ca.crt", Check: "machine-files", Kind: "certfiles", Name: "/root/ca.crt", Severity: watch.Unknown, Reason: watch.PermissionDenied,
			Message: "could not be read: open /root/ca.crt: permission denied", Remedy: "Let the account that runs lapsewatch read the file.",
		},
		dated(watch.Finding{
			Check: "machine-files", Kind: "certfiles", Name: "/etc/ssl/certs/old-root.pem", Severity: watch.Notice, Reason: watch.SelfSigned,
			Message: "certificate is self-signed; it expires 2027-01-21 06:00 UTC, in 60 days", Owners: []string{"pki@example.com"},
		}, 60),
		dated(watch.Finding{Check: "public-sites", Kind: "tls", Name: "www.example.com:443", Severity: watch.OK, Message: "certificate expires 2027-02-20 06:00 UTC, in 90 days", Owners: []string{"web@example.com"}}, 90),
		dated(watch.Finding{Check: "public-sites", Kind: "tls", Name: "intern.example.com:8443", Severity: watch.OK, Message: "certificate expires 2028-11-21 06:00 UTC, in 730 days"}, 730),
		{
			ID: "public-sites/clock", Check: "public-sites", Kind: "clock", Name: "time.example.com", Severity: watch.OK, Message: "clock is 0.012 s ahead of ntp://time.example.net (± 0.004 s)",
			Details: map[string]any{"offset_seconds": 0.012, "uncertainty_seconds": 0.004, "reference": "ntp://time.example.net"},
		},
	}
}

var errBroken = errors.New("spill file: input/output error")

// breaking yields the findings and then an error.
func breaking(findings ...watch.Finding) iter.Seq2[watch.Finding, error] {
	return func(yield func(watch.Finding, error) bool) {
		for _, finding := range findings {
			if !yield(finding, nil) {
				return
			}
		}
		yield(watch.Finding{}, errBroken)
	}
}

func write(t testing.TB, format string, pass watch.Pass, style report.Style) string {
	t.Helper()
	var out bytes.Buffer
	if err := report.Write(&out, format, pass, style); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: run `go test ./report -update` and look at the difference", err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s differs (-want +got); run with -update if that is meant:\n%s", path, diff)
	}
}

func TestFormatsKeepTheirWords(t *testing.T) {
	tests := []struct {
		golden, format string
		pass           watch.Pass
		style          report.Style
	}{
		{"sample.table.txt", "table", samplePass(), report.Style{}},
		{"sample.table-80.txt", "table", samplePass(), report.Style{Width: 80}},
		{"sample.table-140-colour.txt", "table", samplePass(), report.Style{Width: 140, Colour: true}},
		{"sample.table-not-ok.txt", "table", samplePass(), report.Style{Width: 120, OnlyNotOK: true}},
		{"sample.json", "json", samplePass(), report.Style{}},
		{"sample.jsonl", "jsonl", samplePass(), report.Style{}},
		{"sample.csv", "csv", samplePass(), report.Style{}},
		{"sample.md", "markdown", samplePass(), report.Style{}},
		{"sample.ics", "ics", samplePass(), report.Style{}},
		{"sample.html", "html", samplePass(), report.Style{}},
		{"commands.table.txt", "table", commandsPass(), report.Style{}},
		{"commands.table-80.txt", "table", commandsPass(), report.Style{Width: 80}},
		{"commands.md", "markdown", commandsPass(), report.Style{}},
		{"empty.table.txt", "table", passOf(), report.Style{}},
		{"empty.json", "json", passOf(), report.Style{}},
		{"empty.csv", "csv", passOf(), report.Style{}},
		{"empty.md", "markdown", passOf(), report.Style{}},
		{"empty.ics", "ics", passOf(), report.Style{}},
		{"empty.html", "html", passOf(), report.Style{}},
	}
	for _, test := range tests {
		t.Run(test.golden, func(t *testing.T) {
			golden(t, test.golden, write(t, test.format, test.pass, test.style))
		})
	}
}

// many yields n findings without holding them: a hundredth critical, a tenth of the
// rest warnings, and the others ok.
func many(n int) watch.Pass {
	critical, warnings := n/100, n/10
	severityAt := func(i int) watch.Severity {
		switch {
		case i < critical:
			return watch.Critical
		case i < critical+warnings:
			return watch.Warning
		default:
			return watch.OK
		}
	}
	pass := passOf()
	for i := range n {
		pass.Summary.Count(severityAt(i))
	}
	pass.Findings = func(yield func(watch.Finding, error) bool) {
		for i := range n {
			severity := severityAt(i)
			finding := dated(watch.Finding{
				Check: "estate", Kind: "tls", Name: fmt.Sprintf("host-%06d.example.com:443", i), Severity: severity,
				Message: "certificate expires on its date", Owners: []string{"team@example.com"},
				Details: map[string]any{"issuer": "CN=Example CA", "addresses": []string{"192.0.2.1"}},
			}, 1+i*400/n)
			if severity != watch.OK {
				finding.Reason, finding.Remedy = watch.ExpiresSoon, "Renew the certificate and install it on every node."
			}
			if !yield(finding, nil) {
				return
			}
		}
	}
	return pass
}

// watchedHeap samples the live heap while the findings are ranged over.
func watchedHeap(pass watch.Pass) (watch.Pass, *uint64) {
	findings, peak, seen := pass.Findings, new(uint64), 0
	pass.Findings = func(yield func(watch.Finding, error) bool) {
		for finding, err := range findings {
			if seen++; seen%5000 == 0 {
				var stats runtime.MemStats
				runtime.ReadMemStats(&stats)
				*peak = max(*peak, stats.HeapAlloc)
			}
			if !yield(finding, err) {
				return
			}
		}
	}
	return pass, peak
}
