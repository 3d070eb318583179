package main

import "github.com/spf13/cobra"

func newConformance() *cobra.Command {
	command := &cobra.Command{
		Use:   "conformance",
		Short: "Prove that an operator or a connector keeps its contract",
		Args:  noCommand,
		RunE: func(command *cobra.Command, _ []string) error {
			return command.Help()
		},
	}
	command.AddCommand(newConformanceOperator(), newConformanceConnector())
	return command
}
