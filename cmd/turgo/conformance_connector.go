package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	suite "github.com/turgo-stream/turgo/conformance/connector"
)

func newConformanceConnector() *cobra.Command {
	var options suite.Options
	var path, junit string
	var list bool
	command := &cobra.Command{
		Use:   "connector EXECUTABLE [ARGUMENT...] --config FILE",
		Short: "Prove a connector: start it, use it, kill it, and look at what it does",
		Long: `Prove a connector: start its executable as the host does, use it, kill it, and
look at what it does. FILE tells how its source, its sink or both are set up, and
how to see what the sink has made visible. Arguments of the connector that begin
with a dash go behind --.

Prints what each check found. Exit code 1 says that one failed, 2 that nothing
could be checked. docs/conformance.md tells what each check means, and how to
mend what it finds. --list tells the checks in a line each.`,
	}
	flags := command.Flags()
	flags.StringVar(&path, "config", "", "`file` that sets up the source and the sink")
	flags.StringVar(&options.Builtin, "builtin", "", "check the built-in connector of this `name` instead of an executable")
	flags.StringArrayVar(&options.Checks, "check", nil, "run the check of this `name` only; may be repeated")
	flags.Uint64Var(&options.Seed, "seed", 1, "`number` that random choices follow from")
	flags.IntVar(&options.Sequences, "sequences", suite.SequencesDefault, "`number` of random sequences that the check order runs")
	flags.DurationVar(&options.CallLimit, "call-limit", suite.CallLimitDefault, "how long the connector may take for one answer")
	flags.StringVar(&junit, "junit", "", "write the report as JUnit XML to this `file` too")
	flags.BoolVar(&list, "list", false, "list the checks, and run none")
	command.RunE = func(command *cobra.Command, arguments []string) error {
		if list {
			return listConnectorChecks(command)
		}
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

func listConnectorChecks(command *cobra.Command) error {
	var list []listedCheck
	for _, c := range suite.Checks() {
		list = append(list, listedCheck{Group: c.Group, Check: c.Name, What: c.What})
	}
	return writeChecks(command, list)
}

func proveConnector(command *cobra.Command, options suite.Options, path, junit string) error {
	scenario, err := suite.ReadScenario(path)
	if err != nil {
		return badInput(err)
	}
	options.Scenario = scenario
	ctx, stop := untilInterrupted(command)
	defer stop()
	show, end := conformanceProgress(command.ErrOrStderr())
	options.Progress = show
	result, err := suite.Run(ctx, options)
	end()
	var bad *suite.OptionsError
	var setup *suite.SetupError
	if errors.As(err, &bad) || errors.As(err, &setup) {
		return badInput(err)
	}
	if err != nil {
		return err
	}
	return writeConformanceReport(command, result, junit)
}
