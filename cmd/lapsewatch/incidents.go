package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"lapsewatch/config"
	"lapsewatch/incidents"
	"lapsewatch/internal/clean"
	"lapsewatch/ledger"
	"lapsewatch/runner"
)

func (a app) incidents() *cobra.Command {
	command := &cobra.Command{
		Use:     "incidents",
		Short:   "See the incident stubs on the status systems, and try their texts",
		Example: "  lapsewatch incidents list\n  lapsewatch incidents show lwkz3q-d4kq37vnzpm3-hgy2c\n  lapsewatch incidents preview --language fr",
		Args:    cobra.NoArgs,
		RunE:    showHelp,
	}
	command.AddCommand(a.incidentsList(), a.incidentsShow(), a.incidentsPreview())
	return command
}

// overShownFor is how long resolved stubs are listed.
const overShownFor = 30 * 24 * time.Hour

func (a app) incidentsList() *cobra.Command {
	var configFile string
	command := &cobra.Command{
		Use:   "list",
		Short: "Show the incident stubs: phase, what stands where, and what went wrong",
		Long: "Show the incident stubs that are open or wait for their hold-off, and those resolved\n" +
			"within 30 days: their phase, where they stand, who took them over, and what went wrong.\n" +
			"Only the ledger is read: nothing is asked of a status system, and nothing changes.",
		Example: "  lapsewatch incidents list --config lapsewatch.yaml",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return a.withStubs(command.Context(), configFile, func(settings *config.Config, _ *ledger.Ledger, stubs []ledger.KeptStub) error {
				return a.print("%s", listedStubs(settings, stubs))
			})
		},
	}
	command.Flags().StringVar(&configFile, "config", "", "configuration `file` (or LAPSEWATCH_CONFIG)")
	return command
}

// withStubs reads the stubs from a copy of the ledger.
func (a app) withStubs(ctx context.Context, configFile string, use func(*config.Config, *ledger.Ledger, []ledger.KeptStub) error) error {
	settings, err := load(configFile, nil, nil)
	if err != nil {
		return err
	}
	kept, err := peekLedger(ctx, settings.Ledger)
	if err != nil {
		return failed(err)
	}
	defer func() { _ = kept.Close() }() // a copy that nobody needs any more
	stubs, err := kept.Stubs(ctx, time.Now().Add(-overShownFor))
	if err != nil {
		return failed(err)
	}
	return use(settings, kept, stubs)
}

func listedStubs(settings *config.Config, stubs []ledger.KeptStub) string {
	if len(settings.Incidents) == 0 && len(stubs) == 0 {
		return "No status system is configured: give `incidents`, see docs/incidents.md.\n"
	}
	if len(stubs) == 0 {
		return "No incident stub is kept: nothing that the rules ask for is wrong.\n"
	}
	slices.SortStableFunc(stubs, func(a, b ledger.KeptStub) int {
		return cmp.Or(cmp.Compare(order(a), order(b)), b.FoundAt.Compare(a.FoundAt))
	})
	var out strings.Builder
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "SYSTEM\tKEY\tPHASE\tSINCE\tCAUSE\tWHERE\tSTATE")
	for _, stub := range stubs {
		phase := "waits for its hold-off"
		if stub.Phase != "" {
			stub.Hidden = stub.Hidden && !stub.There.Published
			phase = phaseOf(stub.Stub)
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", clean.Text(stub.System, shownTargetRunes), stub.Key, phase,
			when(cmp.Or(laterOf(stub.PhaseAt, stub.ResolvedAt), stub.FoundAt)), causesOf(stub.Stub), orDash(clean.Text(cmp.Or(stub.There.URL, stub.There.ID), shownErrorRunes)), stateOf(settings, stub))
	}
	_ = table.Flush() // a strings.Builder takes everything
	return out.String()
}

