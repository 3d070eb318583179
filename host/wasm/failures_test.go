package wasm

import (
	"slices"
	"testing"

	"github.com/turgo-stream/turgo/abi/record"
)

func TestGoGuestFailsARecordAndGoesOn(t *testing.T) {
	operator := openMisbehave(t, nil)
	got := do(t, operator, 1, "fine", "fail", "fine", "fail")
	if !slices.Equal(got, []string{"", ""}) && len(got) != 2 {
		t.Errorf("the others gave %q", got)
	}
	var failed []int
	for _, f := range operator.Failures() {
		if f.Error.Reason != "not to my taste" {
			t.Errorf("%+v", f)
		}
		failed = append(failed, f.Index)
	}
	if !slices.Equal(failed, []int{1, 3}) {
		t.Errorf("failed %v, want 1 and 3", failed)
	}
	if do(t, operator, 1, "calls"); len(operator.Failures()) != 0 {
		t.Errorf("failures of an earlier call: %v", operator.Failures())
	}
}

// steps makes a batch for the guest steps: each value is what it does with the
// record in hand, see its source.
func steps(values ...string) record.Batch {
	var b record.Builder
	for i, value := range values {
		b.Append(record.Record{Key: []byte{'a' + byte(i%3)}, Value: []byte(value), Origin: uint32(i)})
	}
	return b.Finish()
}
