package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	suite "github.com/turgo-stream/turgo/conformance/connector"
	"github.com/turgo-stream/turgo/conformance/report"
)

func newConformanceConnector() *cobra.Command {
	var options suite.Options
	var path, junit string
	command := &cobra.Command{
		Use:   "connector EXECUTABLE [ARGUMENT...] --config FILE",
		Short: "Prove a connector: start it, use it, kill it, and look at what it does",
		Long: `Prove a connector: start its executable as the host does, use it, kill it, and
look at what it does. FILE tells how its source, its sink or both are set up, and
how to see what the sink has made visible. Arguments of the connector that begin
with a dash go behind --.

Prints what each check found. Exit code 1 says that one failed, 2 that nothing
could be checked. docs/conformance.md tells what each check means.

Checks: ` + strings.Join(suite.Names(), ", "),
	}
	flags := command.Flags()
	flags.StringVar(&path, "config", "", "`file` that sets up the source and the sink")
	flags.StringVar(&options.Builtin, "builtin", "", "check the built-in connector of this `name` instead of an executable")
	flags.StringArrayVar(&options.Checks, "check", nil, "run the check of this `name` only; may be repeated")
	flags.Uint64Var(&options.Seed, "seed", 0, "`number` that random choices follow from; 0 takes one by chance")
	flags.DurationVar(&options.CallLimit, "call-limit", 10*time.Second, "how long the connector may take for one answer")
	flags.StringVar(&junit, "junit", "", "write the report as JUnit XML to this `file` too")
	command.RunE = func(command *cobra.Command, arguments []string) error {
		if path == "" {
			return badInput(errors.New("name the file that sets up the connector: --config FILE"))
		}
		if (len(arguments) == 0) == (options.Builtin == "") {
			return badInput(fmt.Errorf("name either an executable or --builtin NAME: see %s --help", command.CommandPath()))
		}
		options.Command = arguments
		return proveConnector(command, options, path, junit)
	}
	return command
}

func proveConnector(command *cobra.Command, options suite.Options, path, junit string) error {
	scenario, err := suite.ReadScenario(path)
	if err != nil {
		return badInput(err)
	}
	options.Scenario = scenario
	ctx, stop := signal.NotifyContext(command.Context(), os.Interrupt)
	defer stop()
	show, end := connectorProgress(command.ErrOrStderr())
	options.Progress = show
	result, err := suite.Run(ctx, options)
	end()
	var bad *suite.OptionsError
	if errors.As(err, &bad) {
		return badInput(err)
	}
	if err != nil {
		return err
	}
	return writeConnectorReport(command, result, junit)
}

// connectorProgress shows the check under way, where there is a terminal.
func connectorProgress(to io.Writer) (show func(group, check string), end func()) {
	file, ok := to.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return nil, func() {}
	}
	show = func(group, check string) { fmt.Fprintf(to, "\r\x1b[2K%s %s", group, check) }
	return show, func() { fmt.Fprint(to, "\r\x1b[2K") }
}

// writeConnectorReport writes the report, and fails where a check did.
func writeConnectorReport(command *cobra.Command, result *report.Report, junit string) error {
	if junit != "" {
		if err := writeJUnit(result, junit); err != nil {
			return err
		}
	}
	write := result.Text
	if wantsJSON(command) {
		write = result.JSON
	}
	switch err := write(command.OutOrStdout()); {
	case err != nil:
		return err
	case result.Interrupted:
		return fmt.Errorf("%w: %w", errTold, errWaitEnded)
	case len(result.Failed()) > 0:
		return errTold
	}
	return nil
}

func writeJUnit(result *report.Report, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(result.JUnit(file), file.Close())
}
