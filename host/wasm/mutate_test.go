package wasm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
)

// Bounds of the process that loads mutated modules.
const (
	mutationBytes   = 768 << 20
	mutationSeconds = 120
	mutationLimit   = 5 * time.Second // for one module
)

// mutationTime is how long each of the two runs takes.
const mutationTime = 5 * time.Second

// Variables that ask the test's program to load mutated modules.
const (
	mutationFolder = "TURGO_MUTATION_FOLDER"
	mutationSeed   = "TURGO_MUTATION_SEED"
)

// interesting are bytes and integers that stand for edges of the format.
var interesting = [][]byte{
	{0x00}, {0x01}, {0x7f}, {0x80, 0x01}, {0xff, 0xff, 0x03}, {0xff, 0xff, 0xff, 0xff, 0x0f}, {0xff, 0xff, 0xff, 0xff, 0x07},
	{0x80, 0x80, 0x80, 0x80, 0x80, 0x00}, {0x7e}, {0x7d}, {0x7b}, {0x70}, {0x6f}, {0x40}, {0x02, 0x40}, {0x03, 0x40}, {0x04, 0x40}, {0x05}, {0x0b},
	{0x0c, 0x00}, {0x0d, 0x00}, {0x0e, 0x00, 0x00}, {0x0f}, {0x10, 0x00}, {0x11, 0x00, 0x00}, {0x12, 0x00}, {0x06, 0x40}, {0x1a}, {0x20, 0x00}, {0x21, 0x00},
	{0x23, 0x00}, {0x24, 0x00}, {0x25, 0x00}, {0x28, 0x00, 0x00}, {0x36, 0x00, 0x00}, {0x3f, 0x00}, {0x40, 0x00}, {0x41, 0x00}, {0x42, 0x00},
	{0xd0, 0x70}, {0xd2, 0x00}, {0xfc, 0x0a, 0x00, 0x00}, {0xfc, 0x0b, 0x00}, {0xfc, 0x0f, 0x00}, {0xfb, 0x00}, {0xfd, 0x0c}, {0xfe, 0x00},
}

// mutate changes a module in a few places. It knows sections and their lengths,
// so that changes reach what lies behind them.
func mutate(random *rand.Rand, bases [][]byte) []byte {
	pick := func() []section { return rawSections(bases[random.IntN(len(bases))]) }
	list := pick()
	for range 1 + random.IntN(4) {
		if len(list) == 0 {
			list = pick()
		}
		at := random.IntN(len(list))
		s := &list[at]
		switch random.IntN(12) {
		case 0:
			list = slices.Delete(list, at, at+1)
		case 1:
			list = slices.Insert(list, at, list[random.IntN(len(list))])
		case 2:
			other := random.IntN(len(list))
			list[at], list[other] = list[other], list[at]
		case 3: // of another module
			others := pick()
			if from := others[random.IntN(len(others))]; from.id == s.id || random.IntN(5) == 0 {
				*s = from
			}
		case 4:
			s.id = byte(random.IntN(16))
		case 5:
			s.content = s.content[:random.IntN(len(s.content)+1)]
		default:
			s.content = mutateBytes(random, s.content)
		}
	}
	return moduleFrom(list)
}

func mutateBytes(random *rand.Rand, content []byte) []byte {
	content = slices.Clone(content)
	at := random.IntN(len(content) + 1)
	piece := interesting[random.IntN(len(interesting))]
	switch random.IntN(6) {
	case 0:
		return slices.Insert(content, at, piece...)
	case 1:
		return append(content[:at], append(slices.Clone(piece), content[min(at+len(piece), len(content)):]...)...)
	case 2:
		if at < len(content) {
			content[at] ^= 1 << random.IntN(8)
		}
	case 3:
		if at < len(content) {
			content[at] += byte(random.IntN(5)) - 2
		}
	case 4: // a piece twice
		end := min(len(content), at+random.IntN(30))
		return slices.Insert(content, at, content[at:end]...)
	case 5:
		return slices.Delete(content, at, min(len(content), at+random.IntN(6)))
	}
	return content
}

// rawSections takes apart what may be no module.
func rawSections(data []byte) (list []section) {
	for rest := data[min(8, len(data)):]; len(rest) > 1; {
		length, n := binary.Uvarint(rest[1:])
		if n <= 0 || uint64(len(rest)-1-n) < length {
			return list
		}
		list = append(list, section{id: rest[0], content: slices.Clone(rest[1+n : 1+n+int(length)])})
		rest = rest[1+n+int(length):]
	}
	return list
}

