// Command lapsewatch warns people before a credential lapses. It only parses flags,
// wires the packages together and maps errors to exit codes.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the linker (-X main.version=…).
var version string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	app := app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	// A second Ctrl-C ends the program at once.
	context.AfterFunc(ctx, stop)
	code := app.execute(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// app is the program with its three streams.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
}

func (a app) execute(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	return a.ending(root.ExecuteContext(ctx))
}

func (a app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "lapsewatch",
		Short: "Warns people before a credential lapses",
		Long: "Lapsewatch warns people before a credential lapses.\n\n" +
			"`scan` looks and prints, without any configuration. `run` is the scheduled job:\n" +
			"it looks, compares with last time, and tells whoever has to act.",
		Example: "  lapsewatch scan example.com          # one endpoint, all its addresses\n" +
			"  lapsewatch scan                      # what runs out on this machine\n" +
			"  lapsewatch config init               # a commented configuration to start from\n" +
			"  lapsewatch run --config lapsewatch.yaml",
		Version:       buildVersion(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(func(command *cobra.Command, err error) error {
		return misused("run `"+command.CommandPath()+" --help` for its flags", err)
	})
	root.AddCommand(a.scan(), a.run(), a.ack(), a.unack(), a.alerts(), a.incidents(), a.config(), a.version())
	return root
}

// showHelp is what a command does that only groups others. A scheduled line that was cut
// short must not pass for a success.
func showHelp(command *cobra.Command, _ []string) error {
	_ = command.Help()
	return misused("", errors.New("name one of these commands"))
}

func (a app) version() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version, the Go release and the platform",
		Example: "  lapsewatch version",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return a.print("lapsewatch %s (%s, %s/%s)\n", buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
		},
	}
}
