package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/turgo-stream/turgo/conformance/report"
)

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

// conformanceProgress shows the check under way, where there is a terminal.
func conformanceProgress(to io.Writer) (show func(group, check string), end func()) {
	file, ok := to.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return nil, func() {}
	}
	show = func(group, check string) { fmt.Fprintf(to, "\r\x1b[2K%s %s", group, check) }
	return show, func() { fmt.Fprint(to, "\r\x1b[2K") }
}

// writeConformanceReport writes the report, and fails where a check did.
func writeConformanceReport(command *cobra.Command, result *report.Report, junit string) error {
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

// listedCheck is what --list tells of a check.
type listedCheck struct {
	Group string `json:"group,omitempty"` // of connectors: process, source or sink
	Check string `json:"check"`
	What  string `json:"what"`
}

// writeChecks lists the checks of a suite, in columns or as JSON.
func writeChecks(command *cobra.Command, checks []listedCheck) error {
	if wantsJSON(command) {
		return writeJSON(command.OutOrStdout(), checks)
	}
	groups, names := 0, 0
	for _, c := range checks {
		groups, names = max(groups, len(c.Group)), max(names, len(c.Check))
	}
	var b strings.Builder
	for _, c := range checks {
		if groups > 0 {
			fmt.Fprintf(&b, "%-*s ", groups, c.Group)
		}
		fmt.Fprintf(&b, "%-*s %s\n", names, c.Check, c.What)
	}
	_, err := io.WriteString(command.OutOrStdout(), b.String())
	return err
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
