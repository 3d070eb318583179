package main

import (
	"errors"
	"fmt"
	"testing"

	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/checkpoint/localstore"
	"github.com/turgo-stream/turgo/host/plan"
	"github.com/turgo-stream/turgo/host/wasm"
)

func TestExitCodeTellsWhoseFaultItIs(t *testing.T) {
	for _, c := range []struct {
		err  error
		code int
	}{
		{errors.New("the disk is gone"), exitFailed},
		{&wasm.GuestError{Kind: wasm.KindTrap}, exitFailed},
		{badInput(errors.New("no")), exitBadInput},
		{&plan.InvalidError{}, exitBadInput},
		{&wasm.ModuleError{}, exitBadInput},
		{&connectors.ConfigError{}, exitBadInput},
		{&checkpoint.RefusedError{}, exitBadInput},
		{&checkpoint.DamagedError{}, exitBadInput},
		{&checkpoint.FormatError{}, exitBadInput},
		{&localstore.LockedError{}, exitBadInput},
		{errInterrupted, exitInterrupted},
	} {
		if got := exitCode(c.err); got != c.code {
			t.Errorf("%T: exit code %d; want %d", c.err, got, c.code)
		}
		if got := exitCode(errors.Join(errors.New("and the rest"), fmt.Errorf("turgo: %w", c.err))); got != c.code {
			t.Errorf("wrapped %T: exit code %d; want %d", c.err, got, c.code)
		}
	}
	if badInput(nil) != nil {
		t.Error("no error became one")
	}
}
