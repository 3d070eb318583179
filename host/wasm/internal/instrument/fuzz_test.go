package instrument

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// FuzzInstrument feeds any bytes. Parse and Instrument must not panic, and must
// not make a valid module of an invalid one, nor the reverse.
func FuzzInstrument(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(specificationFolder(f), "*.wasm"))
	if err != nil {
		f.Fatal(err)
	}
	for i, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			f.Fatal(err)
		}
		if i%7 != 0 || info.Size() > 2000 {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	ctx := context.Background()
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(api.CoreFeaturesV2))
	valid := func(data []byte) bool {
		compiled, err := runtime.CompileModule(ctx, data)
		if err != nil {
			return false
		}
		return compiled.Close(ctx) == nil
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, wrapsAll := range []bool{false, true} {
			rewritten, err := instrumentedWith(data, wrapsAll)
			if err != nil {
				return
			}
			if len(rewritten) > 200*len(data)+1000 {
				t.Fatalf("%d bytes become %d", len(data), len(rewritten))
			}
			if was, is := valid(withoutCustom(data)), valid(rewritten); was != is {
				t.Fatalf("valid was %v, is %v", was, is)
			}
		}
	})
}

// withoutCustom drops the custom sections of a module that can be parsed: what
// is wrong in them makes no module invalid, and Instrument drops them too.
func withoutCustom(data []byte) []byte {
	out := append([]byte(nil), data[:8]...)
	for r := (reader{data: data, pos: 8}); r.more(); {
		start := r.pos
		id := r.byte()
		r.bytes(r.u32())
		if id != sectionCustom {
			out = append(out, data[start:r.pos]...)
		}
	}
	return out
}