func laterOf(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func order(stub ledger.KeptStub) int {
	switch {
	case stub.Open():
		return 0
	case stub.Phase == "":
		return 1
	default:
		return 2
	}
}

// stateOf says how the stub stands on its system.
func stateOf(settings *config.Config, stub ledger.KeptStub) string {
	var parts []string
	if !slices.Contains(systemNames(settings), stub.System) {
		parts = append(parts, "its status system is no longer configured: resolve it by hand")
	}
	if stub.There.Published {
		parts = append(parts, "published by a person")
	}
	if !stub.There.TakenOver.IsZero() {
		parts = append(parts, fmt.Sprintf("a person's since %s (%s): only annotated", when(stub.There.TakenOver), clean.Text(stub.There.How, shownErrorRunes)))
	}
	if upstreams := hangsOn(stub); upstreams != "" {
		parts = append(parts, "stays open with "+upstreams)
	}
	switch there := stub.There; {
	case there.LastError != "":
		parts = append(parts, fmt.Sprintf("not as it should be since %s, after %s: %s", when(there.FailingSince), count(there.Attempts, "attempt"), clean.Text(there.LastError, shownErrorRunes)))
	case stub.Phase == "":
	case there.ID == "" && stub.Open():
		parts = append(parts, "is still to be made")
	case there.ID != "" && there.TakenOver.IsZero() && there.Revision < stub.Revision:
		parts = append(parts, "is still to be brought up to date")
	}
	if len(parts) == 0 || len(parts) == 1 && stub.There.Published {
		parts = append(parts, "as it should be")
	}
	return strings.Join(parts, "; ")
}

func hangsOn(stub ledger.KeptStub) string {
	var names []string
	for _, upstream := range stub.Upstreams {
		if !upstream.Good && stub.Open() {
			names = append(names, clean.Text(upstream.Name, shownTargetRunes))
		}
	}
	return strings.Join(names, ", ")
}

func (a app) incidentsShow() *cobra.Command {
	var configFile string
	var postmortem bool
	command := &cobra.Command{
		Use:   "show KEY",
		Short: "Show one incident stub: its texts as they stand, its part for staff, or its post-mortem draft",
		Long: "Show one incident stub: its title and text as they were written last, its part for staff\n" +
			"with the timeline as it is now, or with --postmortem the draft of its post-mortem. This is\n" +
			"where both are read if the status system has no place for them.",
		Example: "  lapsewatch incidents show lwkz3q-d4kq37vnzpm3-hgy2c\n  lapsewatch incidents show lwkz3q-d4kq37vnzpm3-hgy2c --postmortem > postmortem.md",
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return a.withStubs(command.Context(), configFile, func(settings *config.Config, kept *ledger.Ledger, stubs []ledger.KeptStub) error {
				return a.showStub(command.Context(), settings, kept, stubs, args[0], postmortem)
			})
		},
	}
	command.Flags().StringVar(&configFile, "config", "", "configuration `file` (or LAPSEWATCH_CONFIG)")
	command.Flags().BoolVar(&postmortem, "postmortem", false, "print the draft of its post-mortem")
	return command
}

var errNoSuchStub = errors.New("no incident stub has this key")

func (a app) showStub(ctx context.Context, settings *config.Config, kept *ledger.Ledger, stubs []ledger.KeptStub, key string, postmortem bool) error {
	s := a.begin(&passFlags{quiet: true}, settings)
	defer s.end()
	systems, err := s.statusSystems()
	if err != nil {
		return err
	}
	for i := range systems {
		// A terminal or a file has no markup to quote for, and remedies are to be copied.
		if systems[i].words, err = incidents.NewWords(systems[i].Language, systems[i].Texts, nil); err != nil {
			return misused("run `lapsewatch config check`", err)
		}
	}
	var shown []string
	for _, stub := range stubs {
		at := slices.IndexFunc(systems, func(system statusSystem) bool { return system.Name == stub.System })
		if stub.Key != key || at < 0 {
			continue
		}
		text, err := s.reconciler(kept, systems, nil).Show(ctx, runner.Shown{System: systems[at].Name, Stub: stub, Postmortem: postmortem})
		if err != nil {
			return failed(err)
		}
		shown = append(shown, text)
	}
	if len(shown) == 0 {
		return misused("run `lapsewatch incidents list` for those that there are", fmt.Errorf("%w: %q", errNoSuchStub, clean.Text(key, shownTargetRunes)))
	}
	return a.print("%s", strings.Join(shown, "\n"))
}
