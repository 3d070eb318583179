package turgo

import (
	"testing"
	"unsafe"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
)

// The SDK repeats the layout, since package abi would make modules larger.
func TestTheLayoutIsThatOfTheABI(t *testing.T) {
	var c control
	for _, check := range []struct {
		what      string
		got, want uint64
	}{
		{"header length", headerLength, record.HeaderLength},
		{"fixed length", fixedLength, record.FixedLength},
		{"version", version, record.Version},
		{"no hand", noHand, abi.NoHand},
		{"length of the control block", uint64(unsafe.Sizeof(c)), abi.ControlLength},
		{"offset of the hand", uint64(unsafe.Offsetof(c.hand)), abi.ControlHand},
		{"offset of the watermark", uint64(unsafe.Offsetof(c.watermark)), abi.ControlWatermark},
		{"offset of the processing time", uint64(unsafe.Offsetof(c.processingTime)), abi.ControlProcessingTime},
		{"kind delete", uint64(Delete), uint64(record.Delete)},
	} {
		if check.got != check.want {
			t.Errorf("%s is %d, the ABI says %d", check.what, check.got, check.want)
		}
	}
	if moduleName != abi.ModuleName {
		t.Errorf("module name is %q, the ABI says %q", moduleName, abi.ModuleName)
	}
	if timestamp := int64(NoTimestamp); timestamp != record.NoTimestamp {
		t.Errorf("no timestamp is %d, the ABI says %d", timestamp, int64(record.NoTimestamp))
	}
	if WatermarkMin != abi.WatermarkMin || WatermarkMax != abi.WatermarkMax {
		t.Error("the bounds of watermarks differ from the ABI's")
	}
}
