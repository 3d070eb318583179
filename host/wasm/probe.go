package wasm

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/turgo-stream/turgo/abi"
)

// Probe looks at what an open operator shows only to its host, and calls its
// exports out of turn: for suites that check guests. No job needs it.
type Probe struct{ o *Operator }

// Probe gives the operator's probe.
func (o *Operator) Probe() Probe { return Probe{o} }

// Control is the control block as it stands in the guest's memory, and where.
type Control struct {
	Address        uint32
	Hand           uint32
	Watermark      int64
	ProcessingTime int64
}

var errClosed = errors.New("wasm: the operator is closed")

// ready makes an instance where the last reset could not.
func (p Probe) ready() error {
	if p.o.closed {
		return errClosed
	}
	if !p.o.broken {
		return nil
	}
	return p.o.guestError(p.o.reset())
}

// Control reads the control block.
func (p Probe) Control() (Control, error) {
	if err := p.ready(); err != nil {
		return Control{}, err
	}
	block := p.o.memory.bytes[p.o.control:]
	return Control{
		Address:        p.o.control,
		Hand:           binary.LittleEndian.Uint32(block[abi.ControlHand:]),
		Watermark:      int64(binary.LittleEndian.Uint64(block[abi.ControlWatermark:])),
		ProcessingTime: int64(binary.LittleEndian.Uint64(block[abi.ControlProcessingTime:])),
	}, nil
}

// Forget sets memory and globals back to what they were after turgo_open, as the
// host may after any call.
func (p Probe) Forget() error {
	if p.o.closed {
		return errClosed
	}
	return p.o.guestError(p.o.reset())
}

// LimitFuel gives the calls from now on that fuel, and not what the limits say.
func (p Probe) LimitFuel(fuel int64) { p.o.limits.CallFuel = fuel }

// Describe calls turgo_describe, and gives the bytes of the description.
func (p Probe) Describe() ([]byte, error) {
	if err := p.ready(); err != nil {
		return nil, err
	}
	text, err := p.o.callDescribe()
	if err != nil {
		return nil, p.after(err)
	}
	return append([]byte{}, text...), nil
}

// Buffer calls turgo_buffer, whether the buffer is large enough or not, and
// fills what it gives with a byte. The operator's calls use that buffer from then on.
func (p Probe) Buffer(length uint32, fill byte) (address uint32, err error) {
	if err := p.ready(); err != nil {
		return 0, err
	}
	if err := p.o.askBuffer(length); err != nil {
		return 0, p.after(err)
	}
	at := p.o.memory.bytes[p.o.buffer.address:][:length]
	for i := range at {
		at[i] = fill
	}
	return p.o.buffer.address, nil
}

// BufferNow is the buffer that calls use: where it lies and how long it is.
func (p Probe) BufferNow() (address, length uint32) { return p.o.buffer.address, p.o.buffer.capacity }

// after makes the instance usable after an export failed.
func (p Probe) after(err error) error {
	err = p.o.guestError(err)
	if resetError := p.o.reset(); resetError != nil {
		return fmt.Errorf("%w; %w", err, p.o.guestError(resetError))
	}
	return err
}
