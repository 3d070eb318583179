package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/checkpoint/localstore"
	"github.com/turgo-stream/turgo/host/plan"
)

func newCheckpoints() *cobra.Command {
	checkpoints := &cobra.Command{
		Use:   "checkpoints",
		Short: "Look at a job's checkpoints, also while it runs",
		Args:  noCommand,
		RunE:  func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	list := &cobra.Command{
		Use:   "list JOB",
		Short: "List the checkpoints that the job's store holds",
		Args:  exactly("JOB"),
		RunE: func(command *cobra.Command, arguments []string) error {
			entries, err := readLog(command.Context(), arguments[0])
			if err != nil {
				return err
			}
			if wantsJSON(command) {
				return writeJSON(command.OutOrStdout(), summaries(entries))
			}
			return writeList(command.OutOrStdout(), entries)
		},
	}
	show := &cobra.Command{
		Use:   "show JOB [EPOCH]",
		Short: "Show one checkpoint, the newest where no epoch is given",
		Long: `Show one checkpoint, the newest where no epoch is given: operators and their
states, positions of the sources, tables, and output that waits for its commit.`,
		Args: showArguments,
		RunE: func(command *cobra.Command, arguments []string) error {
			manifest, err := findCheckpoint(command.Context(), arguments)
			if err != nil {
				return err
			}
			if wantsJSON(command) {
				return writeJSON(command.OutOrStdout(), manifest)
			}
			return writeManifest(command.OutOrStdout(), manifest)
		},
	}
	checkpoints.AddCommand(list, show)
	return checkpoints
}

// readLog reads the checkpoint log of a job, beside the host that may run it.
func readLog(ctx context.Context, jobFile string) ([]checkpoint.EntryInfo, error) {
	job, err := plan.ReadFile(jobFile)
	if err != nil {
		return nil, err
	}
	store, err := localstore.View(job.StoreDirectory())
	if err != nil {
		return nil, badInput(err)
	}
	defer store.Close()
	log, err := checkpoint.OpenLog(ctx, store)
	if err != nil {
		return nil, err
	}
	return log.Entries(), nil
}

// checkpointSummary is one line of the list.
type checkpointSummary struct {
	Epoch      checkpoint.Epoch `json:"epoch,omitempty"`
	Number     uint64           `json:"number"` // in the log
	Attempt    uint64           `json:"attempt,omitempty"`
	Taken      string           `json:"taken,omitempty"`
	DurationMS int64            `json:"duration_ms,omitempty"`
	NewBytes   int64            `json:"new_bytes"`
	Tables     int              `json:"tables"`
	StateBytes int64            `json:"state_bytes"`
	Splits     int              `json:"splits"`
	Pending    int              `json:"pending"`
	Finished   bool             `json:"finished,omitempty"`
	Damaged    string           `json:"damaged,omitempty"`
}

// summaries sums up all checkpoints, and entries that cannot be read.
func summaries(entries []checkpoint.EntryInfo) []checkpointSummary {
	list := []checkpointSummary{}
	for i := range entries {
		switch e := &entries[i]; {
		case e.Damaged != nil:
			list = append(list, checkpointSummary{Number: e.Number, Damaged: e.Damaged.Error()})
		case e.Checkpoint != nil:
			list = append(list, summary(e.Checkpoint))
		}
	}
	return list
}

func summary(m *checkpoint.Manifest) checkpointSummary {
	s := checkpointSummary{
		Epoch: m.Epoch, Number: m.Number, Attempt: m.Attempt, Taken: millisText(m.TakenMS), DurationMS: m.DurationMS,
		NewBytes: m.Bytes, Pending: len(m.Pending), Finished: m.Finished,
	}
	seen := map[string]bool{}
	for i := range m.Tasks {
		for _, table := range m.Tasks[i].Tables {
			if !seen[table.Object] {
				seen[table.Object] = true
				s.Tables++
				s.StateBytes += table.Bytes
			}
		}
		for _, splits := range m.Tasks[i].Splits {
			s.Splits += len(splits)
		}
	}
	return s
}

func writeList(w io.Writer, entries []checkpoint.EntryInfo) error {
	list := summaries(entries)
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, "no checkpoints")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "EPOCH\tTAKEN\tTOOK\tNEW\tTABLES\tSTATE\tSPLITS\tPENDING\tATTEMPT\tNOTE")
	for _, s := range list {
		if s.Damaged != "" {
			fmt.Fprintf(table, "?\t\t\t\t\t\t\t\t\t%s\n", s.Damaged)
			continue
		}
		note := ""
		if s.Finished {
			note = "finished"
		}
		fmt.Fprintf(table, "%d\t%s\t%d ms\t%s\t%d\t%s\t%d\t%d\t%d\t%s\n",
			s.Epoch, s.Taken, s.DurationMS, sizeText(s.NewBytes), s.Tables, sizeText(s.StateBytes), s.Splits, s.Pending, s.Attempt, note)
	}
	return table.Flush()
}

