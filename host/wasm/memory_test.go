package wasm

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"
)

// However a guest's memory was written to and grown, it has its snapshot's
// content and size after it is restored, and is zero where it grows again.
func TestMemoryIsRestored(t *testing.T) {
	ctx := context.Background()
	runtime := wazero.NewRuntime(ctx)
	defer runtime.Close(ctx)
	// (module (memory (export "m") 40))
	data := []byte("\x00asm\x01\x00\x00\x00\x05\x03\x01\x00\x28\x07\x05\x01\x01m\x02\x00")
	memory, err := newMemory(512 * pageBytes)
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Free()
	guest, err := runtime.InstantiateWithConfig(experimental.WithMemoryAllocator(ctx, memory), data, wazero.NewModuleConfig())
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(8, 9))
	write := func(pages int) {
		for range pages {
			memory.bytes[random.IntN(len(memory.bytes))] = byte(1 + random.IntN(255))
		}
	}
	write(300)
	if err := memory.takeSnapshot(); err != nil {
		t.Fatal(err)
	}
	want := bytes.Clone(memory.bytes)
	// Few changes and many, which are restored in different ways.
	for _, pages := range []int{0, 1, 10, 200, 5000, 3, 100_000, 1} {
		for _, grown := range []uint32{0, 1, 400, 5} {
			if grown > 0 {
				before, ok := guest.Memory().Grow(grown)
				if !ok || before != 40 {
					t.Fatal(before, ok)
				}
				if part := memory.bytes[len(want):]; !isZero(part) {
					t.Fatalf("memory that has grown by %d pages is not zero", grown)
				}
			}
			write(pages)
			// Reading makes pages present that are not changed.
			sum := byte(0)
			for i := 0; i < len(memory.bytes); i += os.Getpagesize() {
				sum += memory.bytes[i]
			}
			restored, err := memory.restore(guest.Memory())
			if !restored || err != nil {
				t.Fatal(restored, err)
			}
			if !bytes.Equal(memory.bytes, want) {
				t.Fatalf("%d writes and %d pages more are not undone (%d)", pages, grown, sum)
			}
		}
	}
}

// BenchmarkRestore is a restore alone, by how many pages have changed.
func BenchmarkRestore(b *testing.B) {
	engine := newEngine(b, Config{})
	module := load(b, engine, "passthrough", assemble(b, "passthrough"))
	for _, pages := range []int{1, 16, 256} {
		b.Run(map[int]string{1: "1 page", 16: "16 pages", 256: "256 pages"}[pages], func(b *testing.B) {
			operator := open(b, module, OpenConfig{})
			if _, ok := operator.guest.Memory().Grow(64); !ok {
				b.Fatal("the memory does not grow")
			}
			if err := operator.snapshot(); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				for i := range pages {
					operator.memory.bytes[i*os.Getpagesize()] = 1
				}
				if err := operator.reset(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
