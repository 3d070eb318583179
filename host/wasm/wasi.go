package wasm

import (
	"encoding/binary"
	"strings"

	"github.com/turgo-stream/turgo/host/wasm/internal/instrument"
)

// wasiModule is what toolchains import from for the operating system. Guests
// have none: the functions that runtimes need at their start or to print are
// answered here, the others say that they do not exist.
const wasiModule = "wasi_snapshot_preview1"

// Error numbers of WASI.
const (
	errnoSuccess = 0
	errnoBadf    = 8
	errnoFault   = 21
	errnoInval   = 28
	errnoNosys   = 52
)

// wasiFunction is one function: its parameters, i for i32 and l for i64, and
// what it does; nil answers that it does not exist. It returns an error
// number, unless noResult is set.
type wasiFunction struct {
	parameters string
	do         func(o *Operator, p []uint64) uint32
	noResult   bool
}

var wasiFunctions = map[string]wasiFunction{
	"args_get":                {parameters: "ii", do: wasiEmptyList},
	"args_sizes_get":          {parameters: "ii", do: wasiEmptySizes},
	"environ_get":             {parameters: "ii", do: wasiEmptyList},
	"environ_sizes_get":       {parameters: "ii", do: wasiEmptySizes},
	"clock_res_get":           {parameters: "ii", do: wasiClockResolution},
	"clock_time_get":          {parameters: "ili", do: wasiClockTime},
	"fd_advise":               {parameters: "illi", do: wasiBadDescriptor},
	"fd_allocate":             {parameters: "ill", do: wasiBadDescriptor},
	"fd_close":                {parameters: "i", do: wasiBadDescriptor},
	"fd_datasync":             {parameters: "i", do: wasiBadDescriptor},
	"fd_fdstat_get":           {parameters: "ii", do: wasiDescriptorStatus},
	"fd_fdstat_set_flags":     {parameters: "ii", do: wasiSetFlags},
	"fd_fdstat_set_rights":    {parameters: "ill", do: wasiBadDescriptor},
	"fd_filestat_get":         {parameters: "ii", do: wasiBadDescriptor},
	"fd_filestat_set_size":    {parameters: "il", do: wasiBadDescriptor},
	"fd_filestat_set_times":   {parameters: "illi", do: wasiBadDescriptor},
	"fd_pread":                {parameters: "iiili", do: wasiBadDescriptor},
	"fd_prestat_dir_name":     {parameters: "iii", do: wasiBadDescriptor},
	"fd_prestat_get":          {parameters: "ii", do: wasiBadDescriptor},
	"fd_pwrite":               {parameters: "iiili", do: wasiBadDescriptor},
	"fd_read":                 {parameters: "iiii", do: wasiRead},
	"fd_readdir":              {parameters: "iiili", do: wasiBadDescriptor},
	"fd_renumber":             {parameters: "ii", do: wasiBadDescriptor},
	"fd_seek":                 {parameters: "ilii", do: wasiBadDescriptor},
	"fd_sync":                 {parameters: "i", do: wasiBadDescriptor},
	"fd_tell":                 {parameters: "ii", do: wasiBadDescriptor},
	"fd_write":                {parameters: "iiii", do: wasiWrite},
	"path_create_directory":   {parameters: "iii", do: wasiBadDescriptor},
	"path_filestat_get":       {parameters: "iiiii", do: wasiBadDescriptor},
	"path_filestat_set_times": {parameters: "iiiilli", do: wasiBadDescriptor},
	"path_link":               {parameters: "iiiiiii", do: wasiBadDescriptor},
	"path_open":               {parameters: "iiiiillii", do: wasiBadDescriptor},
	"path_readlink":           {parameters: "iiiiii", do: wasiBadDescriptor},
	"path_remove_directory":   {parameters: "iii", do: wasiBadDescriptor},
	"path_rename":             {parameters: "iiiiii", do: wasiBadDescriptor},
	"path_symlink":            {parameters: "iiiii", do: wasiBadDescriptor},
	"path_unlink_file":        {parameters: "iii", do: wasiBadDescriptor},
	"poll_oneoff":             {parameters: "iiii", do: wasiPoll},
	"proc_exit":               {parameters: "i", do: wasiExit, noResult: true},
	"proc_raise":              {parameters: "i"},
	"random_get":              {parameters: "ii", do: wasiRandom},
	"sched_yield":             {parameters: "", do: wasiYield},
	"sock_accept":             {parameters: "iii"},
	"sock_recv":               {parameters: "iiiiii"},
	"sock_send":               {parameters: "iiiii"},
	"sock_shutdown":           {parameters: "ii"},
}

