package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"lapsewatch/checks"
	"lapsewatch/config"
	"lapsewatch/internal/asynclog"
	"lapsewatch/policy"
	"lapsewatch/report"
	"lapsewatch/runner"
	"lapsewatch/watch"
)

// passFlags are the flags of the commands that make a pass.
type passFlags struct {
	configFile string
	output     string
	out        string
	failOn     failOn
	now        instant
	quiet      bool
	references referenceFlags
}

func (f *passFlags) register(command *cobra.Command) {
	flags := command.Flags()
	flags.StringVar(&f.configFile, "config", "", "configuration `file` (or LAPSEWATCH_CONFIG)")
	flags.StringVarP(&f.output, "output", "o", "table", "output format: `table`|json|jsonl|csv|html|ics|markdown")
	flags.StringVar(&f.out, "out", "", "write the results to `file` instead of stdout")
	flags.Var(&f.failOn, "fail-on", "exit with 1 on findings of this severity; unknown counts as warning")
	flags.Var(&f.references, "reference", "believe this clock, as `ntp://HOST` or nts://HOST; repeat it for four or more, in place of clock.references")
	flags.Var(&f.now, "now", "judge as of this instant, as `RFC3339` (2026-11-22T06:00:00Z)")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "leave out what is ok (table and markdown), and the progress bar")
	// These are settings too; config layers them over environment and file.
	flags.String("warn", "", "lead time of warnings: 1mo, 30d, 48h (default: policy, see the README)")
	flags.String("critical", "", "lead time of critical findings (default: policy)")
	flags.String("timeout", "", "time for one look at one subject (default 5s)")
	flags.String("concurrency", "", "how many subjects a check asks at a time (default 256)")
	flags.String("check-deadline", "", "time for one check (default 10m)")
	flags.String("deadline", "", "time for all of it (default 15m)")
	flags.String("log-format", "", "text or json (default text)")
	flags.String("log-level", "", "debug, info, warn or error (default info)")
	complete := func(values ...string) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
	}
	_ = command.RegisterFlagCompletionFunc("output", complete(report.Formats()...))
	_ = command.RegisterFlagCompletionFunc("fail-on", complete("never", "warning", "critical"))
}

// validate refuses what the flag parser cannot see, before anything is started.
func (f *passFlags) validate() error {
	for _, known := range report.Formats() {
		if f.output == known {
			return nil
		}
	}
	return misused("", fmt.Errorf("--output %q: want one of %v", f.output, report.Formats()))
}

// instant is the value of --now.
type instant struct{ time.Time }

func (i *instant) Type() string { return "RFC3339" }

func (i *instant) String() string {
	if i.IsZero() {
		return ""
	}
	return i.Format(time.RFC3339)
}

func (i *instant) Set(text string) error {
	parsed, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return errors.New("want an instant such as 2026-11-22T06:00:00Z")
	}
	i.Time = parsed
	return nil
}

// clock is the pass's clock: the real one, or the instant of --now standing still.
func (i *instant) clock() func() time.Time {
	if i.IsZero() {
		return time.Now
	}
	return func() time.Time { return i.Time }
}

// flagsWin makes the lead times that flags give win over those that single checks and
// rules have in the file, as a flag wins over the file everywhere.
func flagsWin(settings *config.Config, flags *pflag.FlagSet) {
	warn, critical := flags.Changed("warn"), flags.Changed("critical")
	for i := range settings.Checks {
		forget(&settings.Checks[i].LeadTimes.Warn, warn)
		forget(&settings.Checks[i].LeadTimes.Critical, critical)
	}
	for i := range settings.Policy.Rules {
		forget(&settings.Policy.Rules[i].Warn, warn)
		forget(&settings.Policy.Rules[i].Critical, critical)
	}
}

func forget(lead **watch.Lead, now bool) {
	if now {
		*lead = nil
	}
}

// session is what one command holds while it makes a pass.
type session struct {
	flags    *passFlags
	settings *config.Config
	log      *slog.Logger
	lines    *asynclog.Writer
	stderr   io.Writer
	bar      *bar
	// memory is what the check of a name keeps between passes; without a ledger it
	// lasts as long as the command.
	memory func(check string) watch.Memory
	// keeps: memory lasts longer than the command.
	keeps bool
	http  *http.Client
	// own asks the references; nil where there are none.
	own atomic.Pointer[ownClock]
	// wantsReferences: what is looked at needs clocks to believe, given or not.
	wantsReferences bool
	// channelMemory is what the channel of a name keeps between passes.
	channelMemory func(channel string) watch.Memory
}

const (
	logQueue    = 1024
	logPatience = 2 * time.Second
)

// begin logs what is odd about the settings.
func (a app) begin(flags *passFlags, settings *config.Config) *session {
	s := a.beginTold(flags, settings)
	for _, warning := range settings.Warnings {
		s.log.Warn(warning)
	}
	return s
}

