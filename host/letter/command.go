package letter

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/checkpoint"
)

// CommandKind is what a user orders for letters.
type CommandKind string

// The kinds of commands.
const (
	EditCommand     CommandKind = "edit"
	DiscardCommand  CommandKind = "discard"
	ResubmitCommand CommandKind = "resubmit"
)

// Bounds of commands.
const (
	// CommandIDsMax is how many letters one command names; more take several.
	CommandIDsMax = 4096
	// EditBytesMax bounds what an edit puts in place of a value or a key.
	EditBytesMax    = 16 << 20
	commandBytesMax = 3 * EditBytesMax
	// commandTriesMax bounds how often a number that another process took is
	// followed by a try of the next.
	commandTriesMax = 1000
	// CommandsMax bounds the commands whose letters are not all settled and cleaned up.
	CommandsMax = 100_000
)

// Command is one order of a user. Commands form a log beside the checkpoints:
// objects that any process may append, with rising numbers, and that never change.
type Command struct {
	Number uint64      `json:"-"` // in the log; it is in the object's name
	Kind   CommandKind `json:"kind"`
	IDs    []string    `json:"ids"`
	By     string      `json:"by"`
	AtMS   int64       `json:"at_ms"`
	// Patch is what an edit changes.
	Patch *Patch `json:"patch,omitempty"`
	// AtSource is the source behind which a resubmitted record goes in; empty = at
	// the step that failed.
	AtSource string `json:"at_source,omitempty"`
}

// Patch changes parts of a letter's record. Nil is null for a key and a value.
type Patch struct {
	SetKey       bool   `json:"set_key,omitempty"`
	Key          []byte `json:"key,omitempty"`
	SetValue     bool   `json:"set_value,omitempty"`
	Value        []byte `json:"value,omitempty"`
	KeyNull      bool   `json:"key_null,omitempty"`
	ValueNull    bool   `json:"value_null,omitempty"`
	SetTimestamp bool   `json:"set_timestamp,omitempty"`
	Timestamp    int64  `json:"timestamp,omitempty"`
}

// apply makes the changed batch of one record. Headers and the like stay.
func (p *Patch) apply(batch record.Batch) (record.Batch, error) {
	if batch.Count() != 1 {
		return nil, fmt.Errorf("letter: it holds %d records: only one can be edited", batch.Count())
	}
	records := batch.Records()
	records.Next()
	view := records.Record()
	r := record.Record{Key: view.Key(), Value: view.Value(), Timestamp: view.Timestamp(), Kind: view.Kind(), Origin: view.Origin(), Extensions: view.Extensions()}
	if p.SetKey {
		r.Key = orEmpty(p.Key, p.KeyNull)
	}
	if p.SetValue {
		r.Value = orEmpty(p.Value, p.ValueNull)
	}
	if p.SetTimestamp {
		r.Timestamp = p.Timestamp
	}
	if len(r.Key)+len(r.Value)+len(r.Extensions) > record.LengthMax/2 {
		return nil, fmt.Errorf("letter: the edited record is larger than %d bytes", record.LengthMax/2)
	}
	var b record.Builder
	b.Append(r)
	return b.Finish(), nil
}

func orEmpty(b []byte, null bool) []byte {
	switch {
	case null:
		return nil
	case b == nil:
		return []byte{}
	}
	return b
}

// commandName is the name of a command's object.
func commandName(number uint64) string {
	return fmt.Sprintf("%s%010d", checkpoint.CommandPrefix, number)
}

func commandNumber(name string) (uint64, bool) {
	digits, ok := strings.CutPrefix(name, checkpoint.CommandPrefix)
	if !ok || len(digits) < 10 {
		return 0, false
	}
	number, err := strconv.ParseUint(digits, 10, 63)
	return number, err == nil && number > 0 && commandName(number) == name
}

const commandHead = "turgo-command 1 sha256:"

func encodeCommand(c *Command) ([]byte, error) {
	body, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("letter: encode a command: %w", err)
	}
	if len(body) > commandBytesMax {
		return nil, fmt.Errorf("letter: the command has %d bytes, at most %d are possible", len(body), commandBytesMax)
	}
	return append([]byte(commandHead+checksum(body)+"\n"), body...), nil
}

