package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"lapsewatch/internal/bench/farm"
)

//go:embed files.py
var pythonWalker string

// certificateFiles measures a folder full of PEM files: the first look, the second at
// what has not changed, and Python with its cryptography library beside it.
func (b *bench) certificateFiles(ctx context.Context) error {
	folder := b.path("files")
	truth, err := farm.WriteFiles(folder, b.scale.files, time.Now())
	if err != nil {
		return err
	}
	area := fmt.Sprintf("files, %d with %d certificates", b.scale.files, len(truth))
	python, err := b.findPython(ctx, area)
	if err != nil {
		return err
	}
	ours := program{name: "lapsewatch", ours: true, args: []string{b.scanner, "scan", folder, "--output", "jsonl"}}
	theirs := program{name: "Python + cryptography", args: []string{python, "-c", pythonWalker, folder}}
	var walls, ratios []float64
	var peak int64
	for range b.scale.rounds {
		spent, result, err := b.lookAtFiles(ctx, ours, truth)
		if err != nil {
			return err
		}
		walls, peak = append(walls, spent.Wall.Seconds()), max(peak, spent.RSSKiB)
		if len(walls) == 1 {
			b.table.addTruth(area, ours, result)
		}
		if python == "" {
			continue
		}
		peer, result, err := b.lookAtFiles(ctx, theirs, truth)
		if err != nil {
			return err
		}
		if len(ratios) == 0 {
			b.table.add(area, theirs.name, "dates", "%s", result.allDates())
			b.table.add(area, theirs.name, "wall, peak memory", "%.2f s, %.0f MiB", peer.Wall.Seconds(), mib(peer.RSSKiB))
		}
		ratios = append(ratios, spent.Wall.Seconds()/peer.Wall.Seconds())
	}
	b.table.add(area, ours.name, "wall", "%.2f s", median(walls))
	b.table.add(area, ours.name, "peak memory", "%.0f MiB", mib(peak)).target("≤ 60 MiB", mib(peak) <= 60)
	if len(ratios) > 0 {
		b.table.add(area, "lapsewatch / Python", "wall, paired", "%.2f %.2f", median(ratios), ratios).target("≤ 0.50", median(ratios) <= 0.5)
	}
	return b.unchangedFiles(ctx, area, folder)
}

func (b *bench) lookAtFiles(ctx context.Context, p program, truth []farm.Subject) (usage, score, error) {
	said := b.path("said.jsonl")
	spent, err := b.measure(ctx, command{args: p.args, stdout: said, core: anywhere})
	if err != nil {
		return usage{}, score{}, err
	}
	if spent.Exit != 0 {
		return usage{}, score{}, fmt.Errorf("%s ended with exit code %d", p.name, spent.Exit)
	}
	result, err := judge(said, truth)
	return spent, result, err
}

// findPython gives the interpreter, or an empty path after naming the gap in the table.
func (b *bench) findPython(ctx context.Context, area string) (string, error) {
	python, err := exec.LookPath("python3")
	if err == nil {
		err = exec.CommandContext(ctx, python, "-c", "import cryptography").Run()
	}
	if err != nil {
		b.table.missing(area, "Python + cryptography", "not installed (apt-get install python3-cryptography)")
		return "", ctx.Err()
	}
	return python, nil
}

// passes is what filesTwiceRole reports.
type passes struct{ First, Unchanged time.Duration }

func (b *bench) unchangedFiles(ctx context.Context, area, folder string) error {
	said := b.path("passes.json")
	spent, err := b.measure(ctx, command{args: []string{b.self, "-role", "files-twice", folder}, stdout: said, core: anywhere})
	if err != nil {
		return err
	}
	if spent.Exit != 0 {
		return errors.New("the second look at the files failed")
	}
	encoded, err := os.ReadFile(said)
	if err != nil {
		return fmt.Errorf("read the passes: %w", err)
	}
	var took passes
	if err := json.Unmarshal(encoded, &took); err != nil {
		return fmt.Errorf("read the passes: %w", err)
	}
	faster := took.First.Seconds() / took.Unchanged.Seconds()
	b.table.add(area, "lapsewatch, in one process", "first pass, unchanged pass", "%.2f s, %.2f s: %.1f × faster",
		took.First.Seconds(), took.Unchanged.Seconds(), faster).target("≥ 5 × faster", faster >= 5)
	b.table.add(area, "lapsewatch, in one process", "peak memory", "%.0f MiB", mib(spent.RSSKiB)).target("≤ 60 MiB", mib(spent.RSSKiB) <= 60)
	return nil
}
