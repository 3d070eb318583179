package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/turgo-stream/turgo/host/letter"
	"github.com/turgo-stream/turgo/host/replay"
)

// replayView is a repetition as JSON.
type replayView struct {
	Letter       string `json:"letter"`
	UID          string `json:"uid"`
	Module       string `json:"module"`
	LetterModule string `json:"letter_module"`
	SameModule   bool   `json:"same_module"`
	StateFrom    string `json:"state_from"`
	// Outcome is reproduced, otherwise (it failed in another way) or handled.
	Outcome  string         `json:"outcome"`
	Recorded letter.Error   `json:"recorded"`
	Failure  *letter.Error  `json:"failure,omitempty"`
	Undone   bool           `json:"undone"`
	Outputs  []outputView   `json:"outputs"`
	Changes  []changeView   `json:"changes"`
	Timers   []replay.Timer `json:"timers"`
	Log      []replay.Line  `json:"log"`
	Fuel     int64          `json:"fuel"`
}

type outputView struct {
	Output  string       `json:"output"`
	Records []recordView `json:"records"`
}

type changeView struct {
	Before *stateView `json:"before"`
	After  *stateView `json:"after"`
}

// The outcomes of a repetition.
const (
	outcomeReproduced = "reproduced"
	outcomeOtherwise  = "otherwise"
	outcomeHandled    = "handled"
)

func (r *replayed) outcome() string {
	switch {
	case r.result.Failure == nil:
		return outcomeHandled
	case replay.Same(r.letter, r.result.Failure):
		return outcomeReproduced
	}
	return outcomeOtherwise
}

func (r *replayed) write(command *cobra.Command) error {
	if !wantsJSON(command) {
		return r.writeText(command.OutOrStdout())
	}
	view := replayView{
		Letter: r.letter.ID, UID: r.letter.UID, Module: r.module, LetterModule: r.letter.Module, SameModule: r.module == r.letter.Module,
		StateFrom: r.stateFrom, Outcome: r.outcome(), Recorded: r.letter.Error, Failure: r.result.Failure, Undone: r.result.Undone,
		Outputs: []outputView{}, Changes: []changeView{}, Timers: append([]replay.Timer{}, r.result.Timers...),
		Log: append([]replay.Line{}, r.result.Log...), Fuel: r.result.Fuel,
	}
	for _, o := range r.result.Outputs {
		view.Outputs = append(view.Outputs, outputView{Output: o.Output, Records: recordsOf(o.Batch)})
	}
	for _, c := range r.result.Changes {
		view.Changes = append(view.Changes, changeView{Before: stateViewOf(c.Before), After: stateViewOf(c.After)})
	}
	return writeJSON(command.OutOrStdout(), view)
}

func stateViewOf(e *letter.StateEntry) *stateView {
	if e == nil {
		return nil
	}
	view := &stateView{State: e.State, Kind: e.Kind, Value: bytesJSON(e.Value), Version: e.Version, ExpiresMS: e.ExpiresMS}
	if e.Kind == "map" {
		view.Key = bytesJSON(append([]byte{}, e.Key...))
	}
	return view
}

// outcomeTexts are the outcomes for people.
var outcomeTexts = map[string]string{
	outcomeReproduced: "it fails as the letter tells",
	outcomeOtherwise:  "it fails, but not as the letter tells",
	outcomeHandled:    "it is handled",
}

func (r *replayed) writeText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "letter      %s, step %s, subtask %d of %d\n", r.letter.ID, r.letter.UID, r.letter.Subtask, r.letter.Parallelism)
	writeRecords(&b, string(r.letter.Kind), r.letter.Record)
	if r.module == r.letter.Module {
		fmt.Fprintf(&b, "module      %s, the one that failed\n", r.module)
	} else {
		fmt.Fprintf(&b, "module      %s\n            not the one that failed: that is %s\n", r.module, r.letter.Module)
	}
	fmt.Fprintf(&b, "state       of the %s", r.stateFrom)
	if r.stateNote != "" {
		fmt.Fprintf(&b, " (%s)", r.stateNote)
	}
	fmt.Fprintf(&b, "\ntimes       watermark %s, processing time %s\n", markText(r.letter.Watermark), millisText(r.letter.ProcessingTimeMS))
	fmt.Fprintf(&b, "outcome     %s\n", outcomeTexts[r.outcome()])
	if f := r.result.Failure; f != nil {
		writeFailure(&b, "error", f)
	}
	if r.outcome() == outcomeOtherwise {
		writeFailure(&b, "recorded", &r.letter.Error)
	}
	fmt.Fprintf(&b, "fuel        %d instructions\n", r.result.Fuel)
	for _, line := range r.result.Log {
		// What a runtime prints when it gives up stands in the stack already.
		if f := r.result.Failure; f == nil || !strings.Contains(f.Stack, strings.TrimSpace(line.Text)) {
			fmt.Fprintf(&b, "log         %s %s\n", line.Level, line.Text)
		}
	}
	if r.result.Undone && len(r.result.Outputs)+len(r.result.Changes)+len(r.result.Timers) > 0 {
		b.WriteString("            what it did before it failed, all of which is undone:\n")
	}
	r.writeEffects(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func writeFailure(b *strings.Builder, name string, f *letter.Error) {
	code := ""
	if f.Code != 0 {
		code = fmt.Sprintf(", code %d", f.Code)
	}
	fmt.Fprintf(b, "%-11s %s%s: %s\n", name, f.Kind, code, f.Reason)
	if name == "error" {
		writeIndented(b, "stack", f.Stack)
	}
}

// writeEffects tells output, changes of state and timers.
func (r *replayed) writeEffects(b *strings.Builder) {
	for _, o := range r.result.Outputs {
		writeRecords(b, "output", o.Batch)
	}
	for _, c := range r.result.Changes {
		e := c.After
		if e == nil {
			e = c.Before
		}
		fmt.Fprintf(b, "state       %s (%s)", e.State, e.Kind)
		if e.Kind == "map" {
			fmt.Fprintf(b, " %s", readable(append([]byte{}, e.Key...)))
		}
		fmt.Fprintf(b, ": %s -> %s\n", entryText(c.Before), entryText(c.After))
	}
	for _, t := range r.result.Timers {
		fmt.Fprintf(b, "timer       %s %s for %s\n", t.Action, t.Timer, watermarkText(t.Timestamp))
	}
}

func entryText(e *letter.StateEntry) string {
	if e == nil {
		return "none"
	}
	return readable(append([]byte{}, e.Value...))
}
