// Package program runs programs of this machine, bounded in time and output, with no shell
// and no environment but the one that it is given. It judges no exit status.
package program

import (
	"bytes"
	"context"
	"errors"
	osexec "os/exec"
	"syscall"
	"time"
)

const (
	// grace is how long the program may take to end when it is asked to, and how long
	// its output is read after it has ended.
	grace = 3 * time.Second
	// MaxOutput bounds what is kept of each output; the rest is read and thrown away, so
	// that the program does not stand still.
	MaxOutput = 64 << 10
)

// Result is what became of a program.
type Result struct {
	// Stdout and Stderr are their first 64 KiB.
	Stdout, Stderr []byte
	// Err is nil after exit status 0 only.
	Err error
}

// Run runs the program until it or ctx ends. With ctx ends whatever the program has
// started, as long as it stays in the program's process group.
func Run(ctx context.Context, command, environment []string, input []byte) Result {
	if err := ctx.Err(); err != nil {
		return Result{Err: err}
	}
	var stdout, stderr head
	program := osexec.CommandContext(ctx, command[0], command[1:]...)
	program.Env, program.Dir = environment, "/"
	program.Stdin, program.Stdout, program.Stderr = bytes.NewReader(input), &stdout, &stderr
	program.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	group := func(signal syscall.Signal) error { return syscall.Kill(-program.Process.Pid, signal) }
	program.Cancel = func() error { return group(syscall.SIGTERM) }
	program.WaitDelay = grace
	err := program.Start()
	if err == nil {
		err = program.Wait()
		if ctx.Err() != nil {
			// What is left of the group has had its time. There may be nothing left.
			_ = group(syscall.SIGKILL)
		}
	}
	if errors.Is(err, osexec.ErrWaitDelay) && ctx.Err() == nil {
		// It has ended well; something that it left behind holds its outputs open.
		err = nil
	}
	return Result{Stdout: stdout.kept, Stderr: stderr.kept, Err: err}
}

// head keeps the beginning of what is written to it.
type head struct{ kept []byte }

func (h *head) Write(written []byte) (int, error) {
	h.kept = append(h.kept, written[:min(len(written), MaxOutput-len(h.kept))]...)
	return len(written), nil
}
