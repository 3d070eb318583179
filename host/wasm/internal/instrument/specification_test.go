package instrument

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// The WebAssembly specification's own tests come with wazero's module. Here
// each of their modules runs twice, as it is and instrumented, and must do the
// same; also with all small functions in the place of their calls.

type specCommand struct {
	Type     string `json:"type"`
	Line     int    `json:"line"`
	Filename string `json:"filename"`
	Action   struct {
		Type  string      `json:"type"`
		Field string      `json:"field"`
		Args  []specValue `json:"args"`
	} `json:"action"`
}

type specValue struct {
	Type  string          `json:"type"`
	Value json.RawMessage `json:"value"`
}

func specificationFolder(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(strings.TrimSpace(string(out)), "internal", "integration_test", "spectest", "v2", "testdata")
	if _, err := os.Stat(folder); err != nil {
		t.Fatalf("the specification's tests are missing, run go mod download: %v", err)
	}
	return folder
}

// side is one of the two runs: a runtime, and the module under test in it.
type side struct {
	runtime wazero.Runtime
	module  api.Module
}

const depthBytes = 1 << 20

var errDepth = errors.New("call depth")

func newSide(t *testing.T) *side {
	ctx := context.Background()
	s := &side{runtime: wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler().WithCoreFeatures(api.CoreFeaturesV2).WithMemoryLimitPages(2048))}
	t.Cleanup(func() {
		if err := s.runtime.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	refuel := api.GoFunc(func(_ context.Context, stack []uint64) {
		if int64(stack[1]) < 0 {
			panic(errDepth)
		}
		stack[0] = 100
	})
	i64 := api.ValueTypeI64
	_, err := s.runtime.NewHostModuleBuilder(ImportModule).NewFunctionBuilder().
		WithGoFunction(refuel, []api.ValueType{i64, i64}, []api.ValueType{i64}).Export(ImportRefuel).Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	builder := s.runtime.NewHostModuleBuilder("spectest")
	nothing := api.GoFunc(func(context.Context, []uint64) {})
	for name, types := range map[string]string{"print": "", "print_i32": "\x7f", "print_i64": "\x7e", "print_f32": "\x7d",
		"print_f64": "\x7c", "print_i32_f32": "\x7f\x7d", "print_f64_f64": "\x7c\x7c"} {
		builder.NewFunctionBuilder().WithGoFunction(nothing, []byte(types), nil).Export(name)
	}
	if _, err := builder.Instantiate(ctx); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *side) load(data []byte) error {
	ctx := context.Background()
	s.module = nil
	compiled, err := s.runtime.CompileModule(ctx, data)
	if err != nil {
		return err
	}
	s.module, err = s.runtime.InstantiateModule(ctx, compiled, wazero.NewModuleConfig().WithName(""))
	return err
}

// run calls an export and returns its results and how it trapped.
func (s *side) run(field string, arguments []uint64) ([]uint64, string) {
	function := s.module.ExportedFunction(field)
	if function == nil {
		return nil, "no function " + field
	}
	if depth := s.module.ExportedGlobal(ExportDepth); depth != nil {
		depth.(api.MutableGlobal).Set(depthBytes) // a trap leaves it where it was
	}
	results, err := function.Call(context.Background(), arguments...)
	if err != nil {
		text, _, _ := strings.Cut(err.Error(), "\n")
		return nil, text
	}
	for i, kind := range function.Definition().ResultTypes() {
		if kind == api.ValueTypeExternref || kind == typeFuncref {
			results[i] = min(results[i], 1) // references differ, null or not does not
		}
	}
	return results, ""
}

func (c *specCommand) arguments(t *testing.T) []uint64 {
	var list []uint64
	for _, a := range c.Action.Args {
		var word string
		if a.Type == "v128" {
			return nil
		}
		if err := json.Unmarshal(a.Value, &word); err != nil {
			t.Fatal(err)
		}
		if word == "null" {
			word = "0"
		}
		v, err := strconv.ParseUint(word, 10, 64)
		if err != nil && !strings.HasPrefix(word, "nan:") {
			t.Fatal(err)
		}
		list = append(list, v)
	}
	return list
}

func instrumented(data []byte) ([]byte, error) { return instrumentedWith(data, false) }

func instrumentedWith(data []byte, wrapsAll bool) ([]byte, error) {
	m, err := Parse(data)
	if err != nil {
		return nil, err
	}
	result, err := m.Instrument(Options{MemoryPages: 2048, TableElements: 1 << 20, DepthBytes: depthBytes, wrapsAll: wrapsAll})
	if err != nil {
		return nil, err
	}
	return result.Bytes, nil
}

type specRun struct {
	t                              *testing.T
	folder                         string
	plain, metered                 *side
	wrapsAll                       bool
	modules, calls, refused, skips int
}

func (r *specRun) module(c *specCommand) {
	data, err := os.ReadFile(filepath.Join(r.folder, c.Filename))
	if err != nil {
		r.t.Fatal(err)
	}
	plainError := r.plain.load(data)
	rewritten, err := instrumentedWith(data, r.wrapsAll)
	if err != nil {
		r.metered.module = nil
		var limit *LimitError
		if plainError == nil && !strings.Contains(err.Error(), "only functions can be imported") && !errors.As(err, &limit) {
			r.t.Errorf("%s: refused, and wazero accepts it: %v", c.Filename, err)
		}
		r.skips++
		return
	}
	if meteredError := r.metered.load(rewritten); (plainError == nil) != (meteredError == nil) {
		r.t.Errorf("%s: as it is %v, instrumented %v", c.Filename, plainError, meteredError)
	}
	r.modules++
}

func (r *specRun) call(c *specCommand) {
	if r.plain.module == nil || r.metered.module == nil || c.Action.Type != "invoke" {
		r.skips++
		return
	}
	arguments := c.arguments(r.t)
	if len(arguments) != len(c.Action.Args) {
		r.skips++
		return
	}
	r.calls++
	got, gotTrap := r.metered.run(c.Action.Field, arguments)
	if c.Type == "assert_exhaustion" {
		if !strings.HasPrefix(gotTrap, errDepth.Error()) {
			r.t.Errorf("line %d: %s does not exceed the depth: %q", c.Line, c.Action.Field, gotTrap)
		}
		return
	}
	want, wantTrap := r.plain.run(c.Action.Field, arguments)
	if gotTrap != wantTrap || !equalResults(got, want) {
		r.t.Errorf("line %d: %s%v gives %v %q, instrumented %v %q", c.Line, c.Action.Field, arguments, want, wantTrap, got, gotTrap)
	}
}

func equalResults(a, b []uint64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func (r *specRun) bad(c *specCommand) {
	if !strings.HasSuffix(c.Filename, ".wasm") {
		return
	}
	data, err := os.ReadFile(filepath.Join(r.folder, c.Filename))
	if err != nil {
		r.t.Fatal(err)
	}
	ctx := context.Background()
	if compiled, err := r.plain.runtime.CompileModule(ctx, data); err == nil {
		_ = compiled.Close(ctx)
		return // what wazero takes, we need not refuse
	}
	rewritten, err := instrumentedWith(data, r.wrapsAll)
	if err != nil {
		r.refused++
		return
	}
	if compiled, err := r.metered.runtime.CompileModule(ctx, rewritten); err == nil {
		_ = compiled.Close(ctx)
		r.t.Errorf("%s (line %d): is invalid, and valid when instrumented", c.Filename, c.Line)
	}
	r.refused++
}

func TestSpecificationModulesBehaveTheSame(t *testing.T) { runSpecification(t, false) }

func TestSpecificationModulesBehaveTheSameInlined(t *testing.T) { runSpecification(t, true) }

func runSpecification(t *testing.T, wrapsAll bool) {
	folder := specificationFolder(t)
	scripts, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(scripts) < 100 {
		t.Fatalf("%d scripts in %s: %v", len(scripts), folder, err)
	}
	modules, calls, refused := 0, 0, 0
	for _, script := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(script), ".json"), func(t *testing.T) {
			data, err := os.ReadFile(script)
			if err != nil {
				t.Fatal(err)
			}
			var file struct {
				Commands []specCommand `json:"commands"`
			}
			if err := json.NewDecoder(bytes.NewReader(data)).Decode(&file); err != nil {
				t.Fatal(err)
			}
			run := &specRun{t: t, folder: folder, plain: newSide(t), metered: newSide(t), wrapsAll: wrapsAll}
			for i := range file.Commands {
				switch c := &file.Commands[i]; c.Type {
				case "module":
					run.module(c)
				case "action", "assert_return", "assert_trap", "assert_exhaustion":
					run.call(c)
				case "assert_malformed", "assert_invalid":
					run.bad(c)
				}
			}
			modules, calls, refused = modules+run.modules, calls+run.calls, refused+run.refused
		})
	}
	t.Logf("%d modules, %d calls, %d refused", modules, calls, refused)
	if modules < 500 || calls < 10_000 || refused < 1000 {
		t.Errorf("only %d modules, %d calls and %d bad modules were compared", modules, calls, refused)
	}
}
