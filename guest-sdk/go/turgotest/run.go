package turgotest

import (
	"slices"
	"testing"

	turgo "github.com/turgo-stream/turgo/guest-sdk/go"
)

// Mode is how the harness runs an operator.
type Mode int

// The modes.
const (
	// Whole runs batches as they are sent, in one instance.
	Whole Mode = iota
	// Restored drops the instance before every call and opens another with a copy
	// of the state.
	Restored
	// SingleRecords gives each record in a call of its own.
	SingleRecords
)

func (m Mode) String() string { return []string{"whole", "restored", "single records"}[m] }

// Run plays a scenario in every mode, as a subtest each, and compares what each
// output emitted in all.
func Run(t *testing.T, create func() turgo.Operator, scenario func(h *Harness)) {
	t.Helper()
	RunWith(t, Options{}, create, scenario)
}

// RunWith is Run with options.
func RunWith(t *testing.T, options Options, create func() turgo.Operator, scenario func(h *Harness)) {
	t.Helper()
	var whole *Harness
	for _, mode := range []Mode{Whole, Restored, SingleRecords} {
		t.Run(mode.String(), func(t *testing.T) {
			h := New(t, create, mode, options)
			scenario(h)
			h.instance.Close()
			if whole == nil {
				whole = h
				return
			}
			for i := range h.outputs {
				if !slices.EqualFunc(h.outputs[i].all, whole.outputs[i].all, Record.equal) {
					t.Errorf("output %s differs from that of the whole run:\n got %v\nwant %v",
						h.description.Outputs[i].Name, h.outputs[i].all, whole.outputs[i].all)
				}
			}
		})
	}
}
