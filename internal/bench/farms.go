package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"lapsewatch/internal/bench/farm"
)

// mixes are the farms that can be grown, by the name that the farm's process is given.
var mixes = map[string]farm.Mix{
	"clean":  farm.Clean(),
	"rough":  farm.Rough(),
	"silent": {{Fault: farm.Silent, PerMille: 1000}},
}

// grown is a farm that serves in a process of its own.
type grown struct {
	truth    []farm.Subject
	rootFile string
	stop     func() error
}

// grow starts a farm's process and waits until it serves.
func (b *bench) grow(ctx context.Context, mix string, size int) (*grown, error) {
	truthFile, rootFile := b.path(mix+"-truth.jsonl"), b.path(mix+"-root.pem")
	_, stop, err := b.serve(ctx, "farm", mix, strconv.Itoa(size), b.scale.slowness.String(), truthFile, rootFile)
	if err != nil {
		return nil, err
	}
	truth, err := farm.ReadTruth(truthFile)
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	return &grown{truth: truth, rootFile: rootFile, stop: stop}, nil
}

// serve starts a role that serves until its input ends, and waits for its first line.
func (b *bench) serve(ctx context.Context, role string, args ...string) (line string, stop func() error, err error) {
	pinned := b.pinned(farmCore, append([]string{b.self, "-role", role}, args...)...)
	process := exec.CommandContext(ctx, pinned[0], pinned[1:]...)
	process.Stderr = os.Stderr
	leash, err := process.StdinPipe()
	if err != nil {
		return "", nil, fmt.Errorf("start the %s: %w", role, err)
	}
	said, err := process.StdoutPipe()
	if err != nil {
		return "", nil, fmt.Errorf("start the %s: %w", role, err)
	}
	if err := process.Start(); err != nil {
		return "", nil, fmt.Errorf("start the %s: %w", role, err)
	}
	stop = func() error { return errors.Join(leash.Close(), process.Wait()) }
	if line, err = bufio.NewReader(said).ReadString('\n'); err != nil {
		return "", nil, errors.Join(fmt.Errorf("wait for the %s: %w", role, err), stop())
	}
	return strings.TrimSpace(line), stop, nil
}

// farmRole serves a farm until its input ends, which it does when the benchmark dies.
func farmRole(_ context.Context, args []string) error {
	if len(args) != 5 || mixes[args[0]] == nil {
		return errors.New("farm: want MIX SIZE SLOWNESS TRUTHFILE ROOTFILE")
	}
	size, err := strconv.Atoi(args[1])
	if err != nil {
		return fmt.Errorf("farm: size: %w", err)
	}
	slowness, err := time.ParseDuration(args[2])
	if err != nil {
		return fmt.Errorf("farm: slowness: %w", err)
	}
	served, err := farm.Start(size, mixes[args[0]], slowness, time.Now())
	if err != nil {
		return err
	}
	err = farm.WriteTruth(args[3], served.Subjects)
	if err == nil {
		err = os.WriteFile(args[4], served.RootPEM, 0o600)
	}
	if err == nil {
		fmt.Println("ready")
		_, err = io.Copy(io.Discard, os.Stdin)
	}
	return errors.Join(err, served.Close())
}

// listOf writes the addresses of endpoints, one a line.
func (b *bench) listOf(endpoints []farm.Subject) (string, error) {
	var list strings.Builder
	for _, endpoint := range endpoints {
		list.WriteString(endpoint.Name + "\n")
	}
	path := b.path("targets.txt")
	return path, os.WriteFile(path, []byte(list.String()), 0o600)
}
