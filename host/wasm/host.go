package wasm

import (
	"context"

	"github.com/tetratelabs/wazero/api"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/host/wasm/internal/instrument"
)

// hostFunction is one function that guests may import. Parameters stand at
// the start of the stack, and the result takes the first place.
type hostFunction func(o *Operator, stack []uint64)

// Call finds the operator through the call's context: every call into a guest
// passes a *guestContext, so no look-up and no allocation is needed.
func (f hostFunction) Call(ctx context.Context, stack []uint64) {
	f(ctx.(*guestContext).operator, stack)
}

var abiFunctions = map[string]hostFunction{
	abi.ImportEmit.Name:        (*Operator).emit,
	abi.ImportFail.Name:        (*Operator).fail,
	abi.ImportStateGet.Name:    (*Operator).stateGet,
	abi.ImportStatePut.Name:    (*Operator).statePut,
	abi.ImportStateClear.Name:  (*Operator).stateClear,
	abi.ImportListAppend.Name:  (*Operator).listAppend,
	abi.ImportListRead.Name:    (*Operator).listRead,
	abi.ImportMapGet.Name:      (*Operator).mapGet,
	abi.ImportMapPut.Name:      (*Operator).mapPut,
	abi.ImportMapDelete.Name:   (*Operator).mapDelete,
	abi.ImportMapScan.Name:     (*Operator).mapScan,
	abi.ImportTimerSet.Name:    (*Operator).timerSet,
	abi.ImportTimerDelete.Name: (*Operator).timerDelete,
	abi.ImportLog.Name:         (*Operator).logLine,
	abi.ImportMetric.Name:      (*Operator).metric,
}

// hostSignatures is what guests may import: module, name, signature.
var hostSignatures = func() map[string]map[string]instrument.FunctionType {
	all := map[string]map[string]instrument.FunctionType{abi.ModuleName: {}, wasiModule: {}}
	for _, f := range abi.Imports {
		all[abi.ModuleName][f.Name] = binaryType(f.Signature)
	}
	for name, f := range wasiFunctions {
		all[wasiModule][name] = f.signature()
	}
	return all
}()

// instantiateHost makes the host modules that all guests of the engine share.
func (e *Engine) instantiateHost(ctx context.Context) error {
	add := func(module string, functions map[string]hostFunction, signatures map[string]instrument.FunctionType) error {
		builder := e.runtime.NewHostModuleBuilder(module)
		for name, f := range functions {
			s := signatures[name]
			builder.NewFunctionBuilder().WithGoFunction(f, s.Parameters, s.Results).Export(name)
		}
		_, err := builder.Instantiate(ctx)
		return err
	}
	if err := add(abi.ModuleName, abiFunctions, hostSignatures[abi.ModuleName]); err != nil {
		return err
	}
	wasi := map[string]hostFunction{}
	for name, f := range wasiFunctions {
		wasi[name] = f.call()
	}
	if err := add(wasiModule, wasi, hostSignatures[wasiModule]); err != nil {
		return err
	}
	refuel := map[string]hostFunction{instrument.ImportRefuel: (*Operator).refuel}
	signature := binaryType(abi.Signature{Parameters: []abi.ValueType{abi.I64, abi.I64}, Results: []abi.ValueType{abi.I64}})
	return add(instrument.ImportModule, refuel, map[string]instrument.FunctionType{instrument.ImportRefuel: signature})
}

var _ api.GoFunction = hostFunction(nil)

// enter is what every host function of the ABI does first: it checks that the
// guest may call it now, and from time to time the deadline, so that a guest
// that spends its time in host functions is bounded too.
func (o *Operator) enter(name string, allowed phases) {
	if o.hostCalls++; o.hostCalls%deadlineChecks == 0 {
		o.checkDeadline()
	}
	if allowed&(1<<o.phase) == 0 {
		o.abortRule(KindProtocol, RulePhase, name, "%s: must not be called here", name)
	}
}

// took counts the bytes that host calls work on: large ones take time too.
func (o *Operator) took(n uint64) {
	if o.hostBytes += n; o.hostBytes > deadlineBytes {
		o.hostBytes = 0
		o.checkDeadline()
	}
}

// view is a piece of the guest's memory, valid until the guest runs again.
func (o *Operator) view(name string, pointer, length uint64) []byte {
	start, end := uint64(uint32(pointer)), uint64(uint32(pointer))+uint64(uint32(length))
	if end > uint64(len(o.memory.bytes)) {
		o.abortRule(KindProtocol, RuleMemory, name, "%s: bytes %d to %d are outside the memory of %d bytes", name, start, end, len(o.memory.bytes))
	}
	o.took(end - start)
	return o.memory.bytes[start:end:end]
}
