package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"lapsewatch/config"
)

func (a app) config() *cobra.Command {
	command := &cobra.Command{
		Use:   "config",
		Short: "Write, check and describe the configuration",
		Example: "  lapsewatch config init\n" +
			"  lapsewatch config check --config lapsewatch.yaml\n" +
			"  lapsewatch config schema > lapsewatch.schema.json",
		Args: cobra.NoArgs,
		RunE: showHelp,
	}
	command.AddCommand(a.configInit(), a.configCheck(), a.configSchema())
	return command
}

func (a app) configInit() *cobra.Command {
	return &cobra.Command{
		Use:     "init [FILE]",
		Short:   "Write a commented configuration to start from (lapsewatch.yaml)",
		Example: "  lapsewatch config init\n  lapsewatch config init /etc/lapsewatch/lapsewatch.yaml",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			path := "lapsewatch.yaml"
			if len(args) == 1 {
				path = args[0]
			}
			if err := config.InitFile(path); err != nil {
				return misused("", err)
			}
			return a.print("wrote %s; edit it, then run: lapsewatch config check --config %s\n", path, path)
		},
	}
}

func (a app) configCheck() *cobra.Command {
	var file string
	var follow, online bool
	command := &cobra.Command{
		Use:   "check",
		Short: "Say everything that is wrong with the configuration, with file, line and key",
		Long: "Read the configuration as `run` would, environment and secrets included, and say\n" +
			"everything that is wrong with it. Nothing is looked at and nobody is told.\n\n" +
			"With --online, checks that sign in somewhere do so, and say right by right what will\n" +
			"work. Each is tried once, even where a run would wait after an earlier refusal, and\n" +
			"one that works ends that wait. What stands on each status system is read; nothing is\n" +
			"written there.\n\n" +
			"Exit codes: 0 it is right; 2 it is not; 3 a check or status system lacks a right that\n" +
			"it needs.",
		Example: "  lapsewatch config check\n  lapsewatch config check --online    # sign in, and say what will work\n  lapsewatch config check --watch     # again at each save",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if follow && online {
				return misused("", errors.New("--watch and --online do not go together: each save would sign in again"))
			}
			if follow {
				return a.followConfig(command.Context(), file)
			}
			settings, err := load(file, nil, config.ReadSecret)
			if err != nil {
				return err
			}
			if len(settings.Alerts) == 0 && !settings.Silent {
				return misused(saySilence, errNobodyTold)
			}
			if err := a.describe(settings); err != nil {
				return err
			}
			if err := checkLedger(command.Context(), settings.Ledger); err != nil {
				return misused("", fmt.Errorf("the configuration is right, but its ledger cannot be used from here: %w", err))
			}
			if !online {
				return nil
			}
			return a.tryOnline(command.Context(), settings)
		},
	}
	command.Flags().BoolVar(&online, "online", false, "sign in where checks do, and say what they are allowed")
	command.Flags().StringVar(&file, "config", "", "configuration `file` (or LAPSEWATCH_CONFIG)")
	command.Flags().BoolVar(&follow, "watch", false, "check again whenever the file changes, until interrupted")
	return command
}

// checkLedger opens a copy of the ledger, or an empty one where there is none yet.
func checkLedger(ctx context.Context, settings config.Ledger) error {
	peeked, err := peekLedger(ctx, settings)
	if err != nil {
		return err
	}
	return peeked.Close()
}

func (a app) describe(settings *config.Config) error {
	for _, warning := range settings.Warnings {
		a.complain("warning: %s\n", cleanLines(warning))
	}
	parts := []string{count(len(settings.Checks), "check"), count(len(settings.Alerts), "alert"), count(len(settings.Routing.Routes), "route")}
	if systems := len(settings.Incidents); systems > 0 {
		parts = append(parts, count(systems, "status system"))
	}
	return a.print("%s is right: %s; ledger %s\n", settings.File, strings.Join(parts, ", "), ledgerName(settings.Ledger))
}

func (a app) followConfig(ctx context.Context, file string) error {
	err := config.Watch(ctx, config.Source{Path: file, Secrets: config.ReadSecret}, catalog(), func(settings *config.Config, err error) {
		if err == nil {
			err = a.describe(settings)
		}
		if err != nil {
			a.complain("lapsewatch: %s\n", cleanLines(err.Error()))
		}
	})
	if err != nil {
		return misused("", err)
	}
	return nil
}

func (a app) configSchema() *cobra.Command {
	return &cobra.Command{
		Use:     "schema",
		Short:   "Print the JSON Schema of the configuration, for editors",
		Example: "  lapsewatch config schema > lapsewatch.schema.json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			schema, err := config.Schema(catalog())
			if err != nil {
				return failed(err)
			}
			return a.print("%s\n", schema)
		},
	}
}
