package wasm

import (
	"encoding/binary"

	"github.com/turgo-stream/turgo/abi"
)

// The host functions of keyed state. Each finds its key by the record in hand.

// stateKinds is a set of kinds of state, a bit for each.
type stateKinds uint8

const (
	valueState stateKinds = 1 << iota
	listState
	mapState
)

// kindsOf is the kind of each state: a call compares no names.
func kindsOf(states []abi.StateDescription) []stateKinds {
	names := map[string]stateKinds{"value": valueState, "list": listState, "map": mapState}
	kinds := make([]stateKinds, len(states))
	for i := range states {
		kinds[i] = names[states[i].Kind]
	}
	return kinds
}

// declared checks that a state of one of the kinds is declared and sets the key.
func (o *Operator) declared(name string, state uint64, kinds stateKinds) int {
	o.enter(name, inProcess)
	index := int(uint32(state))
	if index >= len(o.kinds) || o.kinds[index]&kinds == 0 {
		o.undeclared(name, index)
	}
	o.key(name)
	return index
}

func (o *Operator) undeclared(name string, index int) {
	states := o.description.States
	if index >= len(states) {
		o.abortRule(KindProtocol, RuleDeclared, name, "%s: state %d is not declared, there are %d", name, index, len(states))
	}
	o.abortRule(KindProtocol, RuleDeclared, name, "%s: state %d (%s) is declared as a %s", name, index, states[index].Name, states[index].Kind)
}

// written counts the writes that a call stages, and their bytes.
func (o *Operator) written(name string, n int) {
	if o.stateWrites++; o.stateWrites > o.limits.StateWrites {
		o.abort(KindState, "%s: the call makes more than %d writes of state", name, o.limits.StateWrites)
	}
	o.stateBytes += int64(n)
	if o.stateBytes > o.limits.StateBytes {
		o.abort(KindState, "%s: the call writes more than %d bytes of state", name, o.limits.StateBytes)
	}
}

// entryOverhead is what a staged entry takes besides its bytes.
const entryOverhead = 64

// giveValue copies a value to the guest where it fits, and its length anyway.
func (o *Operator) giveValue(name string, stack []uint64, pointer, capacity uint64, value []byte, version uint16, found bool, err error) {
	if err != nil {
		o.abortState(err)
	}
	target := o.view(name, pointer, capacity)
	if !found {
		stack[0] = ^uint64(0)
		return
	}
	switch {
	case len(value) == 8 && len(target) >= 8: // a number: it needs no call
		binary.LittleEndian.PutUint64(target, binary.LittleEndian.Uint64(value))
	case len(value) <= len(target):
		copy(target, value)
	}
	stack[0] = uint64(version)<<32 | uint64(len(value))
}

func (o *Operator) stateGet(stack []uint64) {
	state := o.declared("state_get", stack[0], valueState)
	value, version, found, err := o.state.ValueGet(state)
	o.giveValue("state_get", stack, stack[1], stack[2], value, version, found, err)
}

func (o *Operator) statePut(stack []uint64) {
	state := o.declared("state_put", stack[0], valueState)
	value := o.view("state_put", stack[1], stack[2])
	o.written("state_put", len(value)+entryOverhead)
	if err := o.state.ValuePut(state, value); err != nil {
		o.abortState(err)
	}
}

func (o *Operator) stateClear(stack []uint64) {
	state := o.declared("state_clear", stack[0], valueState|listState|mapState)
	o.written("state_clear", entryOverhead)
	if err := o.state.Clear(state); err != nil {
		o.abortState(err)
	}
}

func (o *Operator) listAppend(stack []uint64) {
	state := o.declared("list_append", stack[0], listState)
	value := o.view("list_append", stack[1], stack[2])
	o.written("list_append", len(value)+entryOverhead)
	if err := o.state.ListAppend(state, value); err != nil {
		o.abortState(err)
	}
}

