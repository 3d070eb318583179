package instrument

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// bulkModule exports copy and fill, which are the instructions on their three
// parameters, and a memory of 8 MiB.
func bulkModule() []byte {
	out := append([]byte(nil), preamble...)
	out = appendSection(out, sectionType, []byte{1, 0x60, 3, typeI32, typeI32, typeI32, 0})
	out = appendSection(out, sectionFunction, []byte{2, 0, 0})
	out = appendSection(out, sectionMemory, []byte{1, 0, 0x80, 1})
	out = appendSection(out, sectionExport, []byte("\x03\x04copy\x00\x00\x04fill\x00\x01\x06memory\x02\x00"))
	body := func(instruction []byte) []byte {
		code := append([]byte{0, opLocalGet, 0, opLocalGet, 1, opLocalGet, 2}, instruction...)
		code = append(code, opEnd)
		return append([]byte{byte(len(code))}, code...)
	}
	return appendSection(out, sectionCode, append(append([]byte{2}, body(memoryCopy)...), body(memoryFill)...))
}

// Long copies and fills are made in pieces, between which the host has its
// turn, and do what they do as a whole: also where target and source overlap,
// and where they end outside of memory, when they do nothing.
func TestLongCopiesAreMadeInPieces(t *testing.T) {
	const memory = 8 << 20
	ctx := context.Background()
	data := bulkModule()
	rewritten, err := instrumented(data)
	if err != nil {
		t.Fatal(err)
	}
	turns := 0
	open := func(data []byte) api.Module {
		runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler())
		t.Cleanup(func() {
			if err := runtime.Close(ctx); err != nil {
				t.Error(err)
			}
		})
		refuel := api.GoFunc(func(_ context.Context, stack []uint64) {
			turns++
			stack[0] = 1 << 60
		})
		i64 := api.ValueTypeI64
		_, err := runtime.NewHostModuleBuilder(ImportModule).NewFunctionBuilder().
			WithGoFunction(refuel, []api.ValueType{i64, i64}, []api.ValueType{i64}).Export(ImportRefuel).Instantiate(ctx)
		if err != nil {
			t.Fatal(err)
		}
		module, err := runtime.Instantiate(ctx, data)
		if err != nil {
			t.Fatal(err)
		}
		return module
	}
	plain, metered := open(data), open(rewritten)
	view := func(m api.Module) []byte {
		view, _ := m.Memory().Read(0, memory)
		return view
	}
	random := rand.New(rand.NewPCG(7, 8))
	for i := range memory {
		view(plain)[i] = byte(random.Uint32())
	}
	copy(view(metered), view(plain))
	sizes := []uint64{0, 1, pieceBytes - 1, pieceBytes, pieceBytes + 1, 2 * pieceBytes, 3*pieceBytes + 5, memory, memory + 1, 1<<32 - 1}
	places := []uint64{0, 1, 2, pieceBytes - 1, pieceBytes, pieceBytes + 1, 2*pieceBytes - 3, memory - pieceBytes - 1, memory - 1, memory, 1<<32 - 1}
	traps := 0
	for range 300 {
		name := []string{"copy", "fill"}[random.IntN(2)]
		target, source, length := places[random.IntN(len(places))], places[random.IntN(len(places))], sizes[random.IntN(len(sizes))]
		before := turns
		_, want := plain.ExportedFunction(name).Call(ctx, target, source, length)
		_, got := metered.ExportedFunction(name).Call(ctx, target, source, length)
		if (want == nil) != (got == nil) || !bytes.Equal(view(plain), view(metered)) {
			t.Fatalf("%s %d %d %d: as it is %v, instrumented %v, memory is equal: %v", name, target, source, length, want, got, bytes.Equal(view(plain), view(metered)))
		}
		if want != nil {
			traps++
		} else if pieces := int(max(length, 1)-1) / pieceBytes; turns-before < pieces {
			t.Fatalf("%s of %d bytes: the host had %d turns, want %d", name, length, turns-before, pieces)
		}
	}
	if traps == 0 || traps > 250 {
		t.Errorf("%d of 300 calls trapped", traps)
	}
}
