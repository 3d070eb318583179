package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/turgo-stream/turgo/host/native"
)

// built is where TestMain puts what the scripts use: bin/turgo, the modules of
// the examples, and faulty ones.
var built string

func TestMain(m *testing.M) {
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	var err error
	built, err = os.MkdirTemp("", "turgo-script-")
	if err == nil {
		defer os.RemoveAll(built)
		err = buildAll()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// buildAll builds the real program and all modules.
func buildAll() error {
	if err := command(nil, "go", "build", "-buildvcs=false", "-o", filepath.Join(built, "bin", "turgo"), "."); err != nil {
		return err
	}
	guests := []string{"GOOS=wasip1", "GOARCH=wasm"}
	for name, folder := range map[string]string{
		"wordcount": "../../examples/wordcount/operator", "passthrough-go": "../../examples/passthrough/operator",
		"keyedcount": "../../examples/keyedcount/operator", "misbehave": "../../host/wasm/testdata/misbehave",
	} {
		err := command(guests, "go", "build", "-buildvcs=false", "-buildmode=c-shared", "-ldflags=-s -w",
			"-o", filepath.Join(built, name+".wasm"), folder)
		if err != nil {
			return err
		}
	}
	err := command(guests, "go", "build", "-buildvcs=false", "-buildmode=c-shared", "-ldflags=-s -w -X main.mended=yes",
		"-o", filepath.Join(built, "misbehave-mended.wasm"), "../../host/wasm/testdata/misbehave")
	if err != nil {
		return err
	}
	texts, err := filepath.Glob("../../host/wasm/testdata/*.wat")
	if err != nil || len(texts) == 0 {
		return fmt.Errorf("no faulty guests: %w", err)
	}
	if _, err := exec.LookPath("wat2wasm"); err != nil {
		return fmt.Errorf("wat2wasm is missing, the tests need it: apt-get install wabt (%w)", err)
	}
	for _, text := range texts {
		name := strings.TrimSuffix(filepath.Base(text), ".wat") + ".wasm"
		if err := command(nil, "wat2wasm", "--enable-all", "--no-check", text, "-o", filepath.Join(built, name)); err != nil {
			return err
		}
	}
	return nil
}

func command(environment []string, name string, arguments ...string) error {
	c := exec.Command(name, arguments...)
	c.Env = append(os.Environ(), environment...)
	if output, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(arguments, " "), err, output)
	}
	return nil
}

// TestScripts runs the scripts of testdata/script with the real program. Beside
// the usual commands of testscript they have
//
//	exits CODE COMMAND...         the command ends with this code
//	until PATTERN FILE            waits until the file matches
//	damage PATTERN                flips a byte in the last file that matches
//	connector NAME FILE           makes the file a connector in the folder connectors
//	lines FILE PATTERN...         the lines of the files that match, sorted, are FILE's
//
// TURGO is the program itself, MODULES the folder of the modules, EXAMPLES that of the examples, and SOURCE
// some real text.
func TestScripts(t *testing.T) {
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	source, err := filepath.EvalSymlinks(filepath.Join(strings.TrimSpace(string(root)), "src", "runtime"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Files:              scripts(t),
		RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", filepath.Join(built, "bin")+string(filepath.ListSeparator)+os.Getenv("PATH"))
			env.Setenv("MODULES", built)
			env.Setenv("TURGO", filepath.Join(built, "bin", "turgo"))
			env.Setenv("EXAMPLES", examples)
			env.Setenv("SOURCE", source)
			env.Setenv("TURGO_CACHE", filepath.Join(built, "cache"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "until": until, "damage": damage, "connector": connector, "lines": lines,
		},
	})
}

// scriptsLong take many seconds each; short runs leave them out.
var scriptsLong = []string{"conformance_operator", "dlq_running", "end_at_once", "full_store", "replay", "wordcount"}

func scripts(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	if testing.Short() {
		files = slices.DeleteFunc(files, func(file string) bool {
			return slices.Contains(scriptsLong, strings.TrimSuffix(filepath.Base(file), ".txtar"))
		})
	}
	return files
}

func exits(ts *testscript.TestScript, negated bool, arguments []string) {
	if negated || len(arguments) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(arguments[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(arguments[1], arguments[2:]...)
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		got = failed.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d; want %d", got, want)
	}
}

// untilLimit bounds how long until waits.
const untilLimit = time.Minute

func until(ts *testscript.TestScript, negated bool, arguments []string) {
	if negated || len(arguments) != 2 {
		ts.Fatalf("usage: until PATTERN FILE")
	}
	pattern, err := regexp.Compile(arguments[0])
	ts.Check(err)
	path := ts.MkAbs(arguments[1])
	for deadline := time.Now().Add(untilLimit); ; time.Sleep(10 * time.Millisecond) {
		content, err := os.ReadFile(path)
		switch {
		case err == nil && pattern.Match(content):
			return
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			ts.Check(err)
		case time.Now().After(deadline):
			ts.Fatalf("%s never matched; it holds %s", arguments[1], content)
		}
	}
}

func damage(ts *testscript.TestScript, negated bool, arguments []string) {
	if negated || len(arguments) != 1 {
		ts.Fatalf("usage: damage PATTERN")
	}
	paths, err := filepath.Glob(ts.MkAbs(arguments[0]))
	ts.Check(err)
	if len(paths) == 0 {
		ts.Fatalf("no file matches")
	}
	path := paths[len(paths)-1]
	content, err := os.ReadFile(path)
	ts.Check(err)
	content[len(content)/2] ^= 1
	ts.Check(os.Chmod(path, 0o600))
	ts.Check(os.WriteFile(path, content, 0o600))
	ts.Logf("damaged %s", path)
}

func connector(ts *testscript.TestScript, negated bool, arguments []string) {
	if negated || len(arguments) != 2 {
		ts.Fatalf("usage: connector NAME FILE")
	}
	name, program := arguments[0], ts.MkAbs(arguments[1])
	content, err := os.ReadFile(program)
	ts.Check(err)
	ts.Check(os.Chmod(program, 0o755))
	folder := ts.MkAbs(filepath.Join("connectors", name))
	ts.Check(os.MkdirAll(folder, 0o755))
	manifest, err := json.Marshal(native.Manifest{
		Name: name, Executable: program, SHA256: fmt.Sprintf("%x", sha256.Sum256(content)), Source: true, Sink: true,
	})
	ts.Check(err)
	ts.Check(os.WriteFile(filepath.Join(folder, native.ManifestName), manifest, 0o644))
}

func lines(ts *testscript.TestScript, negated bool, arguments []string) {
	if negated || len(arguments) < 2 {
		ts.Fatalf("usage: lines FILE PATTERN...")
	}
	want := sortedLines([]byte(ts.ReadFile(arguments[0])))
	var all []byte
	for _, pattern := range arguments[1:] {
		paths, err := filepath.Glob(ts.MkAbs(pattern))
		ts.Check(err)
		for _, path := range paths {
			content, err := os.ReadFile(path)
			ts.Check(err)
			all = append(all, content...)
		}
	}
	got := sortedLines(all)
	if len(got) != len(want) {
		ts.Fatalf("%d lines; want %d", len(got), len(want))
	}
	for i := range got {
		if !bytes.Equal(got[i], want[i]) {
			ts.Fatalf("line %d is %.100q; want %.100q", i+1, got[i], want[i])
		}
	}
}

func sortedLines(content []byte) [][]byte {
	list := bytes.SplitAfter(content, []byte("\n"))
	if last := len(list) - 1; len(list[last]) == 0 {
		list = list[:last]
	}
	slices.SortFunc(list, bytes.Compare)
	return list
}
