package oauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"lapsewatch/watch"
)

const (
	// commandPatience bounds one run of the command.
	commandPatience = 30 * time.Second
	// grace is how long the command may take to end when it is asked to.
	grace      = 3 * time.Second
	searchPath = "/usr/local/bin:/usr/bin:/bin"
)

// errCommand: the command has not stored what it was given.
var errCommand = errors.New("the command did not end well")

// program is a command that stores what it is given on its standard input.
type program struct {
	command     []string
	environment []string
}

// program is the command of a store; nil if it has none. It is shown nothing of the own
// environment, which may hold other secrets, but where programs and its user's files are.
func (s Store) program(read watch.SecretReader) (*program, error) {
	if len(s.Command) == 0 {
		return nil, nil
	}
	made := &program{command: s.Command, environment: []string{"PATH=" + cmp.Or(os.Getenv("PATH"), searchPath)}}
	for _, name := range []string{"HOME", "LANG"} {
		if value, set := os.LookupEnv(name); set {
			made.environment = append(made.environment, name+"="+value)
		}
	}
	for _, variable := range s.Environment {
		value, err := read(variable.Value)
		if err != nil {
			return nil, fmt.Errorf("read environment variable %s of the store's command: %w", variable.Name, err)
		}
		made.environment = append(made.environment, variable.Name+"="+value.Reveal())
	}
	return made, nil
}

// store runs the command once. Only its exit status 0 says that it has stored the token.
// What it writes is shown to nobody: it knows secrets that are not known here, and may write
// them in whatever form. Nothing that it has started outlives it.
func (p *program) store(ctx context.Context, token watch.Secret) error {
	ctx, cancel := context.WithTimeout(ctx, commandPatience)
	defer cancel()
	run := exec.CommandContext(ctx, p.command[0], p.command[1:]...)
	run.Env, run.Dir = p.environment, "/"
	run.Stdin = strings.NewReader(token.Reveal())
	run.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	group := func(signal syscall.Signal) error { return syscall.Kill(-run.Process.Pid, signal) }
	run.Cancel = func() error { return group(syscall.SIGTERM) }
	run.WaitDelay = grace
	err := run.Start()
	if err == nil {
		err = run.Wait()
		_ = group(syscall.SIGKILL) // there is nothing left of it, mostly
		if ctx.Err() != nil {
			err = fmt.Errorf("it had not ended after %s: %w", commandPatience, ctx.Err())
		}
	}
	if errors.Is(err, exec.ErrWaitDelay) && ctx.Err() == nil {
		err = nil // it has ended well, and something that it left behind held its input open
	}
	if err != nil {
		return fmt.Errorf("store the refresh token with %s: %w: %w", p.command[0], errCommand, err)
	}
	return nil
}
