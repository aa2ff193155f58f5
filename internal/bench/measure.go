package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// usage is what one process, with the children it waited for, has cost.
type usage struct {
	Wall   time.Duration `json:"wall"`
	CPU    time.Duration `json:"cpu"`
	RSSKiB int64         `json:"rss_kib"`
	Exit   int           `json:"exit"`
}

// command is a process to measure. Files are paths; an empty one is no input, or
// discarded output.
type command struct {
	args   []string
	env    []string
	stdin  string
	stdout string
	core   core
}

// core is a CPU to pin a process to; anywhere leaves it to the scheduler.
type core int

const (
	anywhere   core = -1
	farmCore   core = 0
	clientCore core = 1
)

// pinned prefixes taskset, where the machine has it and two cores.
func (b *bench) pinned(c core, args ...string) []string {
	if c == anywhere || b.taskset == "" {
		return args
	}
	return append([]string{b.taskset, "-c", strconv.Itoa(int(c))}, args...)
}

// measure runs a process to its end. A fresh small process starts it: the kernel counts
// the memory of the process that starts another into the other's peak.
func (b *bench) measure(ctx context.Context, c command) (usage, error) {
	report := b.path("usage.json")
	args := append([]string{b.self, "-role", "measure", report, c.stdin, c.stdout}, c.args...)
	args = b.pinned(c.core, args...)
	wrapper := exec.CommandContext(ctx, args[0], args[1:]...)
	wrapper.Env = append(os.Environ(), c.env...)
	wrapper.Stderr = os.Stderr
	wrapper.Cancel = func() error { return wrapper.Process.Signal(syscall.SIGTERM) }
	if err := wrapper.Run(); err != nil {
		return usage{}, fmt.Errorf("measure %s: %w", c.args[0], err)
	}
	var spent usage
	encoded, err := os.ReadFile(report)
	if err == nil {
		err = json.Unmarshal(encoded, &spent)
	}
	if err != nil {
		return usage{}, fmt.Errorf("measure %s: %w", c.args[0], err)
	}
	return spent, nil
}

// measureRole is the small process: REPORT STDIN STDOUT COMMAND….
func measureRole(ctx context.Context, args []string) error {
	if len(args) < 4 {
		return errors.New("measure: want REPORT STDIN STDOUT COMMAND")
	}
	measured := exec.CommandContext(ctx, args[3], args[4:]...)
	measured.Stderr = os.Stderr
	measured.Cancel = func() error { return measured.Process.Signal(syscall.SIGTERM) }
	if args[1] != "" {
		input, err := os.Open(args[1])
		if err != nil {
			return err
		}
		defer input.Close()
		measured.Stdin = input
	}
	if args[2] != "" {
		output, err := os.Create(args[2])
		if err != nil {
			return err
		}
		defer output.Close()
		measured.Stdout = output
	}
	began := time.Now()
	err := measured.Run()
	wall := time.Since(began)
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		return err
	}
	encoded, err := json.Marshal(spentBy(measured.ProcessState, wall))
	if err != nil {
		return err
	}
	return os.WriteFile(args[0], encoded, 0o600)
}

func spentBy(ended *os.ProcessState, wall time.Duration) usage {
	spent := usage{Wall: wall, CPU: ended.UserTime() + ended.SystemTime(), Exit: ended.ExitCode()}
	if rusage, ok := ended.SysUsage().(*syscall.Rusage); ok {
		spent.RSSKiB = rusage.Maxrss
	}
	return spent
}
