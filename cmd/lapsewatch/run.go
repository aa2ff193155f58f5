package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
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
			flags.referencesWin(settings, command.Flags())
			return a.runJob(command.Context(), flags, settings, dryRun)
		},
	}
	flags.register(command)
	command.Flags().Lookup("now").Usage += "; only with --dry-run"
	command.Flags().Lookup("quiet").Usage += ", and what was told"
	command.Flags().BoolVar(&dryRun, "dry-run", false, "look and compare, print what would go to whom, keep and send nothing")
	return command
}

var errNobodyTold = errors.New("no alerts are configured: nobody would be told of anything")

const saySilence = "give at least one alert, or say `alerts: []` where only the report is wanted"

func (a app) runJob(ctx context.Context, flags *passFlags, settings *config.Config, dryRun bool) (err error) {
	if len(settings.Alerts) == 0 && !settings.Silent && !dryRun {
		return misused(saySilence, errNobodyTold)
	}
	to, err := a.openOutput(flags.out)
	if err != nil {
		return misused("", err)
	}
	defer to.abandon()
	s := a.begin(flags, settings)
	defer s.end()
	ctx, cancel := context.WithTimeout(ctx, time.Duration(settings.Limits.Deadline))
	defer cancel()
	pinger := s.pinger(dryRun)
	heard := func() {}
	outcome, err := s.jobOnce(ctx, dryRun, func() { heard = pinger.Start(ctx) })
	s.bar.stop()
	if err == nil || len(outcome.Told) > 0 {
		s.say(s.summary(outcome, dryRun))
	}
	if outcome.Pass.Findings != nil {
		err = errors.Join(err, s.writeReport(to, outcome.Pass))
	}
	err = s.verdict(outcome, errors.Join(err, outcome.Close()))
	heard()
	s.signal(ctx, pinger, outcome, err)
	return err
}

// verdict is how the command ends.
func (s *session) verdict(outcome runner.Outcome, err error) error {
	exit, known := errors.AsType[*exitError](err)
	switch {
	case known && exit.code == exitUsage:
		return err
	case err != nil:
		return failed(err)
	case outcome.Undelivered+outcome.Owed+failedStubs(outcome) > 0 || outcome.Loss != nil:
		return &exitError{code: exitFailed}
	}
	return s.flags.failOn.verdict(outcome.Pass)
}

// jobOnce makes the pass in the ledger, alone; begun is called when nobody else is at work.
func (s *session) jobOnce(ctx context.Context, dryRun bool, begun func()) (outcome runner.Outcome, err error) {
	kept, loss, err := s.ledger(ctx, dryRun)
	if err != nil {
		return outcome, err
	}
	defer func() {
		if kept != nil {
			err = errors.Join(err, kept.Close())
		}
	}()
	alone, release := ctx, func() {}
	if !dryRun && (loss == nil || !loss.Ephemeral) {
		if alone, release, err = s.alone(ctx, kept); err != nil {
			return outcome, err
		}
		defer func() { release() }()
	}
	begun()
	outcome, err = s.passIn(alone, kept, loss, dryRun)
	if dryRun || loss != nil || len(outcome.Told) > 0 || !failedInLedger(alone, err) {
		return outcome, err
	}
	// What is wrong with a store may show only when it is used. People are to be told all
	// the same, so the pass is made again with another one.
	s.log.Error("the ledger failed; the pass is made again without it", "error", err)
	release()
	release = func() {}
	err = errors.Join(outcome.Close(), err)
	if errors.Is(err, ledger.ErrDamaged) {
		kept, loss, err = kept.SetAside(ctx, time.Now())
	} else {
		kept, loss, err = kept.Instead(ctx, err)
	}
	if err != nil {
		return runner.Outcome{}, err
	}
	return s.passIn(ctx, kept, loss, false)
}

// failedInLedger reports whether the run failed because its ledger did: not because it
// was stopped, its configuration is wrong, or another run took over.
func failedInLedger(ctx context.Context, err error) bool {
	_, exits := errors.AsType[*exitError](err)
	return err != nil && ctx.Err() == nil && !exits && !errors.Is(err, ledger.ErrLost) && !errors.Is(err, ledger.ErrBusy)
}

