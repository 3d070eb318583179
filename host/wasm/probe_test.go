package wasm

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/turgo-stream/turgo/abi/record"
)

func TestLoadTellsWhichPartIsWrong(t *testing.T) {
	engine := newEngine(t, Config{})
	for guest, want := range map[string]Part{
		"feature-threads": PartFormat, "names-added-global": PartFormat,
		"unknown-import": PartImports, "unknown-module": PartImports, "imports-memory": PartImports, "import-signature": PartImports,
		"lacks-export": PartExports, "no-memory": PartExports, "memory-not-exported": PartExports, "description-timers": PartExports,
		"description-abi": PartDescription, "description-not-json": PartDescription, "description-out-of-range": PartDescription,
	} {
		_, err := engine.Load(context.Background(), "m.wasm", assemble(t, guest))
		var fault *ModuleError
		if !errors.As(err, &fault) || fault.Part != want {
			t.Errorf("%s: %v, want the part %s", guest, err, want)
		}
	}
}

func TestErrorsTellTheRule(t *testing.T) {
	engine := newEngine(t, Config{})
	for guest, want := range map[string]struct {
		rule Rule
		call string
	}{
		"malformed-output": {RuleBatch, "emit"}, "origin-out-of-range": {RuleBatch, "emit"}, "undeclared-output": {RuleDeclared, "emit"},
		"status": {RuleStatus, ""}, "buffer-out-of-range": {RuleBuffer, ""}, "no-buffer": {RuleBuffer, ""},
		"emits-in-open": {RulePhase, "emit"}, "control-out-of-range": {RuleControl, ""}, "loops-in-host": {"", ""},
	} {
		operator, err := load(t, engine, guest, assemble(t, guest)).Open(context.Background(), OpenConfig{Limits: Limits{CallDuration: 1e8}})
		if err == nil {
			err = operator.Process(0, batchOf("a"), 0, 0, func(int, record.Batch) {})
		}
		var fault *GuestError
		if !errors.As(err, &fault) || fault.Rule != want.rule || fault.Call != want.call {
			t.Errorf("%s: %v: %+v, want the rule %q and the call %q", guest, err, fault, want.rule, want.call)
		}
	}
}

func TestProbe(t *testing.T) {
	operator := open(t, load(t, newEngine(t, Config{}), "passthrough", assemble(t, "passthrough")), OpenConfig{RequestFields: map[string]any{"zone": "x", "uid": "not this"}})
	if request := string(operator.openRequest); request != `{"config":{},"parallelism":0,"subtask":0,"uid":"","zone":"x"}` {
		t.Error(request)
	}
	probe := operator.Probe()
	text, err := probe.Describe()
	if err != nil || !bytes.Contains(text, []byte(`"abi":"turgo_v1"`)) {
		t.Fatal(string(text), err)
	}
	address, err := probe.Buffer(1<<20, 0xaa)
	if err != nil || !bytes.Equal(operator.memory.bytes[address:][:1<<20], bytes.Repeat([]byte{0xaa}, 1<<20)) {
		t.Fatal(address, err)
	}
	if now, length := probe.BufferNow(); now != address || length != 1<<20 {
		t.Fatal(now, length)
	}
	if err := operator.Process(0, batchOf("a", "b"), 7, 8, func(int, record.Batch) {}); err != nil {
		t.Fatal(err)
	}
	control, err := probe.Control()
	if err != nil || control.Watermark != 7 || control.ProcessingTime != 8 || control.Hand != 0xffffffff || control.Address != operator.control {
		t.Fatalf("%+v %v", control, err)
	}
	if err := probe.Forget(); err != nil {
		t.Fatal(err)
	}
	if control, err = probe.Control(); err != nil || control.Watermark == 7 {
		t.Fatalf("%+v %v", control, err)
	}
	if err := operator.Close(); err != nil {
		t.Fatal(err)
	}
	if err := probe.Forget(); !errors.Is(err, errClosed) {
		t.Fatal(err)
	}
	if _, err := probe.Describe(); !errors.Is(err, errClosed) {
		t.Fatal(err)
	}
}
