package wasm

import (
	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
)

// prefetches lists the states that are read for all keys of a batch before the
// guest is called.
func prefetches(d *abi.OperatorDescription) []int {
	var states []int
	for i := range d.States {
		if d.States[i].Prefetch && d.States[i].Kind == "value" {
			states = append(states, i)
		}
	}
	return states
}

// prefetch brings near what the guest will probably read for a batch.
func (o *Operator) prefetch(batch record.Batch) error {
	if len(o.prefetches) == 0 || batch.Count() == 0 {
		return nil
	}
	err := o.state.Prefetch(o.prefetches, func(yield func([]byte) bool) {
		for records := batch.Records(); records.Next(); {
			if !yield(records.Record().Key()) {
				return
			}
		}
	})
	if err != nil {
		return o.stateFault(err)
	}
	return nil
}
