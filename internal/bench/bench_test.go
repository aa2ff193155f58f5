package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"lapsewatch/internal/bench/farm"
)

// The benchmark itself is run, at a scale that shows that it works and nothing else.
func TestAQuickRunMeasuresEveryAreaAndFindsEveryVerdictExact(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "bench")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the benchmark: %v\n%s", err, output)
	}
	var table, progress bytes.Buffer
	run := exec.CommandContext(t.Context(), binary, "-quick")
	run.Stdout, run.Stderr = &table, &progress
	if err := run.Run(); err != nil {
		t.Fatalf("quick run: %v\n%s%s", err, &progress, &table)
	}
	for _, row := range []struct{ area, like string }{
		{"start", `lapsewatch version +wall +\d+ ms +target < 30 ms`},
		{"tls, 200 endpoints, 300 in flight", `lapsewatch +CPU per endpoint +[\d.]+ ms`},
		{"tls, 200 endpoints, 300 in flight", `lapsewatch +dates and verdicts +200/200 exact +target all exact: met`},
		{"tls, 200 endpoints, 300 in flight", `plain crypto/tls +dates and verdicts +200/200 exact`},
		{"tls, 200 endpoints, 300 in flight", `lapsewatch / plain +CPU, paired +[\d.]+ `},
		{"tls, 400 endpoints, 300 in flight", `lapsewatch +dates and verdicts +400/400 exact +target all exact: met`},
		{"tls, crowded: 100 in flight, timeout 2s", `plain crypto/tls +wall`},
		{"tls, 50 endpoints, 100 in flight", `blackbox_exporter, verify +dates +4\d of 50|blackbox_exporter +not measured`},
		{"tls, 4 endpoints, 20 in flight", `openssl s_client loop +(dates +4 of 4|not measured)`},
		{"tls, 200 endpoints, 5 % black holes, 1000 in flight", `lapsewatch +wall +[\d.]+ s +target`},
		{"tls, 100 silent hosts at once", `lapsewatch +memory per waiting host +[\d.]+ KiB`},
		{"files, 200 with 298 certificates", `lapsewatch +dates and verdicts +298/298 exact +target all exact: met`},
		{"files, 200 with 298 certificates", `Python \+ cryptography +(dates +dates 298 of 298|not measured)`},
		{"files, 200 with 298 certificates", `lapsewatch, in one process +first pass, unchanged pass`},
		{"entra, 1500 applications × 2 secrets", `lapsewatch scan +dates as the bare client read them +3001 of 3001 +target all: met`},
		{"entra, 1500 applications × 2 secrets", `the check alone +CPU, wall, peak memory +[\d.]+ s`},
		{"entra, 100 applications × 12 secrets", `bare encoding/json, reads and prints dates +CPU, wall, peak memory +[\d.]+ s`},
	} {
		if !regexp.MustCompile(`(?m)^  ` + row.like).MatchString(section(table.String(), row.area)) {
			t.Errorf("under %q stands no row like %q", row.area, row.like)
		}
	}
	if t.Failed() {
		t.Logf("the table:\n%s", &table)
	}
}

// section is what stands in the table under the heading of an area.
func section(table, area string) string {
	_, below, _ := strings.Cut(table, "\n"+area+"\n")
	rows, _, _ := strings.Cut(below, "\n\n")
	return rows
}

func TestTheVerdictOfAProgramIsHeldAgainstTheTruth(t *testing.T) {
	date := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	truth := []farm.Subject{
		{Name: "127.64.0.0:1", Fault: farm.Healthy, NotAfter: date},
		{Name: "127.64.0.1:1", Fault: farm.Expired, NotAfter: date},
		{Name: "127.64.0.2:1", Fault: farm.Silent},
	}
	right := []string{
		`{"name":"127.64.0.0:1","not_after":"2027-01-02T03:04:05Z"}`,
		`{"name":"127.64.0.1:1","not_after":"2027-01-02T03:04:05Z","reason":"expired"}`,
		`{"name":"127.64.0.2:1","reason":"timed_out"}`,
	}
	for _, row := range []struct {
		name string
		said []string
		want string
	}{
		{"everything right is exact", right, "3/3 exact"},
		{"a subject that is missing counts for nothing", right[:2],
			"dates 2, verdicts 2 of 3"},
		{"a date that is a second off is wrong", []string{strings.Replace(right[0], "05Z", "06Z", 1), right[1], right[2]},
			"dates 2, verdicts 3 of 3"},
		{"an answer that was not waited for is a false timeout", []string{`{"name":"127.64.0.0:1","reason":"timed_out"}`, right[1], right[2]},
			"dates 2, verdicts 2 of 3, 1 false timeouts"},
		{"what was said twice is surplus", append(right[:3:3], right[0]),
			"dates 3, verdicts 3 of 3, 1 surplus"},
		{"what nobody asked for is surplus", append(right[:3:3], `{"name":"elsewhere:1"}`),
			"dates 3, verdicts 3 of 3, 1 surplus"},
	} {
		t.Run(row.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "said.jsonl")
			if err := os.WriteFile(path, []byte(strings.Join(row.said, "\n")), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := judge(path, truth)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != row.want {
				t.Errorf("got  %s\nwant %s", got, row.want)
			}
		})
	}
}

func TestAMissingPeerIsNamedInTheTable(t *testing.T) {
	var shown table
	shown.missing("tls", "blackbox_exporter", "not installed (apt-get install prometheus-blackbox-exporter)")
	shown.add("tls", "lapsewatch", "wall", "%.1f s", 7.0).target("≤ 6.0 s", false)
	var out bytes.Buffer
	shown.print(&out)
	for _, want := range []string{
		"\ntls\n  blackbox_exporter  ",
		"  not measured: not installed (apt-get install prometheus-blackbox-exporter)\n",
		"  7.0 s ", "  target ≤ 6.0 s: MISSED\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, &out)
		}
	}
}

func TestTheMedianIsTheMiddleOne(t *testing.T) {
	for _, row := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{3, 1, 2}, 2}, {[]float64{4, 1, 2, 3}, 2.5}} {
		if got := median(row.values); got != row.want {
			t.Errorf("median of %v is %v, want %v", row.values, got, row.want)
		}
	}
}
