// Package exec hands messages to a program on this machine, as a CloudEvent on its
// standard input. It makes one attempt: retrying and remembering are the runner's. It
// uses no shell, and what comes from outside stands in no argument and no variable.
package exec

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	osexec "os/exec"
	"strings"
	"syscall"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/cloudevent"
	"lapsewatch/internal/program"
	"lapsewatch/internal/redact"
	"lapsewatch/watch"
)

// Kind is the channel that runs a program.
var Kind = alerts.Define("exec", defaults, New)

const (
	// idVariable tells the program which message it is given.
	idVariable = "LAPSEWATCH_DELIVERY_ID"
	// exitTemporary is EX_TEMPFAIL of sysexits(3): try again later.
	exitTemporary = 75
	shownOfOutput = 200
	searchPath    = "/usr/local/bin:/usr/bin:/bin"
)

// errTimeout tells the channel's own bound from that of its caller.
var errTimeout = errors.New("the timeout is over")

type channel struct {
	options Options
	env     alerts.Env
}

// New makes a channel from valid options.
func New(options Options, env alerts.Env) (alerts.Channel, error) {
	return &channel{options: options, env: env}, nil
}

// Recipients is the single program.
func (c *channel) Recipients() []string { return []string{""} }

// Deliver runs the program once. The proof is its exit status 0.
func (c *channel) Deliver(ctx context.Context, message alerts.Message) (alerts.Receipt, error) {
	document, err := cloudevent.Encode(message, c.options.Source, c.env.ReportURL)
	if err != nil {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: c.env.Name, Err: err}
	}
	environment, secrets, err := c.environment(message.ID)
	if err != nil {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: c.env.Name, Err: err}
	}
	attempt, cancel := context.WithTimeoutCause(ctx, time.Duration(c.options.Timeout), errTimeout)
	defer cancel()
	result := program.Run(attempt, c.options.Command, environment, document)
	if result.Err == nil {
		return alerts.Receipt{Proof: with("exit status 0", shown(result.Stdout, secrets))}, nil
	}
	failure := c.failure(attempt, result, shown(result.Stderr, secrets))
	failure.Err = redact.Error(fmt.Errorf("run %s: %w", c.options.Command[0], failure.Err), secrets...)
	return alerts.Receipt{}, failure
}

// environment is what the program gets to see: nothing of Lapsewatch's own, which may
// hold secrets of other channels, but where programs and its user's files are.
func (c *channel) environment(id string) (environment []string, secrets []watch.Secret, err error) {
	environment = []string{idVariable + "=" + id, "PATH=" + cmp.Or(os.Getenv("PATH"), searchPath)}
	for _, name := range []string{"HOME", "LANG"} {
		if value, set := os.LookupEnv(name); set {
			environment = append(environment, name+"="+value)
		}
	}
	for _, variable := range c.options.Environment {
		value, err := c.env.Secrets(variable.Value)
		if err != nil {
			return nil, nil, fmt.Errorf("read environment variable %s: %w", variable.Name, err)
		}
		// The last of a name counts.
		environment = append(environment, variable.Name+"="+value.Reveal())
		secrets = append(secrets, redact.Words(value)...)
	}
	return environment, secrets, nil
}

// failure says why the attempt failed and whether another one may succeed.
func (c *channel) failure(ctx context.Context, result program.Result, said string) *alerts.DeliveryError {
	failure := &alerts.DeliveryError{Channel: c.env.Name, Retryable: true, Err: result.Err}
	exited, ok := errors.AsType[*osexec.ExitError](result.Err)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		failure.Err = fmt.Errorf("interrupted: %w", context.Canceled)
	case ctx.Err() != nil:
		failure.Err = fmt.Errorf("%s: %w", with("it had not ended "+c.patience(ctx)+", and was stopped", said), context.DeadlineExceeded)
	case ok && exited.Exited():
		failure.Status = exited.ExitCode()
		failure.Retryable = failure.Status == exitTemporary
		failure.Err = errors.New(with(fmt.Sprintf("exit status %d", failure.Status), said))
	case ok:
		failure.Err = errors.New(with(exited.String(), said))
	case errors.Is(result.Err, fs.ErrNotExist):
		failure.Retryable, failure.Err = false, fmt.Errorf("the program, or the interpreter in its first line, is not there: %w", syscall.ENOENT)
	case errors.Is(result.Err, fs.ErrPermission):
		failure.Retryable, failure.Err = false, fmt.Errorf("it may not be run by the user of Lapsewatch; chmod +x, and look at the folders above it: %w", syscall.EACCES)
	case errors.Is(result.Err, syscall.ENOEXEC):
		failure.Retryable, failure.Err = false, fmt.Errorf("it is no program of this machine: a script needs a first line such as #!/bin/sh, and a binary must be made for this system: %w", syscall.ENOEXEC)
	}
	return failure
}

// patience says how long the program had: it gets a little longer than that to end.
func (c *channel) patience(ctx context.Context) string {
	if errors.Is(context.Cause(ctx), errTimeout) {
		return fmt.Sprintf("after %s (timeout)", time.Duration(c.options.Timeout))
	}
	return "when the time of the whole attempt was over"
}

func with(what, said string) string {
	if said == "" {
		return what
	}
	return what + ": " + said
}

// shown is the first line of what the program said.
func shown(output []byte, secrets []watch.Secret) string {
	line, _, _ := strings.Cut(strings.TrimSpace(redact.Text(string(output), secrets...)), "\n")
	return clean.Text(strings.TrimSpace(line), shownOfOutput)
}
