package main

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/letter"
)

const (
	// listLimit is how many letters a list shows if it is not told.
	listLimit = 100
	// cellWidth is how much of a key or an error a list shows.
	cellWidth = 60
)

func newDLQList() *cobra.Command {
	var filter letterFilter
	list := &cobra.Command{
		Use:   "list JOB",
		Short: "List the letters that wait, or those that a filter chooses",
		Long: `List the letters that wait for a decision or for their resubmission, the oldest
first. With --status others are shown too: done and discarded ones stay until
their segment is cleaned up.`,
		Args: exactly("JOB"),
		RunE: func(command *cobra.Command, arguments []string) error {
			desk, err := openDesk(command, arguments[0])
			if err != nil {
				return err
			}
			defer desk.close()
			letters, more, err := desk.choose(command.Context(), &filter, true, letter.Waiting, letter.Ordered)
			if err != nil {
				return err
			}
			if wantsJSON(command) {
				views := make([]*letterView, 0, len(letters))
				for _, c := range letters {
					view := viewOf(c.Item, c.letter)
					view.State, view.Batch, view.OriginalBatch = nil, nil, nil
					views = append(views, view)
				}
				return writeJSON(command.OutOrStdout(), views)
			}
			return writeLetters(command.OutOrStdout(), letters, more)
		},
	}
	filter.flags(list, listLimit)
	return list
}

func writeLetters(w io.Writer, letters []chosen, more int) error {
	if len(letters) == 0 {
		_, err := fmt.Fprintln(w, "no letters")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tSTATUS\tATTEMPTS\tLAST\tUID\tKIND\tKEY\tERROR")
	for _, c := range letters {
		view := firstRecord(c.letter.Record)
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\n", c.ID, c.Status, c.Attempts, millisText(c.LastMS), c.UID, c.Kind,
			cell(readable(view.Key())), cell(firstLine(c.letter.Error.Reason)))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if more > 0 {
		_, err := fmt.Fprintf(w, "and %d more: --limit shows them\n", more)
		return err
	}
	return nil
}

func firstRecord(batch record.Batch) record.View {
	records := batch.Records()
	records.Next()
	return records.Record()
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

func cell(text string) string { return clip(strings.ReplaceAll(text, "\t", " "), cellWidth) }

// readable writes bytes for people: text where they are text, else hex.
func readable(b []byte) string {
	switch {
	case b == nil:
		return "null"
	case len(b) == 0:
		return "(empty)"
	case isText(b):
		return string(b)
	}
	return "0x" + hex.EncodeToString(b)
}

func isText(b []byte) bool {
	return utf8.Valid(b) && !strings.ContainsFunc(string(b), func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f })
}

// bytesJSON is bytes in JSON: null, a string where they are text, else base64.
func bytesJSON(b []byte) any {
	switch {
	case b == nil:
		return nil
	case utf8.Valid(b):
		return string(b)
	}
	return map[string]string{"base64": base64.StdEncoding.EncodeToString(b)}
}

// recordView is a record as JSON.
type recordView struct {
	Key       any    `json:"key"`
	Value     any    `json:"value"`
	Timestamp *int64 `json:"timestamp"`
	Kind      string `json:"kind,omitempty"`
}

// stateView is an entry of state as JSON.
type stateView struct {
	State     string `json:"state"`
	Kind      string `json:"kind"`
	Key       any    `json:"key,omitempty"`
	Value     any    `json:"value"`
	Version   uint16 `json:"version,omitempty"`
	ExpiresMS int64  `json:"expires_ms,omitempty"`
}

// letterView is a letter as JSON.
type letterView struct {
	letter.Item
	First            string         `json:"first"`
	Last             string         `json:"last"`
	Records          []recordView   `json:"records"`
	Original         []recordView   `json:"original,omitempty"`
	Edits            []letter.Edit  `json:"edits,omitempty"`
	Input            int            `json:"input"`
	Timer            *int           `json:"timer,omitempty"`
	Source           string         `json:"source,omitempty"`
	Split            string         `json:"split,omitempty"`
	Position         any            `json:"position,omitempty"`
	Index            int            `json:"index"`
	Module           string         `json:"module,omitempty"`
	Entry            string         `json:"entry,omitempty"`
	Error            letter.Error   `json:"error"`
	Watermark        int64          `json:"watermark"`
	ProcessingTimeMS int64          `json:"processing_time_ms"`
	Subtask          int            `json:"subtask"`
	Parallelism      int            `json:"parallelism"`
	State            []stateView    `json:"state,omitempty"`
	StateIncomplete  bool           `json:"state_incomplete,omitempty"`
	History          []letter.Event `json:"history,omitempty"`
	Held             string         `json:"held,omitempty"`
	Seed             []byte         `json:"seed,omitempty"`
	// Batch and OriginalBatch are the bytes, for "turgo replay --letter".
	Batch         []byte `json:"batch,omitempty"`
	OriginalBatch []byte `json:"original_batch,omitempty"`
}

func viewOf(item letter.Item, l *letter.Letter) *letterView {
	view := &letterView{
		Item: item, First: millisText(l.FirstMS), Last: millisText(l.LastMS), Records: recordsOf(l.Record), Input: l.Input,
		Source: l.Place.Source, Split: l.Place.Split, Index: l.Place.Index, Module: l.Module, Entry: l.Entry,
		Error: l.Error, Watermark: l.Watermark, ProcessingTimeMS: l.ProcessingTimeMS, Subtask: l.Subtask, Parallelism: l.Parallelism,
		StateIncomplete: l.StateIncomplete, Seed: l.Seed, Batch: l.Record,
	}
	if len(l.Place.Position) > 0 {
		view.Position = bytesJSON(l.Place.Position)
	}
	if l.Kind == letter.Timer {
		view.Timer = &l.Timer
	}
	if len(l.Edits) > 0 {
		view.Original, view.OriginalBatch = recordsOf(l.Original()), l.Original()
		for _, edit := range l.Edits {
			edit.Original = nil
			view.Edits = append(view.Edits, edit)
		}
	}
	for _, s := range l.State {
		entry := stateView{State: s.State, Kind: s.Kind, Value: bytesJSON(s.Value), Version: s.Version, ExpiresMS: s.ExpiresMS}
		if s.Kind == "map" {
			entry.Key = bytesJSON(append([]byte{}, s.Key...))
		}
		view.State = append(view.State, entry)
	}
	return view
}

func recordsOf(batch record.Batch) []recordView {
	var list []recordView
	for records := batch.Records(); records.Next(); {
		r := records.Record()
		view := recordView{Key: bytesJSON(r.Key()), Value: bytesJSON(r.Value())}
		if t := r.Timestamp(); t != record.NoTimestamp {
			view.Timestamp = &t
		}
		if r.Kind() != record.Insert {
			view.Kind = changeKind(r.Kind())
		}
		list = append(list, view)
	}
	return list
}

func changeKind(k record.Kind) string {
	switch k {
	case record.UpdateBefore:
		return "update_before"
	case record.UpdateAfter:
		return "update_after"
	case record.Delete:
		return "delete"
	}
	return "insert"
}

func newDLQShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show JOB ID",
		Short: "Show all of one letter: record, error, place, state, history",
		Args:  exactly("JOB", "ID"),
		RunE: func(command *cobra.Command, arguments []string) error {
			desk, err := openDesk(command, arguments[0])
			if err != nil {
				return err
			}
			defer desk.close()
			l, err := desk.Read(command.Context(), arguments[1])
			if err != nil {
				return unknownLetter(arguments[0], err)
			}
			item, err := desk.Item(arguments[1])
			if err != nil {
				return unknownLetter(arguments[0], err)
			}
			view := viewOf(item, l)
			view.History = desk.History(item.ID)
			view.Held = desk.Held(item.Order)
			if wantsJSON(command) {
				return writeJSON(command.OutOrStdout(), view)
			}
			return writeLetter(command.OutOrStdout(), l, view)
		},
	}
}

