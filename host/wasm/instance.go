package wasm

import (
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/host/wasm/internal/instrument"
)

// guestContext is how host functions find their operator. It must be the
// outermost context of every call into a guest.
type guestContext struct {
	context.Context
	operator *Operator
}

// instance is the part of an operator that a reset replaces or restores.
type instance struct {
	guest     api.Module
	context   *guestContext
	memory    *memory
	functions functions
	fuel      api.MutableGlobal
	changed   api.MutableGlobal
	depth     api.MutableGlobal
	tables    api.MutableGlobal // elements that tables may grow by
	refused   api.MutableGlobal // elements that a table wanted and did not get
	globals   []api.MutableGlobal
	saved     []uint64 // of globals, when the snapshot was taken
	control   uint32
	buffer    buffer
	fresh     buffer // buffer when the snapshot was taken
	deep      bool   // the call depth was exceeded
	broken    bool   // no call may follow
}

// functions are the guest's exports; nil where an optional one is missing.
type functions struct {
	initialize, describe, buffer, open, process, timers, aggregate, close api.Function
}

// buffer is where the guest takes its argument.
type buffer struct{ address, capacity uint32 }

// instantiate makes a new instance, without opening an operator in it.
func (o *Operator) instantiate(ctx context.Context) error {
	limit := uint64(o.limits.MemoryPages) * pageBytes
	if minimum := o.module.tableElements; minimum > o.limits.TableElements {
		return o.fault(KindTable, fmt.Sprintf("the module asks for %d elements of tables at least, the limit is %d", minimum, o.limits.TableElements))
	}
	if minimum := o.module.memoryPages; minimum > o.limits.MemoryPages {
		return o.fault(KindMemory, fmt.Sprintf("the module asks for %d pages of 64 KiB at least, the limit is %d", minimum, o.limits.MemoryPages))
	}
	memory, err := newMemory(limit)
	if err != nil {
		return &hostFault{err}
	}
	o.instance = instance{memory: memory}
	o.context = &guestContext{Context: experimental.WithMemoryAllocator(context.Background(), memory), operator: o}
	o.arm(phaseOpen)
	module, err := o.module.engine.runtime.InstantiateModule(o.context, o.module.compiled,
		wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		if lack := o.memory.lack(); lack != nil {
			err = lack
		} else {
			err = o.classify(err)
		}
		memory.Free()
		o.broken = true
		return err
	}
	o.guest = module
	o.bind()
	// What the start function grew tables by, within the ceiling, counts too.
	grown := o.module.engine.ceilings.TableElements - o.module.tableElements - uint32(o.tables.Get())
	if left := o.limits.TableElements - o.module.tableElements; grown <= left {
		o.tables.Set(uint64(left - grown))
	} else {
		err := o.fault(KindTable, fmt.Sprintf("the module's start makes %d elements of tables, the limit is %d", o.module.tableElements+grown, o.limits.TableElements))
		return errors.Join(err, o.destroy())
	}
	if err := ctx.Err(); err != nil {
		return errors.Join(&hostFault{err}, o.destroy())
	}
	if o.functions.initialize == nil {
		return nil
	}
	if err := o.invoke(phaseOpen, o.functions.initialize, nil); err != nil {
		return errors.Join(err, o.destroy())
	}
	return nil
}

// bind looks up the exports once: a look-up allocates.
func (o *Operator) bind() {
	m := o.guest
	o.functions = functions{
		initialize: m.ExportedFunction(abi.ExportInitialize.Name),
		describe:   m.ExportedFunction(abi.ExportDescribe.Name),
		buffer:     m.ExportedFunction(abi.ExportBuffer.Name),
		open:       m.ExportedFunction(abi.ExportOpen.Name),
		process:    m.ExportedFunction(abi.ExportProcess.Name),
		timers:     m.ExportedFunction(abi.ExportTimers.Name),
		aggregate:  m.ExportedFunction(abi.ExportAggregate.Name),
		close:      m.ExportedFunction(abi.ExportClose.Name),
	}
	global := func(name string) api.MutableGlobal { return m.ExportedGlobal(name).(api.MutableGlobal) }
	o.fuel, o.depth, o.changed = global(instrument.ExportFuel), global(instrument.ExportDepth), global(instrument.ExportChange)
	o.tables, o.refused = global(instrument.ExportTables), global(instrument.ExportRefused)
	o.depth.Set(uint64(o.limits.DepthBytes))
	o.instance.globals = o.instance.globals[:0]
	for _, name := range o.module.globals {
		o.instance.globals = append(o.instance.globals, global(name))
	}
}

// start makes an instance, opens the operator in it and takes the snapshot.
func (o *Operator) start(ctx context.Context) error {
	o.opening = true
	defer func() { o.opening = false }()
	o.processingTime = 0 // no time is there yet
	if err := o.instantiate(ctx); err != nil {
		return o.guestError(err)
	}
	if err := o.open(); err != nil {
		err = o.guestError(err)
		return errors.Join(err, o.destroy())
	}
	if err := o.snapshot(); err != nil {
		return errors.Join(err, o.destroy())
	}
	return nil
}

func (o *Operator) open() error {
	if err := o.place(o.openRequest); err != nil {
		return err
	}
	stack := []uint64{uint64(o.index), uint64(o.buffer.address), uint64(len(o.openRequest))}
	if err := o.invoke(phaseOpen, o.functions.open, stack); err != nil {
		return err
	}
	o.control = uint32(stack[0])
	switch {
	case o.declined != "":
		return o.fault(KindRefused, o.declined)
	case o.control == 0:
		return o.broke(RuleReason, KindRefused, "turgo_open returned 0 and gave no reason with fail")
	case uint64(o.control)+abi.ControlLength > uint64(len(o.memory.bytes)):
		address := o.control
		o.control = 0
		return o.broke(RuleControl, KindProtocol, "turgo_open: the control block at %d is outside the memory of %d bytes", address, len(o.memory.bytes))
	}
	return nil
}

// snapshot remembers the instance as it is now, for reset.
func (o *Operator) snapshot() error {
	if err := o.memory.takeSnapshot(); err != nil {
		return err
	}
	o.changed.Set(0)
	o.saved = o.saved[:0]
	for _, g := range o.instance.globals {
		o.saved = append(o.saved, g.Get())
	}
	o.fresh = o.buffer
	return nil
}

// reset brings the instance back to its snapshot, or makes a new one where it
// cannot: tables are out of reach.
func (o *Operator) reset() error {
	o.usage.resets.Add(1)
	restorable := !o.broken && !o.module.opaque && uint32(o.changed.Get()) == 0
	if restorable {
		var err error
		if restorable, err = o.memory.restore(o.guest.Memory()); err != nil {
			return fmt.Errorf("wasm: operator %s: restoring the guest's memory: %w", o.name, err)
		}
	}
	if restorable {
		for i, g := range o.instance.globals {
			g.Set(o.saved[i])
		}
		o.depth.Set(uint64(o.limits.DepthBytes))
		o.buffer = o.fresh
		if o.deep {
			o.bind() // the functions that overflowed keep their large stacks
			o.deep = false
		}
		return nil
	}
	o.usage.rebuilds.Add(1)
	if err := o.destroy(); err != nil {
		return err
	}
	return o.start(context.Background())
}

// destroy ends the instance.
func (o *Operator) destroy() error {
	if o.guest == nil {
		return nil
	}
	err := o.guest.Close(context.Background())
	o.guest, o.broken = nil, true
	o.memory.Free()
	return err
}
