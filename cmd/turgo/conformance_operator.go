package main

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	suite "github.com/turgo-stream/turgo/conformance/operator"
)

func newConformanceOperator() *cobra.Command {
	var options suite.Options
	var scenario, junit string
	var list bool
	command := &cobra.Command{
		Use:   "operator MODULE",
		Short: "Prove the operators of a module: run them in every way that the ABI allows",
		Long: `Prove the operators of a module: run the built module in every way in which the
ABI says that a host may, and look at what it does. The config of the operators,
and records that they accept, stand in a scenario: the file conformance.yaml
beside the module or in the current folder. Without one the config is empty and
the records are made up; a check that needs an accepted record may be skipped.

Prints what each check found. Exit code 1 says that one failed, 2 that nothing
could be checked. docs/conformance.md tells what each check means, and how to
mend what it finds. --list tells the checks in a line each.`,
		Args: func(command *cobra.Command, arguments []string) error {
			if list && len(arguments) == 0 {
				return nil
			}
			return exactly("MODULE")(command, arguments)
		},
	}
	flags := command.Flags()
	flags.StringVar(&scenario, "scenario", "", "`file` of configs and records: conformance.yaml beside the module or in the current folder")
	flags.StringArrayVar(&options.Operators, "operator", nil, "check the operator of this `name` only; may be repeated")
	flags.Uint64Var(&options.Seed, "seed", 1, "`number` that random choices follow from")
	flags.IntVar(&options.Batches, "batches", suite.BatchesDefault, "`number` of batches over which memory must not grow")
	flags.Int64Var(&options.RecordFuel, "fuel-per-record", suite.RecordFuelDefault, "`number` of instructions that an ordinary record may take")
	flags.StringVar(&junit, "junit", "", "write the report as JUnit XML to this `file` too")
	flags.BoolVar(&list, "list", false, "list the checks, and run none")
	command.RunE = func(command *cobra.Command, arguments []string) error {
		if list && len(arguments) == 0 {
			return listChecks(command)
		}
		// The suite takes 0 for its default.
		if options.Batches < 1 || options.RecordFuel < 1 {
			return badInput(errors.New("--batches and --fuel-per-record must be 1 or more"))
		}
		return proveOperator(command, options, arguments[0], scenario, junit)
	}
	return command
}

func listChecks(command *cobra.Command) error {
	var list []listedCheck
	for _, c := range suite.Checks() {
		list = append(list, listedCheck{Check: c.Name, What: c.What})
	}
	return writeChecks(command, list)
}

func proveOperator(command *cobra.Command, options suite.Options, path, scenario, junit string) (err error) {
	data, err := readModule(path)
	if err != nil {
		return err
	}
	if options.Scenario, err = findScenario(path, scenario); err != nil {
		return badInput(err)
	}
	options.CacheDir = compileCacheDir()
	ctx, stop := untilInterrupted(command)
	defer stop()
	show, end := conformanceProgress(command.ErrOrStderr())
	options.Progress = show
	result, err := suite.Run(ctx, filepath.Base(path), data, options)
	end()
	var bad *suite.ScenarioError
	if errors.As(err, &bad) {
		return badInput(err)
	}
	if err != nil {
		return err
	}
	return writeConformanceReport(command, result, junit)
}

// findScenario reads the scenario that was named, or the one that lies beside the
// module or in the current folder; nil where there is none.
func findScenario(module, named string) (*suite.Scenario, error) {
	if named != "" {
		return suite.ReadScenario(named)
	}
	for _, folder := range []string{filepath.Dir(module), "."} {
		path := filepath.Join(folder, suite.ScenarioFile)
		if _, err := os.Stat(path); err == nil {
			return suite.ReadScenario(path)
		}
	}
	return nil, nil
}