// findCheckpoint finds the newest readable checkpoint, or that of an epoch.
func findCheckpoint(ctx context.Context, arguments []string) (*checkpoint.Manifest, error) {
	var epoch uint64
	if len(arguments) > 1 {
		var err error
		if epoch, err = strconv.ParseUint(arguments[1], 10, 63); err != nil || epoch == 0 {
			return nil, badInput(fmt.Errorf("bad epoch %q: it is a number from 1, as \"turgo checkpoints list\" tells", arguments[1]))
		}
	}
	entries, err := readLog(ctx, arguments[0])
	if err != nil {
		return nil, err
	}
	var damaged error
	for i := len(entries) - 1; i >= 0; i-- {
		m := entries[i].Checkpoint
		if entries[i].Damaged != nil && damaged == nil {
			damaged = entries[i].Damaged
		}
		if m != nil && (epoch == 0 || uint64(m.Epoch) == epoch) {
			return m, nil
		}
	}
	if damaged != nil {
		return nil, badInput(fmt.Errorf("no such checkpoint can be read: %w", damaged))
	}
	if epoch > 0 {
		return nil, badInput(fmt.Errorf("the store has no checkpoint of epoch %d: see \"turgo checkpoints list %s\"", epoch, arguments[0]))
	}
	return nil, badInput(fmt.Errorf("the store of %s has no checkpoint yet", arguments[0]))
}

func writeManifest(w io.Writer, m *checkpoint.Manifest) error {
	var b strings.Builder
	fmt.Fprintf(&b, "job        %s (%s)\nepoch      %d, attempt %d, entry %d of the log\n", m.Job, m.JobUUID, m.Epoch, m.Attempt, m.Number)
	fmt.Fprintf(&b, "taken      %s, took %d ms\nnew tables %s\nkey groups %d\n", millisText(m.TakenMS), m.DurationMS, sizeText(m.Bytes), m.MaxParallelism)
	switch {
	case m.Finished:
		fmt.Fprintln(&b, "state      finished: all input was read, all output is committed")
	case m.Ended:
		fmt.Fprintln(&b, "state      all input was read; the pending output is still to be committed")
	}
	for i := range m.Operators {
		writeOperatorInfo(&b, &m.Operators[i])
	}
	for i := range m.Sources {
		fmt.Fprintf(&b, "\nsource %s: %d splits read to their end\n", m.Sources[i].UID, m.Sources[i].FinishedCount)
	}
	for i := range m.Tasks {
		writeTask(&b, &m.Tasks[i])
	}
	if letters, bytes := m.LetterTotals(); len(m.Letters) > 0 {
		fmt.Fprintf(&b, "\ndead letters: %d in %d segments, %s, settled ones included: see \"turgo dlq list\"\n", letters, len(m.Letters), sizeText(bytes))
	}
	fmt.Fprintf(&b, "\npending output: %d committables\n", len(m.Pending))
	for _, c := range m.Pending {
		fmt.Fprintf(&b, "  sink %s epoch %d: %s (%d bytes)\n", c.Sink, c.Epoch, c.ID, len(c.Data))
	}
	fmt.Fprintf(&b, "confirmed since the checkpoint before: %d committables\n", len(m.Confirmed))
	for _, c := range m.Confirmed {
		fmt.Fprintf(&b, "  sink %s epoch %d: %s\n", c.Sink, c.Epoch, c.ID)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeOperatorInfo(b *strings.Builder, o *checkpoint.OperatorInfo) {
	fmt.Fprintf(b, "\noperator %s: %s of module %s\n", o.UID, o.Operator, o.Module)
	for _, s := range o.States {
		fmt.Fprintf(b, "  state %s: %s, schema version %d%s\n", s.Name, s.Kind, s.SchemaVersion, droppedText(s.Dropped))
	}
	for _, t := range o.Timers {
		fmt.Fprintf(b, "  timer %s: %s time%s\n", t.Name, t.Domain, droppedText(t.Dropped))
	}
}

func droppedText(dropped bool) string {
	if dropped {
		return ", no longer declared"
	}
	return ""
}

func writeTask(b *strings.Builder, t *checkpoint.TaskSnapshot) {
	if len(t.Splits) == 0 && len(t.Tables) == 0 {
		return
	}
	fmt.Fprintf(b, "\ntask %s\n", t.Task)
	for _, source := range slices.Sorted(maps.Keys(t.Splits)) {
		for _, split := range t.Splits[source] {
			fmt.Fprintf(b, "  source %s split %s: position %s\n", source, split.ID, bytesText(split.Position))
		}
	}
	for _, table := range t.Tables {
		fmt.Fprintf(b, "  table %s: %s, %d entries, key groups %d to %d, level %d\n",
			table.Object, sizeText(table.Bytes), table.Entries, table.First, table.Last, table.Level)
	}
}

// bytesText writes a connector's bytes: as text where they are, else in hex.
func bytesText(data []byte) string {
	if len(data) == 0 {
		return "start"
	}
	if utf8.Valid(data) && !strings.ContainsFunc(string(data), func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return string(data)
	}
	return fmt.Sprintf("0x%x", data)
}

func showArguments(command *cobra.Command, arguments []string) error {
	if len(arguments) == 2 {
		return nil
	}
	return exactly("JOB")(command, arguments)
}
