package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"lapsewatch/config"
	"lapsewatch/internal/clean"
	"lapsewatch/ledger"
)

const (
	defaultDeliveries = 20
	mostDeliveries    = 1000
	shownErrorRunes   = 200
)

func (a app) alertsList() *cobra.Command {
	var configFile string
	var limit int
	command := &cobra.Command{
		Use:   "list",
		Short: "Show each channel with what it owes and delivered last, and the latest messages",
		Long: "Show each channel with what it owes and delivered last, and the latest messages with the\n" +
			"service's own proof, or with what went wrong. Nothing is sent, and nothing changes.",
		Example: "  lapsewatch alerts list\n  lapsewatch alerts list --limit 100",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if limit < 1 || limit > mostDeliveries {
				return misused("", fmt.Errorf("--limit %d: want 1 to %d", limit, mostDeliveries))
			}
			settings, err := load(configFile, nil, nil)
			if err != nil {
				return err
			}
			return a.listAlerts(command.Context(), settings, limit)
		},
	}
	command.Flags().StringVar(&configFile, "config", "", "configuration `file` (or LAPSEWATCH_CONFIG)")
	command.Flags().IntVar(&limit, "limit", defaultDeliveries, "how many messages to show")
	return command
}

func (a app) listAlerts(ctx context.Context, settings *config.Config, limit int) error {
	kept, err := peekLedger(ctx, settings.Ledger)
	if err != nil {
		return failed(err)
	}
	defer func() { _ = kept.Close() }() // a copy that nobody needs any more
	states, err := kept.Channels(ctx, time.Now())
	if err != nil {
		return failed(err)
	}
	latest, err := kept.Deliveries(ctx, limit)
	if err != nil {
		return failed(err)
	}
	var out strings.Builder
	writeChannels(&out, settings, states)
	writeDeliveries(&out, latest)
	return a.print("%s", out.String())
}

func writeChannels(out *strings.Builder, settings *config.Config, states []ledger.ChannelState) {
	known := map[string]ledger.ChannelState{}
	for _, state := range states {
		known[state.Channel] = state
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "CHANNEL\tKIND\tOWED\tOLDEST\tLOST\tLAST DELIVERED\tLAST ERROR")
	row := func(name, kind string, state ledger.ChannelState) {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%d\t%s\t%s\n", name, kind, state.Owed, when(state.OldestOwed), state.Dead,
			when(state.LastSent), orDash(clean.Text(state.LastError, shownErrorRunes)))
	}
	for _, entry := range settings.Alerts {
		row(entry.Name, entry.Kind.Name(), known[entry.Name])
		delete(known, entry.Name)
	}
	for _, state := range states {
		if _, left := known[state.Channel]; left && (state.Owed > 0 || state.Dead > 0) {
			row(clean.Text(state.Channel, shownTargetRunes), "not configured", state)
		}
	}
	_ = table.Flush() // a strings.Builder takes everything
}

func writeDeliveries(out *strings.Builder, latest []ledger.Delivered) {
	if len(latest) == 0 {
		out.WriteString("\nNo message was raised yet.\n")
		return
	}
	out.WriteString("\n")
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "RAISED\tTO\tEVENTS\tSTATE\tPROOF OR ERROR")
	for _, one := range latest {
		state, detail := deliveryState(one)
		_, _ = fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\n", when(one.CreatedAt), addressee(one.Channel, one.Recipient), one.Events, state, orDash(clean.Text(detail, shownErrorRunes)))
	}
	_ = table.Flush()
}

func deliveryState(one ledger.Delivered) (state, detail string) {
	switch {
	case !one.SentAt.IsZero():
		return "delivered " + when(one.SentAt), one.Proof
	case one.Dead:
		return "given up", one.LastError
	case one.Attempts > 0:
		state = fmt.Sprintf("waits after %s", count(one.Attempts, "attempt"))
	default:
		state = "waits"
	}
	if one.Redirected {
		state += ", fallback told"
	}
	return state, one.LastError
}

func when(instant time.Time) string {
	if instant.IsZero() {
		return "-"
	}
	return instant.UTC().Format("2006-01-02 15:04 UTC")
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
