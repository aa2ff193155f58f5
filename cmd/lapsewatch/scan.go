package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"lapsewatch/checks"
	"lapsewatch/config"
	"lapsewatch/internal/clean"
	"lapsewatch/runner"
)

const (
	maxTargets       = 1_000_000
	maxTargetLength  = 4096
	shownTargetRunes = 200
)

func (a app) scan() *cobra.Command {
	flags := &passFlags{}
	command := &cobra.Command{
		Use:   "scan [TARGET…]",
		Short: "Look and print; needs no configuration, ledger or alerts",
		Long: "Look at targets and print what runs out and when.\n\n" +
			"A target is a host, host:port, https://…, a protocol that starts TLS later\n" +
			"(smtp://, imap://, pop3://, ftp://, ldap://, postgres://, mysql://, xmpp://),\n" +
			"ntp://, chrony://, http:// and node+http://host (the host's clock), jwt:FILE (a token),\n" +
			"oidc:https://… (an issuer), saml:FILE or saml:https://… (metadata), domain:NAME, a file, a\n" +
			"folder, or - for a list on stdin, one target a line.\n\n" +
			"Clocks are compared with those that --reference or the configuration names, four or\n" +
			"more, or else with the servers that this machine's own time service uses.\n\n" +
			"Without a target: what --config configures, or else this machine, its certificate\n" +
			"files and kubeconfigs in their usual places, the TLS sockets that listen on it, and its\n" +
			"clock.\n\n" +
			"Exit codes: 0 done; 1 findings at or above --fail-on; 2 wrong usage or configuration,\n" +
			"or no place for the results; 3 a check could read nothing at all, or was interrupted.",
		Example: "  lapsewatch scan example.com mail.example.com:993\n" +
			"  lapsewatch scan smtp://mail.example.com /etc/letsencrypt/live\n" +
			"  lapsewatch scan --reference ntp://ntp1.example.com ntp://db1.example.com   # is this clock right?\n" +
			"  lapsewatch scan jwt:/var/run/secrets/tokens domain:example.com\n" +
			"  lapsewatch scan --output html --out report.html - <targets.txt\n" +
			"  lapsewatch scan --fail-on critical --quiet example.com || echo act now\n" +
			"  lapsewatch scan --now 2027-01-01T00:00:00Z example.com   # judged as of then",
		RunE: func(command *cobra.Command, args []string) error {
			return a.runScan(command.Context(), command, flags, args)
		},
	}
	flags.register(command)
	return command
}

func (a app) runScan(ctx context.Context, command *cobra.Command, flags *passFlags, args []string) error {
	if err := flags.validate(); err != nil {
		return err
	}
	targets, err := a.targets(args)
	if err != nil {
		return err
	}
	settings, err := scanSettings(command, flags)
	if err != nil {
		return err
	}
	to, err := a.openOutput(flags.out)
	if err != nil {
		return misused("", err)
	}
	defer to.abandon()
	s := a.begin(flags, settings)
	defer s.end()
	all, err := s.scanned(targets)
	if err != nil {
		return err
	}
	if s.wantsReferences && len(settings.Clock.References) == 0 {
		settings.Clock.References = ofThisMachine(ctx)
		if len(settings.Clock.References) > 0 {
			s.log.Info("no references are given; those of this machine's own time service are believed", "servers", settings.Clock.References)
		}
	}
	s.believe()
	collected, stopped := s.collection(all).Collect(ctx)
	s.bar.stop()
	// What was seen before the user lost patience is shown too.
	err = errors.Join(s.writeReport(to, collected.Pass), collected.Close())
	if stopped != nil {
		return &exitError{code: exitFailed, err: stopped}
	}
	if err != nil {
		return failed(err)
	}
	return flags.failOn.verdict(collected.Pass)
}

