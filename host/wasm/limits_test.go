package wasm

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

// An operator that asks for more than the platform allows is refused, with what
// it asks for and what it may.
func TestOperatorsAskForNoMoreThanTheCeilings(t *testing.T) {
	engine := newEngine(t, Config{Ceilings: Limits{MemoryPages: 100, CallDuration: time.Second, RecordFuel: 500, LogLinesPerSecond: 50}})
	module := load(t, engine, "passthrough", assemble(t, "passthrough"))
	_, err := module.Open(context.Background(), OpenConfig{Limits: Limits{MemoryPages: 101, RecordFuel: 501, StateBytes: -1}})
	var ceiling *CeilingError
	if !errors.As(err, &ceiling) || ceiling.Asked != 101 || ceiling.Ceiling != 100 || !ceiling.Fatal() {
		t.Fatal(err)
	}
	for _, want := range []string{
		"limit memory is 6619136 bytes, this platform allows 6553600 bytes",
		"limit fuel_per_record is 501, this platform allows 500",
		"limit state_per_call is -1, it must not be negative",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	operator := open(t, module, OpenConfig{Limits: Limits{MemoryPages: 100}})
	want := Limits{MemoryPages: 100, CallDuration: time.Second, RecordFuel: 500, LogLinesPerSecond: 50}
	got := Limits{operator.limits.MemoryPages, 0, 0, 0, 0, operator.limits.CallDuration, 0, operator.limits.RecordFuel, 0, 0, 0, 0, 0, operator.limits.LogLinesPerSecond, 0}
	if got != want {
		t.Errorf("without asking the operator has %+v, want no more than the ceilings", got)
	}
}

func TestEngineRefusesLimitsAboveItsCeilings(t *testing.T) {
	for _, test := range []struct {
		config Config
		want   string
	}{
		{Config{Limits: Limits{StateWrites: 100}, Ceilings: Limits{StateWrites: 99}}, "limit state_writes_per_call is 100, this platform allows 99"},
		{Config{Ceilings: Limits{MemoryPages: 65537}}, "limit memory is 4295032832 bytes, this platform allows 4294967296 bytes"},
		{Config{Ceilings: Limits{CallFuel: -5}}, "limit fuel_per_call is -5, it must not be negative"},
	} {
		if _, err := NewEngine(test.config); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
}

// All limits are looked at: a new field cannot be forgotten.
func TestEveryLimitHasItsCeiling(t *testing.T) {
	var l Limits
	seen := map[string]bool{}
	l.each(&Limits{}, &Limits{}, func(b bound) {
		b.set(1)
		seen[b.name] = true
	})
	value := reflect.ValueOf(l)
	for i := range value.NumField() {
		if value.Field(i).IsZero() {
			t.Errorf("%s is not looked at", value.Type().Field(i).Name)
		}
	}
	if len(seen) != value.NumField() {
		t.Errorf("%d names for %d limits", len(seen), value.NumField())
	}
}

// A module that has more at its start than an operator may have is not opened.
func TestModuleThatNeedsMoreThanItsOperatorMayHave(t *testing.T) {
	engine := newEngine(t, Config{Ceilings: Limits{TableElements: 2_000_000}})
	module := load(t, engine, "table-too-large", assemble(t, "table-too-large"))
	_, err := module.Open(context.Background(), OpenConfig{UID: "u1"})
	wantGuestError(t, err, KindTable, -1, "table limit: the module asks for 1000000 elements of tables at least, the limit is 262144")
	open(t, module, OpenConfig{Limits: Limits{TableElements: 1_000_000}})
	module = load(t, engine, "passthrough", assemble(t, "passthrough"))
	_, err = module.Open(context.Background(), OpenConfig{UID: "u1", Limits: Limits{MemoryPages: 1}})
	wantGuestError(t, err, KindMemory, -1, "memory limit: the module asks for 2 pages of 64 KiB at least, the limit is 1")
}
