package plan

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/turgo-stream/turgo/abi"
)

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0B": 0, "1B": 1, "64KiB": 64 << 10, "1.5 GiB": 3 << 29, "100 MB": 100e6, "2TiB": 2 << 40, " 5kB ": 5000,
	} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "B", "12", "-1B", "1e30GB", "0x10B", "NaNB", "infB", "1_0B", "1 2B", "MiB"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("ParseSize(%q) = %d; want an error", text, got)
		}
	}
	for _, bytes := range []int64{0, 1, 1023, 1024, 3 << 29, 5 << 40, 1<<40 + 1} {
		if got, err := ParseSize(FormatSize(bytes)); err != nil || got != bytes {
			t.Errorf("ParseSize(FormatSize(%d)) = %d, %v", bytes, got, err)
		}
	}
}

func TestReadFileStartsPathsAtItsFolder(t *testing.T) {
	t.Setenv("TURGO_TEST_RATE", "7")
	folder := t.TempDir()
	path := filepath.Join(folder, "job.yaml")
	content := "name: job\nflow:\n  - source: in\n    connector: generator\n    config:\n      rate: ${TURGO_TEST_RATE}\n  - {sink: out, input: in, connector: blackhole}\n"
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	job, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Build(job, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(folder, "checkpoints", "job"); p.Checkpoint.Store != want {
		t.Errorf("store is %s; want %s", p.Checkpoint.Store, want)
	}
	if got := string(p.Vertices[0].Chain[0].Config); got != `{"rate":7}` {
		t.Errorf("config is %s", got)
	}
}

func TestReadFileThatIsMissing(t *testing.T) {
	_, err := ReadFile(filepath.Join(t.TempDir(), "job.yaml"))
	var invalid *InvalidError
	if !errors.As(err, &invalid) || !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "job.yaml: cannot read the job file: no such file") {
		t.Fatalf("error is %v", err)
	}
}

func TestLocateFindsTheFieldOfAConnectorsError(t *testing.T) {
	content := "name: job\nflow:\n  - source: in\n    connector: file\n    config:\n      paths: [a, b]\n"
	job, err := Read("j.yaml", []byte(content), os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	cause := errors.New("no file matches")
	for path, want := range map[string]string{
		".config.paths[1]": "j.yaml:6:18: no file matches",
		".config.format":   "j.yaml:6:7: no file matches",
		".other":           "j.yaml:3:5: no file matches",
	} {
		p := job.Locate(job.StepPath("in")+path, cause)
		if p.Error() != want || !errors.Is(p, cause) {
			t.Errorf("Locate(%q) is %q; want %q", path, p.Error(), want)
		}
	}
}

// TestBuildFromGo builds a job that no file was read for.
func TestBuildFromGo(t *testing.T) {
	job := &Job{Name: "go", BaseDir: "/base", Flow: []Step{
		{Kind: Source, UID: "in", Connector: "generator"},
		{Kind: Sink, UID: "out", Connector: "blackhole", Inputs: []Input{{From: "in"}}},
	}}
	p, err := Build(job, nil)
	if err != nil {
		t.Fatal(err)
	}
	if p.Checkpoint.Interval != 10*time.Second || p.MaxParallelism != 128 || p.Tasks() != 1 {
		t.Errorf("defaults are missing: %v", p)
	}
	if job.Parallelism != 0 || job.Flow[1].Inputs[0].Edge != "" || job.Flow[0].Config != nil {
		t.Error("Build changed the job")
	}
	if _, step, found := p.VertexOf("out"); !found || step != 1 {
		t.Errorf("out is step %d of its vertex, found %v", step, found)
	}

	job.Flow[1].Module = "x.wasm"
	job.Flow[0].Inputs = []Input{{From: "out"}}
	job.Flow[0].Config = json.RawMessage("[]")
	_, err = Build(job, nil)
	for _, want := range []string{
		`flow[0].config: source "in": config must be an object`,
		`flow[0].input: source "in" has an input`,
		`flow[1].module: sink "out": the field "module" does not belong to a step of kind sink`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error does not hold %q: %v", want, err)
		}
	}
}