// scanSettings reads a configuration only where one was named: scan works without.
func scanSettings(command *cobra.Command, flags *passFlags) (*config.Config, error) {
	if flags.configFile == "" && os.Getenv("LAPSEWATCH_CONFIG") == "" {
		settings, err := config.WithoutFile(command.Flags())
		if err != nil {
			return nil, misused("", err)
		}
		flags.referencesWin(settings, command.Flags())
		return settings, nil
	}
	// The secrets of alerts are not needed here; a check reads its own when it uses them.
	settings, err := load(flags.configFile, command.Flags(), nil)
	if err == nil {
		flags.referencesWin(settings, command.Flags())
	}
	return settings, err
}

// scanned chooses the checks of a scan: of the targets, of the configuration, or of
// this machine.
func (s *session) scanned(targets []string) ([]runner.Check, error) {
	switch {
	case len(targets) > 0:
		return s.forTargets(targets)
	case s.settings.File != "":
		return s.configured()
	default:
		return s.thisMachine()
	}
}

func (s *session) forTargets(targets []string) ([]runner.Check, error) {
	kinds := catalog().Checks
	taken := make([][]string, len(kinds))
	var refused []error
	for _, target := range targets {
		at := takenBy(kinds, target)
		if at >= 0 {
			taken[at] = append(taken[at], target)
		} else {
			refused = append(refused, fmt.Errorf("target %q: no check takes it", clean.Text(target, shownTargetRunes)))
		}
	}
	if len(refused) > 0 {
		return nil, misused("a target is a host, host:port, https://…, smtp://…, imap://…, ntp://…, http://… (the clock of a web server), jwt:FILE, oidc:https://…, saml:…, domain:NAME, a file or a folder; see `lapsewatch scan --help`", errors.Join(refused...))
	}
	var all []runner.Check
	for i, kind := range kinds {
		if len(taken[i]) == 0 {
			continue
		}
		s.wantsReferences = s.wantsReferences || kind.ComparesClocks()
		check, err := kind.BuildForTargets(taken[i], s.env())
		if err != nil {
			return nil, misused("", fmt.Errorf("targets of %s: %w", kind.Name(), err))
		}
		all = append(all, runner.Check{Name: kind.Name(), Kind: kind.Name(), Check: check})
	}
	return all, nil
}

func takenBy(kinds []checks.Kind, target string) int {
	for i, kind := range kinds {
		if kind.Takes(target) {
			return i
		}
	}
	return -1
}

func (s *session) thisMachine() ([]runner.Check, error) {
	s.wantsReferences = true
	var all []runner.Check
	for _, kind := range catalog().Checks {
		if !kind.LooksHere() {
			continue
		}
		check, err := kind.BuildForThisMachine(s.env())
		if err != nil {
			return nil, failed(err)
		}
		all = append(all, runner.Check{Name: kind.Name(), Kind: kind.Name(), Check: check})
	}
	return all, nil
}

// targets replaces - by the list on stdin: one target a line, # starts a comment.
func (a app) targets(args []string) ([]string, error) {
	var targets []string
	for _, arg := range args {
		if arg != "-" {
			targets = append(targets, arg)
			continue
		}
		listed, err := readTargets(a.stdin)
		if err != nil {
			return nil, misused("", fmt.Errorf("read targets from stdin: %w", err))
		}
		targets = append(targets, listed...)
	}
	if len(args) > 0 && len(targets) == 0 {
		return nil, misused("give one target a line", errors.New("stdin held no targets"))
	}
	return targets, nil
}

func readTargets(from io.Reader) ([]string, error) {
	var targets []string
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxTargetLength)
	number := 0
	for lines.Scan() {
		number++
		line, _, _ := strings.Cut(strings.TrimPrefix(lines.Text(), "\ufeff"), "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if len(targets) == maxTargets {
			return nil, fmt.Errorf("line %d: more than %d targets", number, maxTargets)
		}
		targets = append(targets, line)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", number+1, err)
	}
	return targets, nil
}
