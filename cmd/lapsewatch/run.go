package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"lapsewatch/alerts"
	"lapsewatch/config"
	"lapsewatch/internal/clean"
	"lapsewatch/ledger"
	"lapsewatch/policy"
	"lapsewatch/runner"
)

func (a app) run() *cobra.Command {
	flags := &passFlags{}
	var dryRun bool
	command := &cobra.Command{
		Use:   "run",
		Short: "Make one pass of the configured job; what the CronJob runs",
		Long: "Make one pass of the configured job: look, compare with last time, record, and\n" +
			"deliver what is new or due to whoever has to act.\n\n" +
			"What changed and whom to tell is committed before anything is sent. A run that is\n" +
			"killed anywhere loses nothing; the next run delivers the rest.\n\n" +
			"Exit codes: 0 done; 1 findings at or above --fail-on; 2 wrong usage or configuration,\n" +
			"nothing was started; 3 a source could not be read, or something due was not delivered.",
		Example: "  lapsewatch run --config /etc/lapsewatch/lapsewatch.yaml\n" +
			"  lapsewatch run --dry-run                      # what would go to whom\n" +
			"  lapsewatch run --output html --out report.html",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := flags.validate(); err != nil {
				return err
			}
			settings, err := load(flags.configFile, command.Flags())
			if err != nil {
				return err
			}
			return a.runJob(command.Context(), flags, settings, dryRun)
		},
	}
	flags.register(command)
	command.Flags().BoolVar(&dryRun, "dry-run", false, "look and compare, print what would go to whom, keep and send nothing")
	return command
}

func (a app) runJob(ctx context.Context, flags *passFlags, settings *config.Config, dryRun bool) (err error) {
	s := a.begin(flags, settings)
	defer s.end()
	job, err := s.job(dryRun)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(settings.Limits.Deadline))
	defer cancel()
	if job.Ledger, err = openLedger(ctx, settings.Ledger, dryRun); err != nil {
		return failed(err)
	}
	defer func() {
		if closeErr := job.Ledger.Close(); closeErr != nil && err == nil {
			err = failed(closeErr)
		}
	}()
	outcome, runErr := job.Run(ctx)
	s.bar.stop()
	defer func() { err = errors.Join(err, outcome.Close()) }()
	s.tell(outcome, dryRun)
	if outcome.Pass.Findings != nil {
		runErr = errors.Join(runErr, a.writeReport(s, outcome.Pass))
	}
	if runErr != nil {
		return failed(runErr)
	}
	if outcome.Undelivered > 0 {
		return &exitError{code: exitFailed}
	}
	return flags.failOn.verdict(outcome.Pass)
}

// openLedger makes the folder of the default ledger. Any other folder may be a volume
// that is not mounted, and making it would look like a first run.
func openLedger(ctx context.Context, settings config.Ledger, dryRun bool) (*ledger.Ledger, error) {
	if dryRun {
		return ledger.Peek(ctx, string(settings.DSN))
	}
	if settings.IsDefault() {
		if err := os.MkdirAll(filepath.Dir(settings.DSN.File()), 0o700); err != nil {
			return nil, fmt.Errorf("make the ledger's folder: %w", err)
		}
	}
	return ledger.Open(ctx, string(settings.DSN))
}

// job builds everything that the configuration names, before anything is started.
func (s *session) job(dryRun bool) (runner.Job, error) {
	all, err := s.configured()
	if err != nil {
		return runner.Job{}, err
	}
	channels, err := s.channels()
	if err != nil {
		return runner.Job{}, err
	}
	job := runner.Job{
		Collection: s.collection(all),
		Delivery:   runner.Delivery{Channels: channels, Now: s.flags.now.clock(), Log: s.log},
		Reminders:  s.settings.Policy.Reminders, Routes: s.settings.Routes, DryRun: dryRun,
	}
	for _, entry := range s.settings.Alerts {
		job.Destinations = append(job.Destinations, policy.Destination{Channel: entry.Name, Recipients: channels[entry.Name].Recipients()})
	}
	return job, nil
}

func (s *session) channels() (map[string]alerts.Channel, error) {
	channels := map[string]alerts.Channel{}
	var problems []error
	for _, entry := range s.settings.Alerts {
		channel, err := entry.Kind.Build(entry.Decode, s.channelEnv(entry.Name))
		if err != nil {
			problems = append(problems, fmt.Errorf("set up alert %s: %w", entry.Name, err))
			continue
		}
		channels[entry.Name] = channel
	}
	if len(problems) > 0 {
		return nil, misused("run `lapsewatch config check`", errors.Join(problems...))
	}
	return channels, nil
}

func (s *session) channelEnv(name string) alerts.Env {
	env := s.env()
	return alerts.Env{
		Name: name, Now: time.Now, Log: s.log, Dial: env.Dial, HTTP: env.HTTP,
		Secrets: config.ReadSecret, Version: buildVersion(),
	}
}

// tell says on stderr what was delivered, what was not, and why. It goes through the
// log's queue, so that a blocked stderr holds nobody.
func (s *session) tell(outcome runner.Outcome, dryRun bool) {
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(s.lines, format+"\n", args...) }
	if !outcome.Unfinished.IsZero() {
		say("the run of %s was ended before it was done; what it still owed is due now", outcome.Unfinished.Format(time.RFC3339))
	}
	if dryRun {
		for _, digest := range outcome.Planned {
			say("would tell %s: %s", addressee(digest.Channel, digest.Recipient), count(len(digest.Events), "change"))
			for _, event := range digest.Events {
				say("  %s %s %s: %s", event.Type, event.Finding.Severity, clean.Text(event.Finding.Name, shownTargetRunes), clean.Text(event.Finding.Message, maxTargetLength))
			}
		}
		if len(outcome.Planned) == 0 {
			say("would tell nobody: nothing has changed, and no reminder is due")
		}
		return
	}
	for _, told := range outcome.Told {
		to := addressee(told.Channel, told.Recipient)
		switch {
		case told.Err == nil && !s.flags.quiet:
			say("told %s: %s (%s)", to, count(len(told.Events), "change"), clean.Text(told.Proof, shownTargetRunes))
		case told.Dead:
			say("not delivered to %s, and given up: %s", to, cleanLines(told.Err.Error()))
		case told.Err != nil:
			say("not delivered to %s, the next run tries again: %s", to, cleanLines(told.Err.Error()))
		}
	}
	if len(outcome.Told) == 0 && !s.flags.quiet && outcome.Pass.Findings != nil {
		say("told nobody: nothing has changed, and no reminder is due")
	}
	if outcome.Dead > 0 {
		say("%s could not be delivered and were given up; see the messages above and the ledger's outbox", count(outcome.Dead, "message"))
	}
}

func addressee(channel, recipient string) string {
	if recipient == "" {
		return channel
	}
	return channel + " (" + clean.Text(recipient, shownTargetRunes) + ")"
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
