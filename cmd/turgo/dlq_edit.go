package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/letter"
)

type editFlags struct {
	order                  orderFlags
	value, valueFile       string
	key, timestamp         string
	valueIsNull, keyIsNull bool
}

func newDLQEdit() *cobra.Command {
	var flags editFlags
	command := &cobra.Command{
		Use:   "edit JOB [ID...]",
		Short: "Change the record of letters before they are resubmitted",
		Long: `Change the record of letters before they are resubmitted. The original stays with
the letter, with who changed it and when. Without a flag that says what to
change, $VISUAL or $EDITOR opens with the value of the one letter named.`,
		Args: atLeast("JOB"),
		RunE: func(command *cobra.Command, arguments []string) error { return flags.run(command, arguments) },
	}
	// The filters' --key would stand beside the record's new one.
	flags.order.flags(command)
	set := command.Flags()
	set.StringVar(&flags.value, "value", "", "new `value`: text, or hex after 0x")
	set.StringVar(&flags.valueFile, "value-file", "", "`file` with the new value; - is standard input")
	set.BoolVar(&flags.valueIsNull, "value-null", false, "the new value is null")
	set.StringVar(&flags.key, "set-key", "", "new `key`: text, or hex after 0x; the letter then goes to the task that owns it")
	set.BoolVar(&flags.keyIsNull, "set-key-null", false, "the new key is null")
	set.StringVar(&flags.timestamp, "timestamp", "", "new `timestamp`: milliseconds since 1970, 2026-01-31T12:00:00Z, or none")
	command.MarkFlagsMutuallyExclusive("value", "value-file", "value-null")
	command.MarkFlagsMutuallyExclusive("set-key", "set-key-null")
	return command
}

func (f *editFlags) run(command *cobra.Command, arguments []string) error {
	desk, err := openDesk(command, arguments[0])
	if err != nil {
		return err
	}
	defer desk.close()
	list, err := f.order.letters(command, desk, arguments, "edit", letter.Waiting)
	if err != nil {
		return err
	}
	for _, c := range list {
		if c.letter.Record.Count() != 1 {
			return badInput(fmt.Errorf("letter %s holds a group of %d records: it can be resubmitted or discarded, not edited", c.ID, c.letter.Record.Count()))
		}
	}
	patch, err := f.patch(command, list)
	if err != nil {
		return err
	}
	result := &orderResult{Command: letter.EditCommand, Commands: []uint64{}}
	if err := f.order.order(command.Context(), desk, list, letter.Command{Kind: letter.EditCommand, Patch: patch}, result); err != nil {
		return err
	}
	return result.tell(command, "edited: \"turgo dlq resubmit\" lets the job try them")
}

// patch is what the flags, or the user's editor, change.
func (f *editFlags) patch(command *cobra.Command, list []chosen) (*letter.Patch, error) {
	p := &letter.Patch{KeyNull: f.keyIsNull, SetKey: f.keyIsNull, ValueNull: f.valueIsNull, SetValue: f.valueIsNull}
	changed := command.Flags().Changed
	var err error
	if changed("value") {
		p.SetValue = true
		if p.Value, err = bytesOf(f.value); err != nil {
			return nil, badInput(fmt.Errorf("bad --value: %w", err))
		}
	}
	if changed("value-file") {
		p.SetValue = true
		if p.Value, err = readValue(f.valueFile); err != nil {
			return nil, badInput(fmt.Errorf("--value-file: %w", err))
		}
	}
	if changed("set-key") {
		p.SetKey = true
		if p.Key, err = bytesOf(f.key); err != nil {
			return nil, badInput(fmt.Errorf("bad --set-key: %w", err))
		}
	}
	if changed("timestamp") {
		p.SetTimestamp = true
		if p.Timestamp, err = timestampOf(f.timestamp); err != nil {
			return nil, badInput(fmt.Errorf("bad --timestamp: %w", err))
		}
	}
	if !p.SetKey && !p.SetValue && !p.SetTimestamp {
		if len(list) != 1 {
			return nil, badInput(fmt.Errorf("say what to change: see %s --help", command.CommandPath()))
		}
		p.SetValue = true
		p.Value, err = editValue(command.Context(), firstRecord(list[0].letter.Record).Value())
		return p, err
	}
	if len(p.Value) > letter.EditBytesMax || len(p.Key) > letter.EditBytesMax {
		return nil, badInput(fmt.Errorf("the value has %d bytes and the key %d: an edit takes %s at most", len(p.Value), len(p.Key), sizeText(letter.EditBytesMax)))
	}
	return p, nil
}

func readValue(path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(io.LimitReader(os.Stdin, letter.EditBytesMax+1))
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, letter.EditBytesMax+1))
}

func timestampOf(text string) (int64, error) {
	if text == "none" {
		return record.NoTimestamp, nil
	}
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		return ms, nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return 0, fmt.Errorf("%q is neither milliseconds since 1970 nor a time as in 2026-01-31T12:00:00Z nor \"none\"", text)
	}
	return t.UnixMilli(), nil
}

// editValue lets the user's editor change a value.
func editValue(ctx context.Context, value []byte) (changed []byte, err error) {
	editor := os.Getenv("VISUAL")
	if editor == "" {
		editor = os.Getenv("EDITOR")
	}
	if editor == "" {
		return nil, badInput(errors.New("say what to change with --value and the like, or set EDITOR"))
	}
	file, err := os.CreateTemp("", "turgo-letter-*")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.Remove(file.Name())) }()
	_, err = file.Write(value)
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	// As other tools do: the variable may hold arguments, so a shell splits it.
	run := exec.CommandContext(ctx, "sh", "-c", editor+` "$1"`, "sh", file.Name())
	run.Stdin, run.Stdout, run.Stderr = os.Stdin, os.Stderr, os.Stderr
	if err := run.Run(); err != nil {
		return nil, fmt.Errorf("editor %q: %w: nothing was changed", editor, err)
	}
	changed, err = readValue(file.Name())
	if err != nil {
		return nil, err
	}
	if len(changed) > letter.EditBytesMax {
		return nil, badInput(fmt.Errorf("the value is larger than %s", sizeText(letter.EditBytesMax)))
	}
	if bytes.Equal(changed, value) {
		return nil, badInput(errors.New("the value is as it was: nothing was changed"))
	}
	return changed, nil
}
