package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/turgo-stream/turgo/host/letter"
)

func newDLQExport() *cobra.Command {
	var filter letterFilter
	var format, output string
	var includeState bool
	export := &cobra.Command{
		Use:   "export JOB",
		Short: "Write letters as JSON, one a line",
		Long: `Write letters as JSON, one a line, with the fields of "turgo dlq show --json". All
that wait are written, or those that the filters choose. Bytes that are no text
are written as {"base64": …}.`,
		Args: exactly("JOB"),
		RunE: func(command *cobra.Command, arguments []string) (err error) {
			if format != "jsonl" {
				return badInput(fmt.Errorf("bad --format %q: it must be jsonl", format))
			}
			desk, err := openDesk(command, arguments[0])
			if err != nil {
				return err
			}
			defer desk.close()
			out := command.OutOrStdout()
			if output != "" {
				file, err := os.OpenFile(output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
				if err != nil {
					return badInput(fmt.Errorf("--output: %w", err))
				}
				out = file
				defer func() { err = errors.Join(err, file.Sync(), file.Close()) }()
			}
			count, err := exportLetters(command, desk, &filter, includeState, out)
			if err != nil {
				return err
			}
			if output != "" {
				fmt.Fprintf(command.ErrOrStderr(), "%d letters written to %s\n", count, output)
			}
			return nil
		},
	}
	filter.flags(export, 0)
	export.Flags().StringVar(&format, "format", "jsonl", "`format`: jsonl")
	export.Flags().StringVarP(&output, "output", "o", "", "`file` to write, which must not exist; default: standard output")
	export.Flags().BoolVar(&includeState, "include-state", false, "with the state that the operator held for the key")
	return export
}

func exportLetters(command *cobra.Command, desk *letterDesk, filter *letterFilter, includeState bool, w io.Writer) (int, error) {
	list, _, err := desk.choose(command.Context(), filter, false, letter.Waiting, letter.Ordered)
	if err != nil {
		return 0, err
	}
	items := make([]letter.Item, len(list))
	for i := range list {
		items[i] = list[i].Item
	}
	buffered := bufio.NewWriterSize(w, 1<<20)
	encoder := json.NewEncoder(buffered)
	encoder.SetEscapeHTML(false)
	err = desk.Visit(command.Context(), items, func(item letter.Item, l *letter.Letter) error {
		view := viewOf(item, l)
		view.History = desk.History(item.ID)
		if !includeState {
			view.State = nil
		}
		return encoder.Encode(view)
	})
	return len(items), errors.Join(err, buffered.Flush())
}
