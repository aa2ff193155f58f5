package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"lapsewatch/alerts"
	"lapsewatch/config"
	"lapsewatch/ledger"
	"lapsewatch/policy"
	"lapsewatch/runner"
	"lapsewatch/watch"
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
			"or no place for the results: nothing was started; 3 a check could read nothing at all,\n" +
			"something due was not delivered, or the run was interrupted.",
		Example: "  lapsewatch run --config /etc/lapsewatch/lapsewatch.yaml\n" +
			"  lapsewatch run --dry-run                      # what would go to whom\n" +
			"  lapsewatch run --output html --out report.html",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := flags.validate(); err != nil {
				return err
			}
			if !flags.now.IsZero() && !dryRun {
				return misused("add --dry-run, or use `lapsewatch scan --now`", errors.New("--now without --dry-run would tell people of a day that is not today"))
			}
			settings, err := load(flags.configFile, command.Flags(), config.ReadSecret)
			if err != nil {
				return err
			}
			return a.runJob(command.Context(), flags, settings, dryRun)
		},
	}
	flags.register(command)
	command.Flags().Lookup("now").Usage += "; only with --dry-run"
	command.Flags().Lookup("quiet").Usage += ", and what was told"
	command.Flags().BoolVar(&dryRun, "dry-run", false, "look and compare, print what would go to whom, keep and send nothing")
	return command
}

func (a app) runJob(ctx context.Context, flags *passFlags, settings *config.Config, dryRun bool) (err error) {
	to, err := a.openOutput(flags.out)
	if err != nil {
		return misused("", err)
	}
	defer to.abandon()
	s := a.begin(flags, settings)
	defer s.end()
	ctx, cancel := context.WithTimeout(ctx, time.Duration(settings.Limits.Deadline))
	defer cancel()
	kept, err := openLedger(ctx, settings.Ledger, dryRun)
	if err != nil {
		return failed(err)
	}
	defer func() {
		if closeErr := kept.Close(); closeErr != nil && err == nil {
			err = failed(closeErr)
		}
	}()
	s.memory = func(check string) watch.Memory { return kept.Memory(check, s.flags.now.clock()) }
	job, err := s.job(kept, dryRun)
	if err != nil {
		return err
	}
	outcome, runErr := job.Run(ctx)
	s.bar.stop()
	if runErr == nil || len(outcome.Told) > 0 {
		s.say(s.summary(outcome, dryRun))
	}
	if outcome.Pass.Findings != nil {
		runErr = errors.Join(runErr, s.writeReport(to, outcome.Pass))
	}
	if runErr = errors.Join(runErr, outcome.Close()); runErr != nil {
		return failed(runErr)
	}
	if outcome.Undelivered+outcome.Owed > 0 {
		return &exitError{code: exitFailed}
	}
	return flags.failOn.verdict(outcome.Pass)
}

// openLedger makes the folder of the default ledger. Any other folder may be a volume
// that is not mounted, and making it would look like a first run.
func openLedger(ctx context.Context, settings config.Ledger, dryRun bool) (*ledger.Ledger, error) {
	folder := filepath.Dir(settings.DSN.File())
	switch {
	case settings.IsDefault() && !dryRun:
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, fmt.Errorf("make the ledger's folder: %w", err)
		}
	case !settings.IsDefault():
		if _, err := os.Stat(folder); err != nil {
			return nil, fmt.Errorf("look at the ledger's folder: %w; make it, or mount the volume that it lies on", err)
		}
	}
	if dryRun {
		return ledger.Peek(ctx, string(settings.DSN))
	}
	return ledger.Open(ctx, string(settings.DSN))
}

// job builds everything that the configuration names, before anything is looked at.
func (s *session) job(kept *ledger.Ledger, dryRun bool) (runner.Job, error) {
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
		Delivery:   runner.Delivery{Ledger: kept, Channels: channels, Now: s.flags.now.clock(), Log: s.log},
		Telling:    policy.Telling{Reminders: s.settings.Policy.Reminders}, Routing: policy.Routing{Routes: s.settings.Routes}, DryRun: dryRun,
	}
	for _, entry := range s.settings.Alerts {
		destination := policy.Destination{Channel: entry.Name, Recipients: channels[entry.Name].Recipients()}
		if tellsOwners, ok := channels[entry.Name].(alerts.OwnerChannel); ok {
			destination.Reach = tellsOwners.Reach
		}
		job.Destinations = append(job.Destinations, destination)
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
	noRedirects := *env.HTTP
	noRedirects.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return alerts.Env{
		Name: name, Now: time.Now, Log: s.log, Dial: env.Dial, HTTP: &noRedirects,
		Secrets: config.ReadSecret, Version: buildVersion(),
	}
}
