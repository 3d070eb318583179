package instrument

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

var (
	programs = flag.Int("programs", 2000, "generated programs that are compared with themselves, instrumented")
	seedOf   = flag.Uint64("seed", 0, "first seed of generated programs; 0 = the fixed seeds and then those of the time")
)

// world runs generated programs, as they are or instrumented.
type world struct {
	runtime wazero.Runtime
	refuels *rand.Rand
	host    uint32 // hash of the calls of the host
	given   int64
}

func newWorld(t *testing.T) *world {
	ctx := context.Background()
	w := &world{runtime: wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler().WithCoreFeatures(api.CoreFeaturesV2))}
	t.Cleanup(func() {
		if err := w.runtime.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	refuel := api.GoFunc(func(_ context.Context, stack []uint64) {
		if int64(stack[1]) < 0 {
			panic(errDepth)
		}
		used := -int64(stack[0])
		grant := int64(w.refuels.IntN(200))
		w.given += used + grant
		stack[0] = uint64(grant)
	})
	i64, i32 := api.ValueTypeI64, api.ValueTypeI32
	if _, err := w.runtime.NewHostModuleBuilder(ImportModule).NewFunctionBuilder().
		WithGoFunction(refuel, []api.ValueType{i64, i64}, []api.ValueType{i64}).Export(ImportRefuel).Instantiate(ctx); err != nil {
		t.Fatal(err)
	}
	call := api.GoFunc(func(_ context.Context, stack []uint64) {
		w.host = w.host*31 + uint32(stack[0])
		stack[0] = uint64(w.host >> 3)
	})
	if _, err := w.runtime.NewHostModuleBuilder("host").NewFunctionBuilder().
		WithGoFunction(call, []api.ValueType{i32}, []api.ValueType{i32}).Export("call").Instantiate(ctx); err != nil {
		t.Fatal(err)
	}
	return w
}

// trace is all that can be seen of a program that runs: each of its functions
// is called with some arguments, and what it gives and leaves is noted.
func (w *world) trace(data []byte, seed uint64) (lines []string, err error) {
	ctx := context.Background()
	compiled, err := w.runtime.CompileModule(ctx, data)
	if err != nil {
		return nil, err
	}
	defer compiled.Close(ctx)
	w.refuels, w.host = rand.New(rand.NewPCG(seed, 1)), 0
	module, err := w.runtime.InstantiateModule(ctx, compiled, wazero.NewModuleConfig().WithName(""))
	if err != nil {
		return nil, err
	}
	defer module.Close(ctx)
	arguments := rand.New(rand.NewPCG(seed, 2))
	budget := module.ExportedGlobal(string(rune('a' + globalBudget))).(api.MutableGlobal)
	for i := 0; ; i++ {
		f := module.ExportedFunction("f" + string(rune('0'+i)))
		if f == nil {
			return lines, nil
		}
		for range 3 {
			stack := make([]uint64, max(len(f.Definition().ParamTypes()), len(f.Definition().ResultTypes())))
			for j, t := range f.Definition().ParamTypes() {
				stack[j] = generatedArgument(arguments, t)
			}
			budget.Set(generatedBudget)
			if depth := module.ExportedGlobal(ExportDepth); depth != nil {
				depth.(api.MutableGlobal).Set(depthBytes)
			}
			text := ""
			if err := f.CallWithStack(ctx, stack); err != nil {
				text, _, _ = strings.Cut(err.Error(), "\n")
				stack = nil
			}
			lines = append(lines, fmt.Sprintf("f%d: %x %s, host %x%s", i, stack, text, w.host, generatedState(module)))
		}
	}
}

func generatedArgument(random *rand.Rand, t api.ValueType) uint64 {
	switch v := random.Int32N(200) - 100; t {
	case api.ValueTypeF32:
		return api.EncodeF32(float32(v))
	case api.ValueTypeF64:
		return api.EncodeF64(float64(v))
	case api.ValueTypeI64:
		return uint64(v)
	default:
		return uint64(uint32(v))
	}
}

// generatedState is what a program has in its memory and globals.
func generatedState(module api.Module) string {
	memory := module.Memory()
	view, _ := memory.Read(0, memory.Size())
	sum := uint64(len(view))
	for len(view) > 0 {
		// Most of it is zero.
		if trimmed := bytes.TrimLeft(view[:1024], "\x00"); len(trimmed) > 0 {
			for _, b := range view[:1024] {
				sum = sum*1099511628211 + uint64(b)
			}
		}
		sum, view = sum*31, view[1024:]
	}
	text := fmt.Sprintf(", memory %x, globals", sum)
	for i := range generatedGlobals {
		text += fmt.Sprintf(" %x", module.ExportedGlobal(string(rune('a'+i))).Get())
	}
	return text
}

// difference tells where a program does something else when it is instrumented.
func difference(plain, metered *world, data []byte, seed uint64) (lines int, problem string) {
	want, err := plain.trace(data, seed)
	if err != nil {
		return 0, fmt.Sprintf("the generated program is not valid: %v", err)
	}
	wrapsAll := seed%4 == 0
	rewritten, err := instrumentedWith(data, wrapsAll)
	if err != nil {
		return 0, fmt.Sprintf("it is refused: %v", err)
	}
	got, err := metered.trace(rewritten, seed)
	if err != nil {
		return 0, fmt.Sprintf("instrumented it is not valid: %v", err)
	}
	for i := range want {
		if want[i] != got[i] {
			return 0, fmt.Sprintf("wrapsAll %v, call %d:\nas it is     %s\ninstrumented %s", wrapsAll, i, want[i], got[i])
		}
	}
	return len(want), ""
}

// Instrumentation changes no result of any program: neither values, nor traps,
// nor what is left in memory and globals, nor what the host is asked.
func TestGeneratedProgramsBehaveTheSame(t *testing.T) {
	plain, metered := newWorld(t), newWorld(t)
	first := uint64(1)
	if *seedOf > 0 {
		first = *seedOf
	}
	calls := 0
	if testing.Short() {
		*programs /= 4
	}
	for i := range uint64(*programs) {
		seed := first + i
		if *seedOf == 0 && i >= uint64(*programs)/2 {
			seed = uint64(time.Now().UnixNano()) // half of them are new each time
		}
		size := 2 + int(seed%13)
		n, problem := difference(plain, metered, generate(seed, size), seed)
		if problem != "" {
			reportSmallest(t, plain, metered, seed, size, problem)
		}
		calls += n
	}
	if calls < 5**programs {
		t.Errorf("%d calls of %d programs were compared", calls, *programs)
	}
	t.Logf("%d programs, %d calls", *programs, calls)
}

// reportSmallest fails with the smallest program of a seed that differs.
func reportSmallest(t *testing.T, plain, metered *world, seed uint64, size int, problem string) {
	t.Helper()
	for smaller := range size {
		if _, p := difference(plain, metered, generate(seed, smaller), seed); p != "" {
			size, problem = smaller, p
			break
		}
	}
	file, err := os.CreateTemp("", "turgo-generated-*.wasm")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(generate(seed, size)); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	t.Fatalf("seed %d, size %d: %s\nthe program is %s; run again with -args -seed %d -programs 1", seed, size, problem, file.Name(), seed)
}

// FuzzGenerated looks for a program that behaves differently, beyond the number
// that each test run takes.
func FuzzGenerated(f *testing.F) {
	f.Add(uint64(1), uint8(5))
	f.Fuzz(func(t *testing.T, seed uint64, size uint8) {
		plain, metered := newWorld(t), newWorld(t)
		if _, problem := difference(plain, metered, generate(seed, int(size%32)), seed); problem != "" {
			t.Fatalf("seed %d, size %d: %s", seed, size%32, problem)
		}
	})
}
