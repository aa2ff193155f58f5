package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"lapsewatch/internal/clean"
	"lapsewatch/ledger"
	"lapsewatch/watch"
)

const (
	// longestAcknowledgement keeps an acknowledgement from becoming a way to hide a risk.
	longestAcknowledgement = 90 * 24 * time.Hour
	maxAcknowledgeReason   = 500
	maxAcknowledgeBy       = 100
	// mostNamed is how many subjects an error lists.
	mostNamed = 20
)

func (a app) ack() *cobra.Command {
	var configFile, reason, by string
	lasts := &spell{}
	command := &cobra.Command{
		Use:   "ack SUBJECT --for 14d --reason TEXT",
		Short: "Take note of a finding for a time: no reminders, and shown in every report",
		Long: "Take note of a finding for a time. Nobody is reminded of it until then, and every report\n" +
			"shows who took note, why and until when.\n\n" +
			"It ends by itself when the time is over, when the credential is replaced, when the\n" +
			"finding gets worse, or with `lapsewatch unack`. SUBJECT is a name as messages and reports show it, an ID as in the\n" +
			"JSON report, or a pattern such as '*.example.com:443' (in quotes).\n\n" +
			"Exit codes: 0 done; 2 wrong usage, or nothing that can be acknowledged; 3 the ledger\n" +
			"cannot be used.",
		Example: "  lapsewatch ack shop.example.com:443 --for 14d --reason \"replaced with the move on 1 December\"\n" +
			"  lapsewatch ack 'tenant/*' --for 3d --reason \"change freeze\" --by ada@example.com",
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			noted, err := acknowledgement(lasts.Duration, reason, by, time.Now())
			if err != nil {
				return misused("", err)
			}
			return a.inLedger(command.Context(), configFile, func(ctx context.Context, kept *ledger.Ledger) error {
				return a.acknowledge(ctx, kept, args[0], noted)
			})
		},
	}
	flags := command.Flags()
	flags.StringVar(&configFile, "config", "", "configuration `file` (or LAPSEWATCH_CONFIG)")
	flags.Var(lasts, "for", "how long: 12h, 14d; at most 90d")
	flags.StringVar(&reason, "reason", "", "why nobody needs to be reminded; every report shows it")
	flags.StringVar(&by, "by", "", "who takes note (default: the user who runs this)")
	return command
}

func (a app) unack() *cobra.Command {
	var configFile string
	command := &cobra.Command{
		Use:     "unack SUBJECT",
		Short:   "End an acknowledgement before its time",
		Long:    "End an acknowledgement before its time; the next run reminds of the finding.\nSUBJECT is as for `lapsewatch ack`.",
		Example: "  lapsewatch unack shop.example.com:443",
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return a.inLedger(command.Context(), configFile, func(ctx context.Context, kept *ledger.Ledger) error {
				return a.unacknowledge(ctx, kept, args[0])
			})
		},
	}
	command.Flags().StringVar(&configFile, "config", "", "configuration `file` (or LAPSEWATCH_CONFIG)")
	return command
}

// spell is a duration that may be given in days.
type spell struct{ time.Duration }

func (s *spell) Type() string { return "duration" }

func (s *spell) String() string {
	if s.Duration == 0 {
		return ""
	}
	return s.Duration.String()
}

func (s *spell) Set(text string) error {
	var duration watch.Duration
	if err := duration.UnmarshalText([]byte(text)); err != nil {
		return err
	}
	s.Duration = time.Duration(duration)
	return nil
}

func acknowledgement(lasts time.Duration, reason, by string, now time.Time) (watch.Acknowledgement, error) {
	reason = strings.TrimSpace(reason)
	switch {
	case lasts <= 0:
		return watch.Acknowledgement{}, errors.New("say for how long: --for 14d; nothing is acknowledged for ever")
	case lasts > longestAcknowledgement:
		return watch.Acknowledgement{}, errors.New("--for: want at most 90d; acknowledge it again when that is over, or give it a rule in the configuration")
	case reason == "":
		return watch.Acknowledgement{}, errors.New("say why: --reason TEXT; whoever reads the report must be able to judge it")
	case utf8.RuneCountInString(reason) > maxAcknowledgeReason:
		return watch.Acknowledgement{}, fmt.Errorf("--reason: want at most %d characters", maxAcknowledgeReason)
	}
	if by == "" {
		by = whoRuns()
	}
	now = now.UTC().Truncate(time.Second)
	return watch.Acknowledgement{
		By: clean.Text(by, maxAcknowledgeBy), Reason: clean.Text(reason, maxAcknowledgeReason), At: now, Until: now.Add(lasts),
	}, nil
}

func whoRuns() string {
	if sudoer := os.Getenv("SUDO_USER"); sudoer != "" {
		return sudoer
	}
	if current, err := user.Current(); err == nil && current.Username != "" {
		return current.Username
	}
	return fmt.Sprintf("user %d", os.Getuid())
}

