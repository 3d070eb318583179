package wat_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/wasm"
)

func TestTheExampleIsThatOfTheSpecification(t *testing.T) {
	spec, err := os.ReadFile("../../abi/SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	operator, err := os.ReadFile("operator.wat")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(spec), "```wat\n"+string(operator)+"```") {
		t.Error("operator.wat is not the WAT example in abi/SPEC.md: copy one over the other")
	}
}

func TestTheExamplePassesRecordsOn(t *testing.T) {
	tool, err := exec.LookPath("wat2wasm")
	if err != nil {
		t.Fatalf("wat2wasm is missing, this test needs it: apt-get install wabt (%v)", err)
	}
	out := filepath.Join(t.TempDir(), "operator.wasm")
	if text, err := exec.Command(tool, "-o", out, "operator.wat").CombinedOutput(); err != nil {
		t.Fatalf("wat2wasm: %v\n%s", err, text)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := wasm.NewEngine(wasm.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	module, err := engine.Load(context.Background(), "wat", data)
	if err != nil {
		t.Fatal(err)
	}
	operator, err := module.Open(context.Background(), wasm.OpenConfig{UID: "pass", Parallelism: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer operator.Close()
	for _, size := range []int{3, 200_000} { // the second needs more memory than the module starts with
		var builder record.Builder
		for _, key := range []string{"a", "b", ""} {
			builder.Append(record.Record{Key: []byte(key), Value: make([]byte, size), Timestamp: 7, Origin: 99})
		}
		var got []string
		err := operator.Process(0, builder.Finish(), 0, 0, func(output int, batch record.Batch) {
			for c := batch.Records(); c.Next(); {
				v := c.Record()
				if len(v.Value()) != size || v.Timestamp() != 7 || int(v.Origin()) != len(got) {
					t.Errorf("record %d has %d bytes, timestamp %d, origin %d", len(got), len(v.Value()), v.Timestamp(), v.Origin())
				}
				got = append(got, string(v.Key()))
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Join(got, ",") != "a,b," {
			t.Errorf("keys %q", got)
		}
	}
}