// decodeCommand reads a command. Any bytes give a command or an error.
func decodeCommand(data []byte) (*Command, error) {
	rest, ok := bytes.CutPrefix(data, []byte(commandHead))
	sum, body, found := bytes.Cut(rest, []byte("\n"))
	if !ok || !found {
		return nil, errors.New("the head line is not one of a command")
	}
	if string(sum) != checksum(body) {
		return nil, errors.New("the checksum differs")
	}
	var c Command
	if err := json.Unmarshal(body, &c); err != nil {
		return nil, fmt.Errorf("the body is not as expected: %w", err)
	}
	switch {
	case c.Kind != EditCommand && c.Kind != DiscardCommand && c.Kind != ResubmitCommand:
		return nil, fmt.Errorf("unknown kind of command %.50q", c.Kind)
	case c.Kind == EditCommand && c.Patch == nil:
		return nil, errors.New("an edit without a change")
	case len(c.IDs) == 0 || len(c.IDs) > CommandIDsMax:
		return nil, fmt.Errorf("it names %d letters, must be 1 to %d", len(c.IDs), CommandIDsMax)
	}
	return &c, nil
}

func readCommand(ctx context.Context, store checkpoint.Store, number uint64) (*Command, error) {
	name := commandName(number)
	object, err := store.Open(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("letter: open %s: %w", name, err)
	}
	defer object.Close()
	if object.Size() > 2*commandBytesMax {
		return nil, &checkpoint.DamagedError{Names: []string{name}, Reason: fmt.Sprintf("has %d bytes", object.Size())}
	}
	data := make([]byte, object.Size())
	if n, err := object.ReadAt(data, 0); err != nil && !(err == io.EOF && n == len(data)) {
		return nil, fmt.Errorf("letter: read %s: %w", name, err)
	}
	c, err := decodeCommand(data)
	if err != nil {
		return nil, &checkpoint.DamagedError{Names: []string{name}, Reason: err.Error()}
	}
	c.Number = number
	return c, nil
}

// listCommands lists the numbers of the commands in the store, rising.
func listCommands(ctx context.Context, store checkpoint.Store) ([]uint64, error) {
	names, err := store.List(ctx, checkpoint.CommandPrefix)
	if err != nil {
		return nil, fmt.Errorf("letter: list commands: %w", err)
	}
	var numbers []uint64
	for _, name := range names {
		if number, ok := commandNumber(name); ok {
			numbers = append(numbers, number)
		}
	}
	return numbers, nil
}

// AppendCommand appends a command at the next free number and sets it. Several
// processes may do so at once. deleted tells up to which number commands have
// been deleted, as the newest manifest says: those numbers are not used again.
func AppendCommand(ctx context.Context, store checkpoint.Store, c *Command, deleted func(context.Context) (uint64, error)) error {
	data, err := encodeCommand(c)
	if err != nil {
		return err
	}
	for range commandTriesMax {
		floor, err := deleted(ctx)
		if err != nil {
			return err
		}
		numbers, err := listCommands(ctx, store)
		if err != nil {
			return err
		}
		if len(numbers) >= CommandsMax {
			return fmt.Errorf("letter: %d commands wait, no more are possible: let the job run, so that it cleans up those whose letters are settled", len(numbers))
		}
		if len(numbers) > 0 {
			floor = max(floor, numbers[len(numbers)-1])
		}
		err = store.Create(ctx, commandName(floor+1), data)
		if errors.Is(err, checkpoint.ErrExists) {
			continue
		}
		if err != nil {
			return fmt.Errorf("letter: write the command: %w", err)
		}
		// A process that stood still in between may have taken a number that was
		// used and deleted, so that an answer to another command seems to be one to
		// this. The command comes again at a new number; heeding both does no harm.
		if again, err := deleted(ctx); err != nil || again > floor {
			if err != nil {
				return err
			}
			continue
		}
		c.Number = floor + 1
		return nil
	}
	return fmt.Errorf("letter: other processes took %d numbers in a row: try again", commandTriesMax)
}