func writeLetter(w io.Writer, l *letter.Letter, view *letterView) error {
	var b strings.Builder
	fmt.Fprintf(&b, "letter      %s\nstatus      %s\nstep        %s", l.ID, view.Status, l.UID)
	if l.Module != "" {
		fmt.Fprintf(&b, " (%s of module %s)", l.Entry, l.Module)
	}
	fmt.Fprintf(&b, "\nkind        %s\nattempts    %d, first %s, last %s\n", l.Kind, l.Attempts, view.First, view.Last)
	fmt.Fprintf(&b, "error       %s", l.Error.Kind)
	if l.Error.Code != 0 {
		fmt.Fprintf(&b, ", code %d", l.Error.Code)
	}
	fmt.Fprintf(&b, ": %s\n", l.Error.Reason)
	if stack := strings.TrimSpace(l.Error.Stack); stack != "" {
		writeIndented(&b, "stack", stack)
	}
	if l.Place.Source != "" {
		fmt.Fprintf(&b, "place       source %s, split %s, record %d of the batch before position %s\n", l.Place.Source, l.Place.Split, l.Place.Index, bytesText(l.Place.Position))
	}
	fmt.Fprintf(&b, "call        input %d, subtask %d of %d, watermark %s, processing time %s\n", l.Input, l.Subtask, l.Parallelism, markText(l.Watermark), millisText(l.ProcessingTimeMS))
	if l.Kind == letter.Timer {
		fmt.Fprintf(&b, "timer       declaration %d\n", l.Timer)
	}
	writeRecords(&b, "record", l.Record)
	if len(l.Edits) > 0 {
		writeRecords(&b, "original", l.Original())
		for _, edit := range l.Edits {
			fmt.Fprintf(&b, "edited      by %s at %s (command %d)\n", edit.By, millisText(edit.AtMS), edit.Command)
		}
	}
	for _, s := range l.State {
		fmt.Fprintf(&b, "state       %s (%s)", s.State, s.Kind)
		if s.Kind == "map" {
			fmt.Fprintf(&b, " %s", readable(append([]byte{}, s.Key...)))
		}
		fmt.Fprintf(&b, " = %s\n", readable(append([]byte{}, s.Value...)))
	}
	if l.StateIncomplete {
		fmt.Fprintf(&b, "state       incomplete: it is larger than %s\n", sizeText(letter.StateBytesMax))
	}
	for _, event := range view.History {
		fmt.Fprintf(&b, "history     %s %s by %s (command %d) %s\n", millisText(event.AtMS), event.Kind, event.By, event.Command, event.Outcome)
	}
	if view.Held != "" {
		fmt.Fprintf(&b, "held        %s\n", view.Held)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func markText(watermark int64) string {
	if watermark == abi.WatermarkMin {
		return "none yet"
	}
	return watermarkText(watermark)
}

func writeIndented(b *strings.Builder, name, text string) {
	fmt.Fprintf(b, "%-11s %s\n", name, strings.ReplaceAll(text, "\n", "\n            "))
}

func writeRecords(b *strings.Builder, name string, batch record.Batch) {
	for records := batch.Records(); records.Next(); {
		r := records.Record()
		at := "none"
		if r.Timestamp() != record.NoTimestamp {
			at = millisText(r.Timestamp())
		}
		fmt.Fprintf(b, "%-11s %s, timestamp %s\n", name, changeKind(r.Kind()), at)
		writeIndented(b, "  key", readable(r.Key()))
		writeIndented(b, "  value", readable(r.Value()))
	}
}