func (f wasiFunction) signature() instrument.FunctionType {
	types := []byte(strings.NewReplacer("i", "\x7f", "l", "\x7e").Replace(f.parameters))
	if f.noResult {
		return instrument.FunctionType{Parameters: types}
	}
	return instrument.FunctionType{Parameters: types, Results: []byte{0x7f}}
}

func (f wasiFunction) call() hostFunction {
	do := f.do
	if do == nil {
		do = func(*Operator, []uint64) uint32 { return errnoNosys }
	}
	if f.noResult {
		return func(o *Operator, stack []uint64) { do(o, stack) }
	}
	return func(o *Operator, stack []uint64) {
		if o.hostCalls++; o.hostCalls%deadlineChecks == 0 {
			o.checkDeadline()
		}
		stack[0] = uint64(do(o, stack))
	}
}

// piece is a part of the guest's memory, nil where it is not inside.
func (o *Operator) piece(pointer, length uint64) []byte {
	start, end := uint64(uint32(pointer)), uint64(uint32(pointer))+uint64(uint32(length))
	if end > uint64(len(o.memory.bytes)) {
		return nil
	}
	o.took(end - start)
	return o.memory.bytes[start:end:end]
}

func (o *Operator) giveWord(pointer uint64, value uint32) uint32 {
	to := o.piece(pointer, 4)
	if to == nil {
		return errnoFault
	}
	binary.LittleEndian.PutUint32(to, value)
	return errnoSuccess
}

func (o *Operator) giveLong(pointer uint64, value uint64) uint32 {
	to := o.piece(pointer, 8)
	if to == nil {
		return errnoFault
	}
	binary.LittleEndian.PutUint64(to, value)
	return errnoSuccess
}

func wasiEmptyList(*Operator, []uint64) uint32 { return errnoSuccess }

func wasiEmptySizes(o *Operator, p []uint64) uint32 {
	if errno := o.giveWord(p[0], 0); errno != errnoSuccess {
		return errno
	}
	return o.giveWord(p[1], 0)
}

func wasiBadDescriptor(*Operator, []uint64) uint32 { return errnoBadf }

// wasiDescriptorStatus tells that 0, 1 and 2 are character devices, without
// rights but writing.
func wasiDescriptorStatus(o *Operator, p []uint64) uint32 {
	if uint32(p[0]) > 2 {
		return errnoBadf
	}
	to := o.piece(p[1], 24)
	if to == nil {
		return errnoFault
	}
	clear(to)
	to[0] = 2 // character device
	if uint32(p[0]) > 0 {
		binary.LittleEndian.PutUint64(to[8:], 1<<6) // may write
	}
	return errnoSuccess
}

func wasiSetFlags(_ *Operator, p []uint64) uint32 {
	if uint32(p[0]) > 2 {
		return errnoBadf
	}
	return errnoSuccess
}

// wasiRead finds standard input at its end.
func wasiRead(o *Operator, p []uint64) uint32 {
	if uint32(p[0]) != 0 {
		return errnoBadf
	}
	return o.giveWord(p[3], 0)
}

// wasiVectorsMax bounds the pieces of one write.
const wasiVectorsMax = 1024

// wasiWrite writes to the operator's log.
func wasiWrite(o *Operator, p []uint64) uint32 {
	descriptor := uint32(p[0])
	if descriptor != 1 && descriptor != 2 {
		return errnoBadf
	}
	if uint32(p[2]) > wasiVectorsMax {
		return errnoInval
	}
	vectors := o.piece(p[1], 8*uint64(uint32(p[2])))
	if vectors == nil && uint32(p[2]) > 0 {
		return errnoFault
	}
	written := uint32(0)
	for ; len(vectors) > 0; vectors = vectors[8:] {
		data := o.piece(uint64(binary.LittleEndian.Uint32(vectors)), uint64(binary.LittleEndian.Uint32(vectors[4:])))
		if data == nil {
			return errnoFault
		}
		o.log.print(int(descriptor-1), data)
		written += uint32(len(data))
	}
	if o.trial && o.phase == phaseProcess && o.memory.refused == 0 && o.log.givesUp() {
		o.abort(KindTrap, "the guest gave up")
	}
	return o.giveWord(p[3], written)
}

func wasiYield(*Operator, []uint64) uint32 { return errnoSuccess }

// wasiExit ends the call: the instance is the host's to close.
func wasiExit(o *Operator, p []uint64) uint32 {
	o.abort(KindTrap, "the guest exited with the status %d", uint32(p[0]))
	return 0
}