// beginTold is begin where the user was told already what is odd.
func (a app) beginTold(flags *passFlags, settings *config.Config) *session {
	lines := asynclog.New(a.stderr, logQueue)
	s := &session{
		flags: flags, settings: settings, lines: lines, stderr: a.stderr, log: newLogger(lines, settings.Log),
		memory:        func(string) watch.Memory { return checks.Forgetful() },
		channelMemory: func(string) watch.Memory { return checks.Forgetful() },
	}
	s.http = s.client()
	s.bar = newBar(a.stderr, isTerminal(a.stderr) && !flags.quiet)
	return s
}

// end wipes the bar and lets the log run out, for a bounded time.
func (s *session) end() {
	s.bar.stop()
	if !s.lines.Close(logPatience) && s.lines.Dropped() > 0 {
		s.say(fmt.Sprintf("%d log lines were dropped, because stderr did not take them in time\n", s.lines.Dropped()))
	}
}

// say writes what must not be dropped to stderr, which may hold it for a bounded time.
func (s *session) say(text string) {
	written := make(chan struct{})
	go func() {
		defer close(written)
		_, _ = io.WriteString(s.stderr, text) // there is nobody left to tell
	}()
	select {
	case <-written:
	case <-time.After(logPatience):
	}
}

func newLogger(to io.Writer, settings config.Log) *slog.Logger {
	options := &slog.HandlerOptions{Level: settings.Level}
	if settings.Format == config.LogJSON {
		return slog.New(slog.NewJSONHandler(to, options))
	}
	return slog.New(slog.NewTextHandler(to, options))
}

func (s *session) env() checks.Env {
	env := checks.DefaultEnv(config.ReadSecret)
	env.Now, env.Log, env.Expect = s.now, s.log, s.bar.expect
	env.Reference, env.HTTP, env.TLSTime = s.reference, s.http, s.trueTime
	env.Concurrency, env.Timeout = int(s.settings.Limits.Concurrency), time.Duration(s.settings.Limits.Timeout)
	return env
}

// checkEnv is what a configured check is built with.
func (s *session) checkEnv(name string) checks.Env {
	env := s.env()
	env.Memory, env.Keeps, env.Horizon = s.memory(name), s.keeps, s.judge().Horizon(name)
	return env
}

func (s *session) judge() policy.Judge {
	leadTimes := map[string]policy.LeadTimes{}
	for _, check := range s.settings.Checks {
		leadTimes[check.Name] = check.LeadTimes
	}
	return policy.Judge{Settings: s.settings.Policy, Checks: leadTimes}
}

// deliveryShare of the whole run's deadline is kept for delivering.
const deliveryShare = 4

func (s *session) collection(all []runner.Check) runner.Collection {
	whole := time.Duration(s.settings.Limits.Deadline)
	return runner.Collection{
		Checks: all,
		Judge:  s.judge(),
		Now:    s.flags.now.clock()(), AsOf: !s.flags.now.IsZero(), Deadline: time.Duration(s.settings.Limits.CheckDeadline), Within: whole - whole/deliveryShare,
		Log: s.log, Seen: s.bar.seen, OwnClock: s.ownClock(),
	}
}

// configured builds the checks of the configuration.
func (s *session) configured() ([]runner.Check, error) {
	var all []runner.Check
	var problems []error
	for _, entry := range s.settings.Checks {
		s.wantsReferences = s.wantsReferences || entry.Kind.ComparesClocks()
		check, err := entry.Kind.Build(entry.Decode, s.checkEnv(entry.Name))
		if err != nil {
			problems = append(problems, fmt.Errorf("set up check %s: %w", entry.Name, err))
			continue
		}
		all = append(all, runner.Check{Name: entry.Name, Kind: entry.Kind.Name(), Labels: entry.Labels, Owners: entry.Owners, Check: check})
	}
	if len(problems) > 0 {
		return nil, misused("run `lapsewatch config check`", errors.Join(problems...))
	}
	return all, nil
}

// writeReport puts the results where they were asked for.
func (s *session) writeReport(to *output, pass watch.Pass) error {
	style := report.Style{OnlyNotOK: s.flags.quiet}
	if isTerminal(to.Writer) {
		style.Colour = os.Getenv("NO_COLOR") == ""
		style.Width = terminalWidth(to.Writer)
	}
	err := report.Write(to, s.flags.output, pass, style)
	if err == nil {
		err = to.commit()
	}
	if err != nil {
		return failed(err)
	}
	return nil
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

func terminalWidth(w io.Writer) int {
	if file, ok := w.(*os.File); ok {
		if width, _, err := term.GetSize(int(file.Fd())); err == nil {
			return width
		}
	}
	return 0
}

// load reads the configuration file; flags has the command's own. With a reader of
// secrets every referenced secret must be there.
func load(path string, flags *pflag.FlagSet, secrets watch.SecretReader) (*config.Config, error) {
	settings, err := config.Load(config.Source{Path: path, Flags: flags, Secrets: secrets}, catalog())
	if err != nil {
		return nil, misused("", err)
	}
	if flags != nil {
		flagsWin(settings, flags)
	}
	return settings, nil
}
