package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/checkpoint/localstore"
	"github.com/turgo-stream/turgo/host/job"
	"github.com/turgo-stream/turgo/host/letter"
	"github.com/turgo-stream/turgo/host/plan"
	"github.com/turgo-stream/turgo/host/replay"
	"github.com/turgo-stream/turgo/host/wasm"
)

// Where replay takes the state of the key from.
const (
	stateOfLetter     = "letter"
	stateOfCheckpoint = "checkpoint"
)

type replayFlags struct {
	connectors         *string
	file, module, from string
	original           bool
}

func newReplay() *cobra.Command {
	var flags replayFlags
	command := &cobra.Command{
		Use:   "replay JOB [LETTER]",
		Short: "Repeat the failure of a dead letter here, and tell what happened",
		Long: `Repeat the call at which an operator failed, from a dead letter: on a fresh
instance of the module, with the state that the operator held for the key, at the
times of then. Nothing of the job is touched; it may run meanwhile.

Without --module the job's module must be that of then, and the exit code is 0 if
the call fails as the letter tells. With --module another build is tried, and the
exit code is 0 if it handles the record. The same holds for a letter that was
edited, unless --original asks for the record as it came.`,
		Args: func(command *cobra.Command, arguments []string) error {
			if flags.file != "" {
				return exactly("JOB")(command, arguments)
			}
			return exactly("JOB", "LETTER")(command, arguments)
		},
		RunE: func(command *cobra.Command, arguments []string) error {
			return replayLetter(command, arguments, &flags)
		},
	}
	flags.connectors = connectorsFlag(command)
	command.Flags().StringVar(&flags.file, "letter", "", "`file` with a letter, as \"turgo dlq export\" wrote it, in place of the letter's id")
	command.Flags().StringVar(&flags.module, "module", "", "`file` of another build of the module, to see whether it handles the record")
	command.Flags().StringVar(&flags.from, "state", "", "`where` the state of the key comes from: letter (default), or checkpoint, the job's newest")
	command.Flags().BoolVar(&flags.original, "original", false, "repeat the record as it came, though the letter was edited")
	return command
}

// replayed is a repetition and what is needed to tell it.
type replayed struct {
	letter    *letter.Letter
	module    string // digest of what ran
	stateFrom string
	stateNote string
	// whatIf tells that not the failure of then was repeated, but something else tried.
	whatIf bool
	result *replay.Result
}

// good reports whether the repetition ended as it should.
func (r *replayed) good() bool {
	if r.whatIf {
		return r.result.Failure == nil
	}
	return replay.Same(r.letter, r.result.Failure)
}