// tryModule loads whatever bytes, and runs what can be run. It returns how far it
// came: 0 refused, 1 loaded, 2 run.
func tryModule(engine *Engine, data []byte) (stage int, err error) {
	start := time.Now()
	module, err := engine.Load(context.Background(), "m", data)
	if elapsed := time.Since(start); elapsed > mutationLimit {
		return 0, fmt.Errorf("loading took %s", elapsed)
	}
	var fault *ModuleError
	if errors.As(err, &fault) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, module.Close()) }()
	for i := range module.description.Operators {
		operator, openError := module.Open(context.Background(), OpenConfig{Operator: module.description.Operators[i].Name, UID: "m", State: newMemoryState()})
		if openError != nil {
			continue
		}
		stage = 2
		nothing := func(int, record.Batch) {}
		for range 2 { // the second time after a reset
			runError := operator.Process(0, batchOf("a", "some words", "x"), 0, 1, nothing)
			var guest *GuestError
			if runError != nil && !errors.As(runError, &guest) {
				return stage, runError
			}
		}
		if _, _, fireError := operator.Fire(100, abi.WatermarkMax, 1, nothing); fireError != nil && !errors.As(fireError, new(*GuestError)) {
			return stage, fireError
		}
		if closeError := operator.Close(); closeError != nil && !errors.As(closeError, new(*GuestError)) {
			return stage, closeError
		}
	}
	return max(stage, 1), nil
}

func mutationEngine() (*Engine, error) {
	return NewEngine(Config{Limits: Limits{MemoryPages: 64, CallDuration: 20 * time.Millisecond, CallFuel: 2_000_000, CompileDuration: 2 * time.Second},
		Ceilings: Limits{MemoryPages: 256}})
}

// loadMutations is what the process within limits does: it loads modules until
// the time is up, and tells of the first that goes wrong.
func loadMutations() int {
	if err := limitProcess(mutationBytes, mutationSeconds); err != nil {
		return failMutations(err)
	}
	seed, err := strconv.ParseUint(os.Getenv(mutationSeed), 10, 64)
	if err != nil {
		return failMutations(err)
	}
	files, err := filepath.Glob(filepath.Join(os.Getenv(mutationFolder), "*.wasm"))
	if err != nil {
		return failMutations(err)
	}
	var bases [][]byte
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return failMutations(err)
		}
		bases = append(bases, data)
	}
	engine, err := mutationEngine()
	if err != nil {
		return failMutations(err)
	}
	stages := [3]int{}
	random := rand.New(rand.NewPCG(seed, 1))
	for start := time.Now(); time.Since(start) < mutationTime; {
		data := mutate(random, bases)
		// Should the process end here, the module is there to look at.
		if err := os.WriteFile(filepath.Join(os.Getenv(mutationFolder), "last"), data, 0o600); err != nil {
			return failMutations(err)
		}
		stage, err := tryModule(engine, data)
		if err != nil {
			return failMutations(err)
		}
		stages[stage]++
	}
	fmt.Printf("refused %d, loaded %d, ran %d\n", stages[0], stages[1], stages[2])
	return 0
}

func failMutations(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// mutationBases are the modules that are mutated.
func mutationBases(t testing.TB) [][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/*.wat")
	if err != nil || len(files) < 40 {
		t.Fatal(len(files), err)
	}
	var bases [][]byte
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".wat")
		// Those that spin or take all memory by design would take all the time.
		if !slices.ContainsFunc([]string{"loops", "all-memory", "misses", "forever", "too-large"}, func(word string) bool { return strings.Contains(name, word) }) {
			bases = append(bases, assemble(t, name))
		}
	}
	return bases
}

// Mutated modules are refused or run within their limits, whatever they are:
// the process that loads them does not end, hang, or take more memory than it may.
func TestMutatedModules(t *testing.T) {
	folder := t.TempDir()
	for i, data := range mutationBases(t) {
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprint(i, ".wasm")), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	seeds := []uint64{1, uint64(time.Now().UnixNano())}
	if testing.Short() {
		seeds = seeds[1:]
	}
	for _, seed := range seeds {
		program, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		command := exec.Command(program)
		command.Env = append(os.Environ(), mutationFolder+"="+folder, fmt.Sprint(mutationSeed, "=", seed))
		out, err := command.CombinedOutput()
		if err != nil {
			kept := filepath.Join(os.TempDir(), fmt.Sprintf("turgo-mutation-%d.wasm", seed))
			last, _ := os.ReadFile(filepath.Join(folder, "last"))
			_ = os.WriteFile(kept, last, 0o600)
			t.Fatalf("seed %d: %v; the module is %s\n%s", seed, err, kept, out)
		}
		peak := peakBytes(command.ProcessState)
		t.Logf("seed %d: %s, %d MiB at most", seed, strings.TrimSpace(string(out)), peak>>20)
		if peak > mutationBytes {
			t.Errorf("seed %d: the process had %d bytes, the limit is %d", seed, peak, mutationBytes)
		}
		var refused, loaded, ran int
		if _, err := fmt.Sscanf(string(out), "refused %d, loaded %d, ran %d", &refused, &loaded, &ran); err != nil || refused < 20 || ran < 20 {
			t.Errorf("seed %d: %s: too few modules were tried: %v", seed, out, err)
		}
	}
}

// FuzzLoad loads and runs any bytes.
func FuzzLoad(f *testing.F) {
	for _, data := range mutationBases(f) {
		f.Add(data)
	}
	engine, err := mutationEngine()
	if err != nil {
		f.Fatal(err)
	}
	engine.apart = false
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := tryModule(engine, data); err != nil {
			t.Fatal(err)
		}
	})
}
