package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/checkpoint/localstore"
	"github.com/turgo-stream/turgo/host/job"
)

type runFlags struct {
	connectors           *string
	acceptDuplicatesFrom uint64
	allowDroppedState    bool
	logLevel             string
}

func newRun() *cobra.Command {
	var flags runFlags
	command := &cobra.Command{
		Use:   "run JOB",
		Short: "Run a job, from its newest checkpoint where there is one",
		Long: `Run a job until its input ends, it is stopped, or it fails for good. It begins
from the newest checkpoint of its store, or anew where there is none.

The first Ctrl-C (or SIGTERM) stops the job with a checkpoint; a second one ends
it at once, and what was not committed is repeated by the next run.

Progress goes to standard error. With --json, one line of JSON a second goes to
standard output instead; its fields stand in docs/command-line.md.`,
		Args: exactly("JOB"),
		RunE: func(command *cobra.Command, arguments []string) error {
			return run(command, arguments[0], flags)
		},
	}
	flags.connectors = connectorsFlag(command)
	command.Flags().Uint64Var(&flags.acceptDuplicatesFrom, "accept-duplicates-from", 0,
		"go back to the checkpoint of this `epoch` though a newer one may have been committed: output after it appears again")
	command.Flags().BoolVar(&flags.allowDroppedState, "allow-dropped-state", false,
		"start though the checkpoint holds state that no operator of the job claims; that state is dropped")
	command.Flags().StringVar(&flags.logLevel, "log-level", "info", "least `level` of log lines: debug, info, warn or error")
	return command
}

func run(command *cobra.Command, path string, flags runFlags) (err error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(flags.logLevel)); err != nil {
		return badInput(fmt.Errorf("bad --log-level %q: it must be debug, info, warn or error", flags.logLevel))
	}
	display := newProgress(command)
	defer display.end()
	logger := slog.New(slog.NewTextHandler(display, &slog.HandlerOptions{Level: level}))
	ctx, stop, release := signals(command.Context(), logger)
	defer release()

	l, err := load(ctx, path, *flags.connectors, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	err = l.checkConnectors(ctx, func(uid string, err error) {
		logger.Warn("step cannot be checked now; the job starts and waits for it", "step", uid, "reason", err)
	})
	if err != nil {
		return err
	}
	for _, note := range l.plan.Notes {
		logger.Warn(note)
	}
	store, err := localstore.Open(l.plan.Checkpoint.Store)
	if err != nil {
		return badInput(err)
	}
	defer func() { err = errors.Join(err, store.Close()) }()

	observe, err := crashPoint()
	if err != nil {
		return err
	}
	show := display.show
	if wantsJSON(command) {
		show = jsonLines(command.OutOrStdout())
	}
	status, err := job.Run(ctx, job.Config{
		Plan: l.plan, Store: store, Runtime: l.engine, Logger: logger, Stop: stop,
		OnStatus:              show,
		AcceptDuplicatesFrom:  checkpoint.Epoch(flags.acceptDuplicatesFrom),
		AllowNonRestoredState: flags.allowDroppedState,
		Observe:               observe,
	})
	display.end()
	switch {
	case errors.Is(context.Cause(ctx), errInterrupted):
		return errInterrupted
	case err != nil && status.Attempt == 0:
		// It never began: what it was given is at fault.
		return badInput(err)
	case err != nil:
		return err
	}
	if display.width != nil {
		fmt.Fprintln(command.ErrOrStderr(), statusLine(&status))
	}
	return nil
}

func newProgress(command *cobra.Command) *progress {
	p := &progress{out: command.ErrOrStderr(), now: time.Now}
	file, ok := p.out.(*os.File)
	if ok && !wantsJSON(command) && term.IsTerminal(int(file.Fd())) {
		p.width = func() int {
			width, _, err := term.GetSize(int(file.Fd()))
			if err != nil {
				return 80
			}
			return width
		}
	}
	return p
}

// endLimit is how long the end of a job may take that was told to end at once: a
// guest may be at work still, within its own limit.
const endLimit = 3 * time.Second

// signals turns the first interruption into a stop with a checkpoint, and the
// second into the end of the context, and soon of the process.
func signals(parent context.Context, logger *slog.Logger) (ctx context.Context, stop <-chan struct{}, release func()) {
	ctx, cancel := context.WithCancelCause(parent)
	stopping, released := make(chan struct{}), make(chan struct{})
	received := make(chan os.Signal, 3)
	signal.Notify(received, os.Interrupt, syscall.SIGTERM)
	go func() {
		for n := 1; ; n++ {
			select {
			case <-released:
				return
			case s := <-received:
				switch n {
				case 1:
					logger.Info("stopping with a checkpoint; once more ends the job at once", "signal", s.String())
					close(stopping)
				case 2:
					cancel(errInterrupted)
					time.AfterFunc(endLimit, exitInterruptedNow)
				default:
					exitInterruptedNow()
				}
			}
		}
	}()
	return ctx, stopping, func() {
		signal.Stop(received)
		close(released)
		cancel(nil)
	}
}

func exitInterruptedNow() {
	fmt.Fprintf(os.Stderr, "\nturgo: %v\n", errInterrupted)
	os.Exit(exitInterrupted)
}
