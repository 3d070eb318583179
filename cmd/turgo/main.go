// Command turgo runs jobs. Each file holds one subcommand: flags to calls,
// nothing more.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/turgo-stream/turgo/connectors/builtin"
	"github.com/turgo-stream/turgo/connectors/wire"
	"github.com/turgo-stream/turgo/host/wasm"
)

func main() {
	// Where this process was started to serve a built-in connector, it does.
	wire.ServeIfAsked(builtin.Connectors())
	// Or to compile a module.
	wasm.CompileIfAsked()
	os.Exit(execute(newRoot(os.Stdout, os.Stderr), os.Args[1:], os.Stderr))
}

// execute runs a command line and gives the exit code.
func execute(root *cobra.Command, arguments []string, stderr io.Writer) int {
	root.SetArgs(arguments)
	err := root.Execute()
	if err == nil {
		return exitOK
	}
	if !errors.Is(err, errTold) {
		fmt.Fprintf(stderr, "turgo: %v\n", err)
	}
	return exitCode(err)
}

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "turgo",
		Short: "Run stream jobs whose operators are sandboxed Wasm modules, exactly once",
		Long: `Run stream jobs whose operators are sandboxed Wasm modules, exactly once.

Exit codes:
  0    done: the job has finished, or was stopped with a checkpoint
  1    failed: the job failed for good, a check of a conformance suite failed,
       or turgo could not do its work
  2    bad input: the command line, the job file, a module, a connector's
       config, or the checkpoint store; the message names the place
  130  ended at once, by a second Ctrl-C: what was not committed is repeated
       by the next run`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noCommand,
		RunE: func(command *cobra.Command, _ []string) error {
			return command.Help()
		},
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.PersistentFlags().Bool("json", false, "write JSON to standard output")
	root.SetFlagErrorFunc(func(command *cobra.Command, err error) error {
		return badInput(fmt.Errorf("%w: see %s --help", err, command.CommandPath()))
	})
	root.AddCommand(newNew(), newBuild(), newRun(), newCheck(), newModule(), newCheckpoints(), newDLQ(), newReplay(), newConformance(), newVersion())
	return root
}

// noCommand refuses what is the name of no subcommand.
func noCommand(command *cobra.Command, arguments []string) error {
	if len(arguments) == 0 {
		return nil
	}
	return badInput(fmt.Errorf("%s has no command %q: see %s --help", command.CommandPath(), arguments[0], command.CommandPath()))
}

// exactly wants these arguments.
func exactly(names ...string) cobra.PositionalArgs {
	return func(command *cobra.Command, arguments []string) error {
		if len(arguments) == len(names) {
			return nil
		}
		wanted := strings.Join(names, " and ")
		if wanted == "" {
			wanted = "nothing"
		}
		return badInput(fmt.Errorf("%s takes %s, and got %q: see %s --help",
			command.CommandPath(), wanted, arguments, command.CommandPath()))
	}
}

func wantsJSON(command *cobra.Command) bool {
	value, err := command.Flags().GetBool("json")
	return err == nil && value
}
