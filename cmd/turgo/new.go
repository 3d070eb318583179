package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/turgo-stream/turgo/scaffold"
	"github.com/turgo-stream/turgo/toolchain"
)

func newNew() *cobra.Command {
	command := &cobra.Command{
		Use:   "new",
		Short: "Make a project: an operator or a connector of one's own",
		Args:  noCommand,
		RunE:  func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	command.AddCommand(newNewOperator(), newNewConnector())
	return command
}

func newNewOperator() *cobra.Command {
	var language string
	options := scaffold.Options{}
	command := &cobra.Command{
		Use:   "operator NAME --lang " + languageNames("|"),
		Short: "Make a project of an operator",
		Long: `Make a project of an operator: a small one with state and a timer, its unit
tests, a job that runs it, and what "turgo conformance" gives to it. It brings a
copy of the SDK, so it builds anywhere. Nothing is overwritten.`,
		Args: exactly("NAME"),
		RunE: func(command *cobra.Command, arguments []string) error {
			options.Name = arguments[0]
			parsed := toolchain.Language(language)
			if language == "" {
				return badInput(fmt.Errorf("name the language: --lang %s", languageNames("|")))
			}
			ctx, release := untilInterrupted(command)
			defer release()
			project, err := scaffold.NewOperator(ctx, parsed, options)
			return tellProject(command, "an operator in "+language, options.Name, project, err)
		},
	}
	command.Flags().StringVar(&language, "lang", "", "`language` of the operator: "+languageNames(", "))
	dirFlag(command, &options)
	return command
}

func newNewConnector() *cobra.Command {
	options := scaffold.Options{}
	command := &cobra.Command{
		Use:   "connector NAME",
		Short: "Make a project of a connector, in Go",
		Long: `Make a project of a connector in Go: a small source and a transactional sink,
their tests, a job that runs them, and what "turgo conformance" gives to them.
It brings a copy of what it imports of turgo. Nothing is overwritten.`,
		Args: exactly("NAME"),
		RunE: func(command *cobra.Command, arguments []string) error {
			options.Name = arguments[0]
			ctx, release := untilInterrupted(command)
			defer release()
			project, err := scaffold.NewConnector(ctx, options)
			return tellProject(command, "a connector in go", options.Name, project, err)
		},
	}
	dirFlag(command, &options)
	return command
}

func dirFlag(command *cobra.Command, options *scaffold.Options) {
	command.Flags().StringVar(&options.Folder, "dir", "", "`folder` to make (default: NAME, in the current folder)")
}

// languageNames joins the names of the languages that operators are made in.
func languageNames(separator string) string {
	var names []string
	for _, language := range scaffold.Languages() {
		names = append(names, string(language))
	}
	return strings.Join(names, separator)
}

// projectInfo is what new tells.
type projectInfo struct {
	Name     string   `json:"name"`
	Folder   string   `json:"folder"`
	Files    []string `json:"files"` // the SDK's aside
	Commands []string `json:"commands"`
}

func tellProject(command *cobra.Command, what, name string, project *scaffold.Project, err error) error {
	if err != nil {
		return err
	}
	info := projectInfo{Name: name, Folder: project.Folder, Files: project.Files, Commands: project.Commands}
	if wantsJSON(command) {
		return writeJSON(command.OutOrStdout(), info)
	}
	return info.write(command.OutOrStdout(), what)
}

func (p *projectInfo) write(w io.Writer, what string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "made %s: %s\n", p.Folder, what)
	for _, file := range p.Files {
		fmt.Fprintf(&b, "  %s\n", file)
	}
	fmt.Fprintf(&b, "  turgo-sdk/\n\nnext\n  cd %s\n", p.Folder)
	for _, line := range p.Commands {
		fmt.Fprintf(&b, "  %s\n", line)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