func (o *Operator) mapGet(stack []uint64) {
	state := o.declared("map_get", stack[0], mapState)
	key := o.view("map_get", stack[1], stack[2])
	value, version, found, err := o.state.MapGet(state, key)
	o.giveValue("map_get", stack, stack[3], stack[4], value, version, found, err)
}

func (o *Operator) mapPut(stack []uint64) {
	state := o.declared("map_put", stack[0], mapState)
	key := o.view("map_put", stack[1], stack[2])
	value := o.view("map_put", stack[3], stack[4])
	o.written("map_put", len(key)+len(value)+entryOverhead)
	if err := o.state.MapPut(state, key, value); err != nil {
		o.abortState(err)
	}
}

func (o *Operator) mapDelete(stack []uint64) {
	state := o.declared("map_delete", stack[0], mapState)
	key := o.view("map_delete", stack[1], stack[2])
	o.written("map_delete", len(key)+entryOverhead)
	if err := o.state.MapDelete(state, key); err != nil {
		o.abortState(err)
	}
}

// scan writes entries of a list or map into the guest's memory. Its callbacks
// are made once: a closure for each call would be an allocation.
type scan struct {
	target    []byte
	used      int
	count     uint32
	need      int // bytes of the first entry that does not fit
	listEntry func(cursor uint64, version uint16, value []byte) bool
	mapEntry  func(key []byte, version uint16, value []byte) bool
}

const (
	listEntryHead = 16
	mapEntryHead  = 12
)

func (s *scan) bind() {
	s.listEntry = func(cursor uint64, version uint16, value []byte) bool {
		to := s.room(listEntryHead + len(value))
		if to == nil {
			return false
		}
		binary.LittleEndian.PutUint64(to, cursor)
		binary.LittleEndian.PutUint32(to[8:], uint32(len(value)))
		binary.LittleEndian.PutUint32(to[12:], uint32(version))
		copy(to[listEntryHead:], value)
		return true
	}
	s.mapEntry = func(key []byte, version uint16, value []byte) bool {
		to := s.room(mapEntryHead + len(key) + len(value))
		if to == nil {
			return false
		}
		binary.LittleEndian.PutUint32(to, uint32(len(key)))
		binary.LittleEndian.PutUint32(to[4:], uint32(len(value)))
		binary.LittleEndian.PutUint32(to[8:], uint32(version))
		copy(to[mapEntryHead:], key)
		copy(to[mapEntryHead+len(key):], value)
		return true
	}
}

func (s *scan) begin(target []byte) { s.target, s.used, s.count, s.need = target, 0, 0, 0 }

// room takes the next n bytes of the target, nil where they are not there.
func (s *scan) room(n int) []byte {
	if n > len(s.target)-s.used {
		s.need = n
		return nil
	}
	to := s.target[s.used : s.used+n]
	s.used += n
	s.count++
	return to
}

func (s *scan) result() uint64 {
	if s.count == 0 {
		return uint64(s.need)
	}
	return uint64(s.count)<<32 | uint64(s.used)
}

func (o *Operator) listRead(stack []uint64) {
	state := o.declared("list_read", stack[0], listState)
	o.scan.begin(o.view("list_read", stack[2], stack[3]))
	if err := o.state.ListRead(state, stack[1], o.scan.listEntry); err != nil {
		o.abortState(err)
	}
	stack[0] = o.scan.result()
}

// scanFromFirst is the length that stands for no after key.
const scanFromFirst = 0xffffffff

func (o *Operator) mapScan(stack []uint64) {
	state := o.declared("map_scan", stack[0], mapState)
	var after []byte
	if uint32(stack[2]) != scanFromFirst {
		after = o.view("map_scan", stack[1], stack[2])
	}
	o.scan.begin(o.view("map_scan", stack[3], stack[4]))
	if err := o.state.MapScan(state, after, o.scan.mapEntry); err != nil {
		o.abortState(err)
	}
	stack[0] = o.scan.result()
}
