package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"lapsewatch/config"
	"lapsewatch/internal/heartbeat"
	"lapsewatch/ledger"
	"lapsewatch/runner"
)

const (
	// leaseFor is how long a run that died can hold up the next one, where the system
	// does not know that it died.
	leaseFor = time.Minute
	// renewals within a lease: two may fail before it is lost.
	renewals = 3
	// releasePatience bounds what is still done once a run was stopped.
	releasePatience = 5 * time.Second
)

var errTakenOver = errors.New("another run took over the ledger: this one was held up for too long")

// alone makes this run the only one in its ledger. The context that it gives ends when
// another run takes over; release lets the next run begin.
func (s *session) alone(ctx context.Context, kept *ledger.Ledger) (alone context.Context, release func(), err error) {
	lease, err := kept.Acquire(ctx, holder(), leaseFor, time.Now)
	if err != nil {
		return ctx, nil, err
	}
	alone, end := context.WithCancelCause(ctx)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(leaseFor / renewals)
		defer ticker.Stop()
		for {
			select {
			case <-alone.Done():
				return
			case <-ticker.C:
			}
			err := lease.Renew(alone)
			if errors.Is(err, ledger.ErrLost) {
				end(errTakenOver)
				return
			}
			if err != nil && alone.Err() == nil {
				s.log.Warn("the lease on the ledger could not be renewed", "error", err)
			}
		}
	}()
	return alone, func() {
		end(nil)
		<-stopped
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releasePatience)
		defer cancel()
		if err := lease.Release(ctx); err != nil {
			s.log.Warn("the lease on the ledger could not be released; it ends by itself", "error", err)
		}
	}, nil
}

// instance is how this installation calls itself: the host, where nobody named it.
func (s *session) instance() string {
	if named := string(s.settings.Report.Instance); named != "" {
		return named
	}
	host, err := os.Hostname()
	if err != nil {
		return ""
	}
	return host
}

func holder() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	return fmt.Sprintf("process %d on %s", os.Getpid(), host)
}

// pinger tells the dead man's switch of this run; nil if there is none.
func (s *session) pinger(dryRun bool) *heartbeat.Pinger {
	if s.settings.Heartbeat == nil || dryRun {
		return nil
	}
	env := s.channelEnv("heartbeat")
	env.Secrets = config.ReadSecret
	return heartbeat.New(*s.settings.Heartbeat, env)
}

// reason says why a run failed, a line each.
func reason(outcome runner.Outcome, exit *exitError) string {
	var lines strings.Builder
	if exit != nil && exit.err != nil {
		lines.WriteString(cleanLines(exit.err.Error()) + "\n")
	}
	if outcome.Loss != nil {
		fmt.Fprintf(&lines, "the ledger could not be used as it was: %s\n", cleanLines(outcome.Loss.Cause.Error()))
	}
	for _, check := range outcome.Pass.Checks {
		switch {
		case check.Error != "":
			fmt.Fprintf(&lines, "check %s could not read its source: %s\n", check.Name, cleanLines(check.Error))
		case check.Subjects > 0 && check.Problems >= check.Subjects:
			fmt.Fprintf(&lines, "check %s could read nothing\n", check.Name)
		}
	}
	return lines.String()
}

// signal says how the run went. Findings are what a run is for: they are no failure.
func (s *session) signal(ctx context.Context, pinger *heartbeat.Pinger, outcome runner.Outcome, err error) {
	if _, held := errors.AsType[*ledger.HeldError](err); held {
		// The run that is at work speaks for itself.
		return
	}
	told := s.summary(outcome, false)
	if exit, ok := errors.AsType[*exitError](err); err != nil && (!ok || exit.code != exitFindings) {
		pinger.Fail(ctx, reason(outcome, exit)+told)
		return
	}
	pinger.Success(ctx, told)
}
