// Command bench measures Lapsewatch against its peers on the same targets in the same
// run, and checks every date and verdict against the truth. It asks nothing of any
// network but loopback, and it asserts nothing: it prints a table.
//
// Processor time is the measure to hold on to. The farm runs on one core and the client
// on another, and rounds alternate between the programs that are compared. It runs on
// Linux, whose loopback has the addresses that the farm needs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// bench is one run of the benchmark.
type bench struct {
	scale   scale
	dir     string
	self    string
	scanner string
	taskset string
	table   table
}

// scale is how much is measured.
type scale struct {
	endpoints, manyEndpoints, sample, loopSample, files, rounds, starts int
	applications, manyApplications                                      int
	// slowness is how late slow hosts answer, and patience the timeout among bad hosts.
	slowness, patience time.Duration
}

var (
	fullScale = scale{
		endpoints: 10_000, manyEndpoints: 100_000, sample: 2_000, loopSample: 200, files: 100_000, rounds: 3, starts: 20,
		applications: 10_000, manyApplications: 50_000,
		slowness: 3 * time.Second, patience: 5 * time.Second,
	}
	quickScale = scale{
		endpoints: 200, manyEndpoints: 400, sample: 50, loopSample: 4, files: 200, rounds: 1, starts: 2,
		applications: 100, manyApplications: 1_500,
		slowness: time.Second, patience: 2 * time.Second,
	}
)

func main() {
	quick := flag.Bool("quick", false, "a smoke run of seconds; its numbers mean nothing")
	only := flag.String("only", "", "measure one area alone: start, tls, files, entra")
	role := flag.String("role", "", "be one of the benchmark's own processes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *quick, *only, *role, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, quick bool, only, role string, args []string) error {
	if role != "" {
		play, known := roles[role]
		if !known {
			return fmt.Errorf("role %q is not one of the benchmark's own", role)
		}
		return play(ctx, args)
	}
	b := bench{scale: fullScale}
	if quick {
		b.scale = quickScale
	}
	dir, err := os.MkdirTemp("", "lapsewatch-bench-")
	if err != nil {
		return fmt.Errorf("make room for the benchmark: %w", err)
	}
	b.dir = dir
	err = b.prepare(ctx)
	if err == nil {
		err = b.measureAreas(ctx, only)
		b.table.print(os.Stdout)
	}
	return errors.Join(err, os.RemoveAll(dir))
}

// roles are the benchmark's own processes.
var roles = map[string]func(context.Context, []string) error{
	"measure":     measureRole,
	"farm":        farmRole,
	"plain":       plainRole,
	"files-twice": filesTwiceRole,
	"tenant":      tenantRole,
	"bare-graph":  bareGraphRole,
	"entra-alone": entraAloneRole,
}

// prepare builds the scanner as it is shipped, and looks what the machine has.
func (b *bench) prepare(ctx context.Context) error {
	var err error
	if b.self, err = os.Executable(); err != nil {
		return fmt.Errorf("find the benchmark itself: %w", err)
	}
	b.scanner = b.path("lapsewatch")
	build := exec.CommandContext(ctx, "go", "build", "-ldflags", "-s -w", "-o", b.scanner, "lapsewatch/cmd/lapsewatch")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the scanner: %w\n%s", err, output)
	}
	if runtime.NumCPU() >= 2 {
		b.taskset, _ = exec.LookPath("taskset") // without it the run goes on, and says so
	}
	b.table.note("%s, %s/%s, %d cores, %s", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), time.Now().UTC().Format(time.DateOnly))
	if b.taskset == "" {
		b.table.note("taskset or a second core is missing: farm and client share their cores, so believe the ratios only")
	}
	return nil
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

func (b *bench) measureAreas(ctx context.Context, only string) error {
	areas := []struct {
		name    string
		measure func(context.Context) error
	}{
		{"start", b.startUp},
		{"tls", b.tlsEndpoints},
		{"files", b.certificateFiles},
		{"entra", b.tenants},
	}
	var problems []error
	for _, area := range areas {
		if only != "" && only != area.name {
			continue
		}
		fmt.Fprintf(os.Stderr, "measuring %s …\n", area.name)
		if err := area.measure(ctx); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", area.name, err))
		}
	}
	return errors.Join(problems...)
}

// startUp measures what `lapsewatch version` takes.
func (b *bench) startUp(ctx context.Context) error {
	var walls []float64
	var peak int64
	for range b.scale.starts {
		spent, err := b.measure(ctx, command{args: []string{b.scanner, "version"}, core: clientCore})
		if err != nil {
			return err
		}
		walls = append(walls, float64(spent.Wall)/float64(time.Millisecond))
		peak = max(peak, spent.RSSKiB)
	}
	b.table.add("start", "lapsewatch version", "wall", "%.0f ms", median(walls)).target("< 30 ms", median(walls) < 30)
	b.table.add("start", "lapsewatch version", "peak memory", "%.1f MiB", mib(peak)).target("< 30 MiB", mib(peak) < 30)
	return nil
}
