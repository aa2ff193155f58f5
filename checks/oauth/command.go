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

	"lapsewatch/internal/clean"
	"lapsewatch/internal/redact"
	"lapsewatch/watch"
)

const (
	// commandPatience bounds one run of the command.
	commandPatience = 30 * time.Second
	// grace is how long the command may take to end when it is asked to.
	grace         = 3 * time.Second
	maxOutput     = 64 << 10
	shownOfOutput = 200
	searchPath    = "/usr/local/bin:/usr/bin:/bin"
)

// program is a command that stores what it is given on its standard input.
type program struct {
	command     []string
	environment []string
	secrets     []watch.Secret
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
		made.secrets = append(made.secrets, redact.Words(value)...)
	}
	return made, nil
}

// store runs the command once. Only its exit status 0 says that it has stored the token.
func (p *program) store(ctx context.Context, token watch.Secret) error {
	ctx, cancel := context.WithTimeout(ctx, commandPatience)
	defer cancel()
	var said head
	run := exec.CommandContext(ctx, p.command[0], p.command[1:]...)
	run.Env, run.Dir = p.environment, "/"
	run.Stdin, run.Stderr = strings.NewReader(token.Reveal()), &said
	run.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	group := func(signal syscall.Signal) error { return syscall.Kill(-run.Process.Pid, signal) }
	run.Cancel = func() error { return group(syscall.SIGTERM) }
	run.WaitDelay = grace
	err := run.Start()
	if err == nil {
		err = run.Wait()
		if ctx.Err() != nil {
			_ = group(syscall.SIGKILL) // there may be nothing left of it
			err = fmt.Errorf("it had not ended after %s: %w", commandPatience, ctx.Err())
		}
	}
	if errors.Is(err, exec.ErrWaitDelay) && ctx.Err() == nil {
		err = nil // it has ended well, and something that it left behind holds its outputs open
	}
	if err == nil {
		return nil
	}
	secrets := append([]watch.Secret{token}, p.secrets...)
	line, _, _ := strings.Cut(strings.TrimSpace(redact.Text(string(said.kept), secrets...)), "\n")
	if line = clean.Text(strings.TrimSpace(line), shownOfOutput); line != "" {
		err = fmt.Errorf("%w: %s", err, line)
	}
	return redact.Error(fmt.Errorf("store the refresh token with %s: %w", p.command[0], err), secrets...)
}

// head keeps the beginning of what is written to it.
type head struct{ kept []byte }

func (h *head) Write(written []byte) (int, error) {
	h.kept = append(h.kept, written[:min(len(written), maxOutput-len(h.kept))]...)
	return len(written), nil
}
