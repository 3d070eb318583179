package turgo

import (
	"math"
	"unsafe"
)

// The batch layout and the control block, as SPEC.md gives them. They are
// repeated here because package abi would bring encoding/json and fmt into
// every guest; a test compares them.
const (
	moduleName   = "turgo_v1"
	headerLength = 24
	fixedLength  = 28
	headerMagic  = 'T' | 'R'<<8 | 'G'<<16 | 'B'<<24
	version      = 1

	flagKeyNull   = 1 << 0
	flagValueNull = 1 << 1
	kindShift     = 2

	noHand = math.MaxUint32
)

// control is the control block that the host shares with the guest.
type control struct {
	hand           uint32
	_              uint32
	watermark      int64
	processingTime int64
	_              int64
}

func load16(p unsafe.Pointer, offset uintptr) uint16 { return *(*uint16)(unsafe.Add(p, offset)) }
func load32(p unsafe.Pointer, offset uintptr) uint32 { return *(*uint32)(unsafe.Add(p, offset)) }
func load64(p unsafe.Pointer, offset uintptr) uint64 { return *(*uint64)(unsafe.Add(p, offset)) }

func store32(p unsafe.Pointer, offset uintptr, v uint32) { *(*uint32)(unsafe.Add(p, offset)) = v }
func store64(p unsafe.Pointer, offset uintptr, v uint64) { *(*uint64)(unsafe.Add(p, offset)) = v }