func TestNoneAndUnlimitedBecomeCounts(t *testing.T) {
	job := &Job{Name: "go", Restart: Restart{AttemptsMax: None}, Checkpoint: Checkpoint{TolerableFailures: Unlimited}, Flow: []Step{
		{Kind: Source, UID: "in", Connector: "generator"},
		{Kind: Sink, UID: "out", Connector: "blackhole", Inputs: []Input{{From: "in"}}},
	}}
	p, err := Build(job, nil)
	if err != nil {
		t.Fatal(err)
	}
	if p.Restart.AttemptsMax != 0 || p.Checkpoint.TolerableFailures != Unlimited {
		t.Errorf("attempts %d, tolerable failures %d", p.Restart.AttemptsMax, p.Checkpoint.TolerableFailures)
	}
}

// TestLargeFilesAreRefusedAtOnce reads what could make a parser recurse without
// end or take quadratic time.
func TestLargeFilesAreRefusedAtOnce(t *testing.T) {
	for _, unit := range []string{"-\n", "- \n", "- a\n", "&a\n", "!a\n", "? \n", "a: &a\n", "[", "{a: ", "- ", "? ", "&a ", "!a ", ": ", "\"a\": ", "x", "\t", "# c\n", "---\n"} {
		start := time.Now()
		_, err := Read("job.yaml", []byte(strings.Repeat(unit, contentBytesMax/len(unit))), os.LookupEnv)
		requireInvalid(t, err)
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("a file of %q took %v", unit, took)
		}
	}
	_, err := Read("job.yaml", make([]byte, contentBytesMax+1), os.LookupEnv)
	if err == nil || !strings.Contains(err.Error(), "at most 1048576 are allowed") {
		t.Errorf("error is %v", err)
	}
}

// FuzzRead checks that any file is either a job or an InvalidError that names
// the file, and that what was read builds or tells why it does not.
func FuzzRead(f *testing.F) {
	for _, pattern := range []string{"testdata/scripts/valid", "testdata/scripts/invalid"} {
		script, err := os.ReadFile(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range strings.Split(string(script), "\nbuild\n") {
			input, _, _ := strings.Cut(part, "\n----")
			f.Add([]byte(input))
		}
	}
	f.Add([]byte(strings.Repeat("- ", 1000)))
	f.Add([]byte(strings.Repeat("? ", 1000)))
	f.Add([]byte(strings.Repeat("!a ", 1000)))
	f.Add([]byte(strings.Repeat("&a ", 1000)))
	f.Add([]byte(strings.Repeat("{a: ", 1000)))
	keyed := &abi.OperatorDescription{Name: "x", Inputs: []abi.InputDescription{{Name: "in"}}, Outputs: []abi.OutputDescription{{Name: "out"}}}
	f.Fuzz(func(t *testing.T, content []byte) {
		lookup := func(string) (string, bool) { return "v", true }
		job, err := Read("job.yaml", content, lookup)
		if err != nil {
			requireInvalid(t, err)
			return
		}
		p, err := Build(job, func(*Step) (*abi.OperatorDescription, error) { return keyed, nil })
		if err != nil {
			requireInvalid(t, err)
			return
		}
		for _, s := range p.Steps() {
			if !json.Valid(s.Config) {
				t.Fatalf("config of %s is not JSON: %s", s.UID, s.Config)
			}
		}
		if p.String() == "" {
			t.Fatal("the plan has no text")
		}
	})
}

func requireInvalid(t *testing.T, err error) {
	t.Helper()
	var invalid *InvalidError
	if !errors.As(err, &invalid) || len(invalid.Problems) == 0 {
		t.Fatalf("not an InvalidError: %v", err)
	}
	for _, p := range invalid.Problems {
		if p.File != "job.yaml" || p.Message == "" {
			t.Fatalf("problem without its place: %+v", p)
		}
	}
}