// inLedger does something to the configured ledger.
func (a app) inLedger(ctx context.Context, configFile string, do func(context.Context, *ledger.Ledger) error) error {
	settings, err := load(configFile, nil, nil)
	if err != nil {
		return err
	}
	kept, err := openLedger(ctx, settings.Ledger)
	if err != nil {
		return failed(err)
	}
	err = do(ctx, kept)
	if closeErr := kept.Close(); closeErr != nil && err == nil {
		err = failed(closeErr)
	}
	return err
}

func (a app) acknowledge(ctx context.Context, kept *ledger.Ledger, wanted string, noted watch.Acknowledgement) error {
	open, err := named(ctx, kept, wanted, "there is nothing to take note of: when it was last looked at, it was fine", func(subject ledger.Subject) bool { return subject.Known.Bad() })
	if err != nil {
		return err
	}
	for _, subject := range open {
		if err := kept.Acknowledge(ctx, subject.FindingID, noted); err != nil {
			return failed(err)
		}
		if err := a.print("acknowledged %s until %s (%s): nobody is reminded of it until then%s\n",
			shownSubject(subject), when(noted.Until), inWords(noted.Until.Sub(noted.At)), before(subject, noted.Until)); err != nil {
			return err
		}
	}
	return nil
}

func inWords(length time.Duration) string {
	if length < 48*time.Hour {
		return count(int(length.Round(time.Hour)/time.Hour), "hour")
	}
	return count(int(length/(24*time.Hour)), "day")
}

// before warns that the credential runs out within the time.
func before(subject ledger.Subject, until time.Time) string {
	notAfter := subject.Known.Finding.NotAfter
	if notAfter.IsZero() || subject.Known.Finding.NeverExpires || !notAfter.Before(until) || notAfter.Before(time.Now()) {
		return ""
	}
	return ", or until it expires on " + when(notAfter)
}

func (a app) unacknowledge(ctx context.Context, kept *ledger.Ledger, wanted string) error {
	noted, err := named(ctx, kept, wanted, "it is not acknowledged", func(subject ledger.Subject) bool {
		noted := subject.Known.Acknowledged
		return noted != nil && time.Now().Before(noted.Until)
	})
	if err != nil {
		return err
	}
	for _, subject := range noted {
		if _, err := kept.Unacknowledge(ctx, subject.FindingID); err != nil {
			return failed(err)
		}
		if err := a.print("%s is acknowledged no more: the next run reminds of it\n", shownSubject(subject)); err != nil {
			return err
		}
	}
	return nil
}

// named finds the subjects that are meant. A name that several subjects bear must be made
// unambiguous, while a pattern means all that match.
func named(ctx context.Context, kept *ledger.Ledger, wanted, otherwise string, fits func(ledger.Subject) bool) ([]ledger.Subject, error) {
	if _, err := path.Match(wanted, ""); err != nil {
		return nil, misused("", fmt.Errorf("pattern %q: %w", clean.Text(wanted, shownTargetRunes), err))
	}
	pattern := strings.ContainsAny(wanted, "*?[")
	var found, unfit []ledger.Subject
	for subject, err := range kept.Subjects(ctx) {
		if err != nil {
			return nil, failed(err)
		}
		switch {
		case !meant(subject, wanted, pattern):
		case fits(subject):
			found = append(found, subject)
		default:
			unfit = append(unfit, subject)
		}
	}
	switch {
	case len(found) == 0 && len(unfit) > 0:
		return nil, misused("", fmt.Errorf("%s: %s", shownSubject(unfit[0]), otherwise))
	case len(found) == 0:
		return nil, misused("give the name as messages and reports show it, or a pattern such as '*example*'",
			fmt.Errorf("no subject is named %q in the ledger", clean.Text(wanted, shownTargetRunes)))
	case len(found) > 1 && !pattern:
		return nil, misused("give the ID of one of them, or a pattern for all", fmt.Errorf("%d subjects have that name:%s", len(found), ids(found)))
	}
	return found, nil
}

func meant(subject ledger.Subject, wanted string, pattern bool) bool {
	if !pattern {
		return subject.FindingID == wanted || subject.Name == wanted
	}
	flat := strings.NewReplacer("/", "\x00")
	for _, candidate := range []string{subject.FindingID, subject.Name} {
		if matched, err := path.Match(flat.Replace(wanted), flat.Replace(candidate)); err == nil && matched {
			return true
		}
	}
	return false
}

func shownSubject(subject ledger.Subject) string {
	return clean.Text(subject.Name, shownTargetRunes) + " (check " + subject.Check + ")"
}

func ids(subjects []ledger.Subject) string {
	var text strings.Builder
	for i, subject := range subjects {
		if i == mostNamed {
			fmt.Fprintf(&text, "\n  … and %d more", len(subjects)-mostNamed)
			break
		}
		text.WriteString("\n  " + clean.Text(subject.FindingID, maxErrorRunes))
	}
	return text.String()
}