func replayLetter(command *cobra.Command, arguments []string, flags *replayFlags) (err error) {
	if flags.from != "" && flags.from != stateOfLetter && flags.from != stateOfCheckpoint {
		return badInput(fmt.Errorf("bad --state %q: it must be %s or %s", flags.from, stateOfLetter, stateOfCheckpoint))
	}
	ctx := command.Context()
	l, err := load(ctx, arguments[0], *flags.connectors, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	r := &replayed{}
	if r.letter, err = findLetter(command, arguments, flags); err != nil {
		return err
	}
	if flags.original {
		r.letter.Record = r.letter.Original()
	}
	step, err := stepOf(l.plan, r.letter)
	if err != nil {
		return err
	}
	module, err := replayModule(ctx, l.engine, step, r.letter, flags.module)
	if err != nil {
		return err
	}
	r.module = module.Digest()
	r.whatIf = r.module != r.letter.Module || len(r.letter.Edits) > 0 && !flags.original
	request := replay.Request{Letter: r.letter, Module: module}
	if request.Open, err = job.OpenConfig(step); err != nil {
		return err
	}
	if request.State, err = r.findState(ctx, l.plan, step, module, flags.from); err != nil {
		return err
	}
	if r.result, err = replay.Run(ctx, request); err != nil {
		var not *replay.NotReplayableError
		if errors.As(err, &not) {
			return badInput(err)
		}
		return err
	}
	if err := r.write(command); err != nil {
		return err
	}
	if !r.good() {
		return errTold
	}
	return nil
}

// findLetter reads the letter from the job's store, or from a file.
func findLetter(command *cobra.Command, arguments []string, flags *replayFlags) (*letter.Letter, error) {
	if flags.file != "" {
		return readLetterFile(flags.file)
	}
	desk, err := openDesk(command, arguments[0])
	if err != nil {
		return nil, err
	}
	defer desk.close()
	l, err := desk.Read(command.Context(), arguments[1])
	return l, unknownLetter(arguments[0], err)
}

// stepOf finds the step that failed in the job as it is now.
func stepOf(p *plan.Plan, l *letter.Letter) (*plan.ChainedStep, error) {
	for _, step := range p.Steps() {
		if step.UID == l.UID && step.Kind == plan.Operator {
			return step, nil
		}
	}
	return nil, badInput(fmt.Errorf("letter %s is of the step %q: the job has no operator of that uid", l.ID, l.UID))
}

// replayModule gives the module to run.
func replayModule(ctx context.Context, engine *job.Engine, step *plan.ChainedStep, l *letter.Letter, file string) (*wasm.Module, error) {
	if file != "" {
		return engine.Load(ctx, file)
	}
	m, err := engine.Load(ctx, step.Module)
	if err != nil {
		return nil, err
	}
	if m.Digest() != l.Module {
		return nil, badInput(fmt.Errorf("the module %s is not the one that failed: its digest is %s, that of letter %s is %s. "+
			"Give --module with the build of then to repeat the failure, or --module %s to see whether this one handles the record",
			step.Module, m.Digest(), l.ID, l.Module, step.Module))
	}
	return m, nil
}

// findState finds what the states held for the key.
func (r *replayed) findState(ctx context.Context, p *plan.Plan, step *plan.ChainedStep, module *wasm.Module, from string) ([]letter.StateEntry, error) {
	if r.stateFrom = from; from == "" {
		r.stateFrom = stateOfLetter
		if r.letter.StateIncomplete {
			r.stateFrom, r.stateNote = stateOfCheckpoint, "the letter's is incomplete"
		}
	}
	if r.stateFrom == stateOfLetter {
		if r.letter.StateIncomplete {
			r.stateNote = "incomplete: the key held more than a letter keeps"
		}
		return r.letter.State, nil
	}
	key := replay.Key(r.letter)
	if key == nil {
		return nil, nil
	}
	store, err := localstore.View(p.Checkpoint.Store)
	if err != nil {
		return nil, badInput(err)
	}
	defer store.Close()
	entries, epoch, err := stateOfKey(ctx, store, r.letter, step, module, key)
	r.stateFrom = fmt.Sprintf("%s %d", stateOfCheckpoint, epoch)
	return entries, err
}

// stateOfKey reads the newest checkpoint. A running job may delete what it names
// while it is read; then there is a newer one.
func stateOfKey(ctx context.Context, store checkpoint.Store, l *letter.Letter, step *plan.ChainedStep, module *wasm.Module, key []byte) ([]letter.StateEntry, checkpoint.Epoch, error) {
	description, err := replay.Describe(module, step.Entry)
	if err != nil {
		return nil, 0, err
	}
	for last := checkpoint.Epoch(0); ; {
		desk, err := letter.OpenDesk(ctx, store)
		if err != nil {
			return nil, 0, err
		}
		if desk.Manifest == nil {
			return nil, 0, badInput(errors.New("the job has no checkpoint yet"))
		}
		epoch := desk.Manifest.Epoch
		entries, err := replay.StateOf(ctx, store, desk.Manifest, l.UID, description, key, l.ProcessingTimeMS)
		if err == nil || !errors.Is(err, checkpoint.ErrNotExist) || epoch == last {
			return entries, epoch, err
		}
		last = epoch
	}
}
