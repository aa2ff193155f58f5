// Command demo shows the scheduled job at work on a small local estate: two passes of
// which the second has nothing to say, a renewal, the mails and webhooks that came of
// them, and the reports. It needs no network and no privilege, and it fails when the
// job does anything else than it says here.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"lapsewatch/internal/estate"
)

func main() {
	folder := flag.String("out", "demo-output", "folder for the configuration, the ledger and the reports; it is emptied first")
	stay := flag.Bool("stay", false, "keep the estate running until Ctrl-C, to try commands by hand")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout, *folder, *stay)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// demo is one showing.
type demo struct {
	out    io.Writer
	folder string
	estate *estate.Estate
	// mails and hooks are how many were shown already.
	mails, hooks int
}

func run(ctx context.Context, out io.Writer, folder string, stay bool) error {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return fmt.Errorf("find the output folder: %w", err)
	}
	if err := emptied(folder); err != nil {
		return err
	}
	d := &demo{out: out, folder: folder}
	d.say("Building lapsewatch …")
	if err := d.build(ctx); err != nil {
		return err
	}
	if d.estate, err = estate.Start(d.path("estate"), time.Now()); err != nil {
		return err
	}
	err = d.show(ctx)
	if err == nil && stay {
		d.say("\nThe estate stays up until Ctrl-C. What commands send meanwhile is shown here.")
		err = d.showUntil(ctx.Done())
	}
	return errors.Join(err, d.estate.Close())
}

// marker tells a folder that the demo made from one that it must not empty.
const marker = ".made-by-lapsewatch-demo"

func emptied(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("look into the output folder: %w", err)
	}
	if len(entries) > 0 {
		if _, err := os.Stat(filepath.Join(folder, marker)); err != nil {
			return fmt.Errorf("%s is not empty and not from an earlier demo; give another folder with -out", folder)
		}
	}
	if err := os.RemoveAll(folder); err != nil {
		return fmt.Errorf("empty the output folder: %w", err)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("make the output folder: %w", err)
	}
	return os.WriteFile(filepath.Join(folder, marker), nil, 0o600)
}

func (d *demo) path(name string) string { return filepath.Join(d.folder, name) }

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }

func (d *demo) binary() string {
	if runtime.GOOS == "windows" {
		return d.path("lapsewatch.exe")
	}
	return d.path("lapsewatch")
}

func (d *demo) build(ctx context.Context) error {
	build := exec.CommandContext(ctx, "go", "build", "-o", d.binary(), "lapsewatch/cmd/lapsewatch")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build lapsewatch: %w\n%s", err, output)
	}
	return nil
}

// said is what one run of the command printed.
type said struct{ stdout, stderr string }

// lapsewatch runs the command to its end.
func (d *demo) lapsewatch(ctx context.Context, args ...string) (said, error) {
	var stdout, stderr strings.Builder
	command := exec.CommandContext(ctx, d.binary(), args...)
	command.Stdout, command.Stderr = &stdout, &stderr
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 10 * time.Second
	err := command.Run()
	told := said{stdout: strings.TrimSpace(stdout.String()), stderr: strings.TrimSpace(stderr.String())}
	if err != nil {
		return told, fmt.Errorf("lapsewatch %s: %w\n%s", strings.Join(args, " "), err, told.stderr)
	}
	return told, nil
}