func (s *session) passIn(ctx context.Context, kept *ledger.Ledger, loss *ledger.Loss, dryRun bool) (runner.Outcome, error) {
	s.memory = func(check string) watch.Memory { return kept.Memory(check, s.flags.now.clock()) }
	s.keeps = !dryRun && (loss == nil || !loss.Ephemeral)
	s.channelMemory = func(channel string) watch.Memory { return kept.ChannelMemory(channel, s.trueTime) }
	s.believe()
	job, err := s.job(kept, loss, dryRun)
	if err != nil {
		return runner.Outcome{}, err
	}
	outcome, err := job.Run(ctx)
	outcome.Loss = loss
	return outcome, err
}

func (s *session) ledger(ctx context.Context, dryRun bool) (*ledger.Ledger, *ledger.Loss, error) {
	if dryRun {
		kept, err := peekLedger(ctx, s.settings.Ledger)
		return kept, nil, err
	}
	kept, loss, err := openForRun(ctx, s.settings.Ledger)
	if loss != nil {
		s.log.Error("the ledger could not be used as it was", "kept_aside", loss.KeptAside, "without_memory", loss.Ephemeral, "error", loss.Cause)
	}
	return kept, loss, err
}

// job builds everything that the configuration names, before anything is looked at.
func (s *session) job(kept *ledger.Ledger, loss *ledger.Loss, dryRun bool) (runner.Job, error) {
	all, err := s.configured()
	if err != nil {
		return runner.Job{}, err
	}
	channels, err := s.channels()
	if err != nil {
		return runner.Job{}, err
	}
	systems, err := s.statusSystems()
	if err != nil {
		return runner.Job{}, err
	}
	all = append(all, runner.Itself(kept, alertNames(s.settings), systemNames(s.settings), loss, s.now))
	job := runner.Job{
		Collection: s.collection(all),
		Delivery:   runner.Delivery{Ledger: kept, Channels: channels, Now: s.now, Log: s.log},
		Telling:    policy.Telling{Reminders: s.settings.Policy.Reminders, Stubs: s.stubPlan(systems)}, Routing: s.settings.Routing,
		Stubs:     s.reconciler(kept, systems, loss),
		Retention: time.Duration(s.settings.Ledger.Retention), DryRun: dryRun,
	}
	for _, entry := range s.settings.Alerts {
		destination := destinationOf(entry.Name, channels[entry.Name])
		job.Telling.Standing = job.Telling.Standing || destination.Standing
		job.Destinations = append(job.Destinations, destination)
	}
	job.Fallbacks = fallbacks(s.settings, job.Destinations)
	return job, nil
}

func destinationOf(name string, channel alerts.Channel) policy.Destination {
	manner := alerts.MannerOf(channel)
	destination := policy.Destination{Channel: name, Recipients: channel.Recipients(), Singly: manner.Singly, Standing: manner.Standing}
	if tellsOwners, ok := channel.(alerts.OwnerChannel); ok {
		destination.Reach = tellsOwners.Reach
	}
	return destination
}

// fallbacks are the channel that each alert names, and otherwise the default ones.
func fallbacks(settings *config.Config, destinations []policy.Destination) map[string][]policy.Destination {
	all := map[string][]policy.Destination{}
	for _, entry := range settings.Alerts {
		names := settings.Routing.Default
		if entry.Fallback != "" {
			names = []string{entry.Fallback}
		}
		for _, destination := range destinations {
			// Its own recipients may stand in for an owner, if it is a default one.
			if slices.Contains(names, destination.Channel) {
				all[entry.Name] = append(all[entry.Name], destination)
			}
		}
	}
	return all
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
		Name: name, Now: s.trueTime, TLSTime: s.trueTime, Log: s.log, Dial: env.Dial, HTTP: &noRedirects,
		Secrets: config.ReadSecret, Memory: s.channelMemory(name), ReportURL: string(s.settings.Report.URL), Instance: s.instance(), Version: buildVersion(),
	}
}
