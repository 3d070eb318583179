package main

import (
	"errors"
	"fmt"

	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/checkpoint/localstore"
	"github.com/turgo-stream/turgo/host/plan"
	"github.com/turgo-stream/turgo/host/wasm"
	"github.com/turgo-stream/turgo/scaffold"
	"github.com/turgo-stream/turgo/toolchain"
)

// The exit codes.
const (
	exitOK          = 0
	exitFailed      = 1
	exitBadInput    = 2
	exitInterrupted = 130
)

var (
	// errInterrupted ends a run at once.
	errInterrupted = errors.New("interrupted: what was not committed is repeated by the next run")
	// errStopped ends what leaves nothing behind.
	errStopped = errors.New("interrupted")
	// errWaitEnded ends the waiting for something that goes on.
	errWaitEnded = fmt.Errorf("%w", errTold)
	// errTold stands for what the user has been told already.
	errTold = errors.New("told")
)

// inputError marks an error as the fault of what the user gave.
type inputError struct{ error }

// Unwrap gives the error.
func (e *inputError) Unwrap() error { return e.error }

func badInput(err error) error {
	if err == nil {
		return nil
	}
	return &inputError{err}
}

// exitCode tells by the error's type whose fault it is.
func exitCode(err error) int {
	var (
		input     *inputError
		invalid   *plan.InvalidError
		module    *wasm.ModuleError
		config    *connectors.ConfigError
		refused   *checkpoint.RefusedError
		damaged   *checkpoint.DamagedError
		formatted *checkpoint.FormatError
		locked    *localstore.LockedError
		named     *scaffold.NameError
		exists    *scaffold.ExistsError
		noCopy    *scaffold.NoCopyError
		language  *toolchain.UnknownLanguageError
		ambiguous *toolchain.AmbiguousError
	)
	switch {
	case errors.Is(err, errInterrupted), errors.Is(err, errStopped), errors.Is(err, errWaitEnded):
		return exitInterrupted
	case errors.As(err, &input), errors.As(err, &invalid), errors.As(err, &module), errors.As(err, &config),
		errors.As(err, &refused), errors.As(err, &damaged), errors.As(err, &formatted), errors.As(err, &locked),
		errors.As(err, &named), errors.As(err, &exists), errors.As(err, &noCopy), errors.As(err, &language), errors.As(err, &ambiguous):
		return exitBadInput
	}
	return exitFailed
}
