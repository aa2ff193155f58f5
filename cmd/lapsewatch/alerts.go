package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"lapsewatch/alerts"
	"lapsewatch/config"
	"lapsewatch/internal/clean"
	"lapsewatch/watch"
)

func (a app) alerts() *cobra.Command {
	command := &cobra.Command{
		Use:     "alerts",
		Short:   "Try the channels that tell people, and see what they owe",
		Example: "  lapsewatch alerts list\n  lapsewatch alerts test mail",
		Args:    cobra.NoArgs,
		RunE:    showHelp,
	}
	command.AddCommand(a.alertsList(), a.alertsTest())
	return command
}

const testPatience = time.Minute

func (a app) alertsTest() *cobra.Command {
	var configFile string
	command := &cobra.Command{
		Use:   "test CHANNEL",
		Short: "Send a test message through one configured channel, to all its recipients",
		Long: "Send a test message through one configured channel, to all its recipients. It says\n" +
			"that it is a test, and prints the service's own proof of delivery.\n\n" +
			"Exit codes: 0 delivered to all; 2 wrong usage or configuration; 3 not delivered.",
		Example: "  lapsewatch alerts test mail --config lapsewatch.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			settings, err := load(configFile, nil, config.ReadSecret)
			if err != nil {
				return err
			}
			return a.testChannel(command.Context(), settings, args[0])
		},
	}
	command.Flags().StringVar(&configFile, "config", "", "configuration `file` (or LAPSEWATCH_CONFIG)")
	command.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		settings, err := load(configFile, nil, nil)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return alertNames(settings), cobra.ShellCompDirectiveNoFileComp
	}
	return command
}

func alertNames(settings *config.Config) []string {
	var names []string
	for _, entry := range settings.Alerts {
		names = append(names, entry.Name)
	}
	return names
}

func (a app) testChannel(ctx context.Context, settings *config.Config, name string) error {
	for _, entry := range settings.Alerts {
		if entry.Name != name {
			continue
		}
		s := a.begin(&passFlags{quiet: true}, settings)
		defer s.end()
		channel, err := entry.Kind.Build(entry.Decode, s.channelEnv(name))
		if err != nil {
			return misused("run `lapsewatch config check`", fmt.Errorf("set up alert %s: %w", name, err))
		}
		return a.sendTest(ctx, name, channel)
	}
	return misused("", fmt.Errorf("no alert is named %q; the configured ones are %q", clean.Text(name, shownTargetRunes), alertNames(settings)))
}

func (a app) sendTest(ctx context.Context, name string, channel alerts.Channel) error {
	ctx, cancel := context.WithTimeout(ctx, testPatience)
	defer cancel()
	if len(channel.Recipients()) == 0 {
		return misused("give it a recipient of its own to try it with", fmt.Errorf("the alert %s tells only owners, so a test reaches nobody", name))
	}
	var problems []error
	for _, recipient := range channel.Recipients() {
		receipt, err := channel.Deliver(ctx, testMessage(name, recipient, time.Now()))
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", addressee(name, recipient), err))
			continue
		}
		if err := a.print("told %s: %s\n", addressee(name, recipient), clean.Text(receipt.Proof, shownTargetRunes)); err != nil {
			return err
		}
	}
	if len(problems) > 0 {
		return failed(errors.Join(problems...))
	}
	return nil
}

// testMessage is a message as a run would send it, on a subject that does not exist.
func testMessage(channel, recipient string, now time.Time) alerts.Message {
	now = now.UTC().Truncate(time.Second)
	notAfter := now.AddDate(0, 0, 21)
	daysLeft := int64(21)
	finding := watch.Finding{
		ID: "test/example", Check: "test", Kind: "test", Name: "test.example:443",
		Severity: watch.Warning, Reason: watch.ExpiresSoon,
		Message:  "this is a test of the channel; nothing is about to expire",
		NotAfter: notAfter, DaysLeft: &daysLeft, Remedy: "Nothing: if you can read this, the channel works.",
	}
	id := fmt.Sprintf("test-%d-%x", now.UnixNano(), sha256.Sum256([]byte(recipient)))[:40]
	return alerts.Message{
		ID: id, Channel: channel, Recipient: recipient, CreatedAt: now, Test: true,
		Events: []watch.Event{{ID: id, Type: watch.Opened, At: now, Finding: finding}},
	}
}
