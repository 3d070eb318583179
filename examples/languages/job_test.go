package languages

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/turgo-stream/turgo/faults/process"
	"github.com/turgo-stream/turgo/host/job"
	"github.com/turgo-stream/turgo/toolchain"
)

// allLanguages are those that have a folder here.
var allLanguages = []toolchain.Language{toolchain.Go, toolchain.Rust, toolchain.C, toolchain.AssemblyScript}

const testLimit = 4 * time.Minute

// built is what all tests of this package share: turgo, and modules as they are
// asked for.
var built struct {
	folder  string
	turgo   func() (path string, err error)
	mutex   sync.Mutex
	modules map[toolchain.Language]string
}

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "turgo-languages-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	built.folder = folder
	built.turgo = sync.OnceValues(func() (string, error) { return process.BuildTurgo(context.Background(), folder) })
	built.modules = map[toolchain.Language]string{}
	status := m.Run()
	if err := os.RemoveAll(folder); err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

// module builds a language's module, once.
func module(t testing.TB, language toolchain.Language) string {
	t.Helper()
	built.mutex.Lock()
	defer built.mutex.Unlock()
	if path, found := built.modules[language]; found {
		return path
	}
	path := filepath.Join(built.folder, string(language)+".wasm")
	_, err := toolchain.Build(t.Context(), toolchain.Options{Folder: string(language), Language: language, Out: path})
	if err != nil {
		t.Fatalf("%v (make tools installs what is missing)", err)
	}
	built.modules[language] = path
	return path
}

// run is one job in a folder of its own.
type run struct {
	testing.TB
	ctx         context.Context
	turgo       string
	folder      string
	environment []string
}

func newRun(t testing.TB) *run {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testLimit)
	t.Cleanup(cancel)
	turgo, err := built.turgo()
	if err != nil {
		t.Fatal(err)
	}
	r := &run{TB: t, ctx: ctx, turgo: turgo, folder: t.TempDir()}
	r.environment = []string{
		"OUT=" + r.folder, "INPUT=" + filepath.Join(r.folder, inputPath), "TURGO_CACHE=" + filepath.Join(built.folder, "cache"),
		"BATCH_BYTES=1500", // many batches, each with a watermark of its own
	}
	copyFile(t, "job.yaml", filepath.Join(r.folder, "job.yaml"))
	return r
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// grow appends to the job's input.
func (r *run) grow(lines []byte) {
	r.Helper()
	file, err := os.OpenFile(filepath.Join(r.folder, inputPath), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		r.Fatal(err)
	}
	if _, err := file.Write(lines); err != nil {
		r.Error(err)
	}
	if err := file.Close(); err != nil {
		r.Error(err)
	}
}

// start starts the job with a language's module.
func (r *run) start(language toolchain.Language, variables ...string) *process.Host {
	r.Helper()
	copyFile(r, module(r, language), filepath.Join(r.folder, string(language)+".wasm"))
	host, err := process.Start(process.Options{
		Program: r.turgo, Job: filepath.Join(r.folder, "job.yaml"), Log: filepath.Join(r.folder, "turgo.log"),
		Environment: slices.Concat(r.environment, []string{"LANGUAGE=" + string(language)}, variables),
	})
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() {
		if err := host.Kill(); err != nil {
			r.Error(err)
		}
	})
	return host
}

// await waits until the job tells what is wanted.
func (r *run) await(host *process.Host, what string, accepts func(job.Status) bool) job.Status {
	r.Helper()
	status, err := host.Await(r.ctx, accepts)
	if err != nil {
		r.Fatalf("no %s: %v; the job tells %+v", what, err, status)
	}
	return status
}

// finish waits until the job has read its input to the end.
func (r *run) finish(host *process.Host) {
	r.Helper()
	select {
	case <-host.Done():
	case <-r.ctx.Done():
		r.Fatal("the job does not finish in time")
	}
	if code := host.ExitCode(); code != 0 {
		r.Fatalf("turgo ended with %d: %v", code, host.Explain())
	}
}

// outputs reads what the job has committed, and its dead letters.
func (r *run) outputs() outputs {
	r.Helper()
	o := outputs{"letters": r.letters()}
	for _, name := range []string{"counts", "sums"} {
		parts, err := filepath.Glob(filepath.Join(r.folder, "out", name, "part-*"))
		if err != nil {
			r.Fatal(err)
		}
		for _, part := range parts {
			data, err := os.ReadFile(part)
			if err != nil {
				r.Fatal(err)
			}
			for line := range strings.Lines(string(data)) {
				o[name] = append(o[name], strings.TrimSuffix(line, "\n"))
			}
		}
	}
	return o.sorted()
}

func (r *run) letters() (lines []string) {
	r.Helper()
	list := exec.CommandContext(r.ctx, r.turgo, "dlq", "list", filepath.Join(r.folder, "job.yaml"), "--json")
	list.Env = append(os.Environ(), r.environment...)
	text, err := list.Output()
	if err != nil {
		r.Fatalf("turgo dlq list: %v", err)
	}
	var letters []struct {
		Records []struct{ Value *string }
		Error   struct {
			Code   uint32
			Reason string
		}
	}
	if err := json.Unmarshal(text, &letters); err != nil {
		r.Fatalf("turgo dlq list: %v\n%s", err, text)
	}
	for _, letter := range letters {
		if len(letter.Records) != 1 || letter.Records[0].Value == nil || letter.Error.Code != 1 {
			r.Errorf("the letter %+v is not of one line that parse failed", letter)
			continue
		}
		lines = append(lines, letter.Error.Reason+"\t"+*letter.Records[0].Value)
	}
	return lines
}

// In each language the job gives what it should.
func TestEachLanguage(t *testing.T) {
	languages := allLanguages
	if testing.Short() {
		languages = []toolchain.Language{toolchain.C}
	}
	want := readExpectedFiles(t)
	for i, language := range languages {
		t.Run(string(language), func(t *testing.T) {
			r := newRun(t)
			copyFile(t, inputPath, filepath.Join(r.folder, inputPath))
			r.finish(r.start(language, fmt.Sprint("PARALLELISM=", i%3+1)))
			compare(t, string(language), r.outputs(), want)
		})
	}
}

// A job that is killed goes on with a module in another language, at another
// parallelism, where its newest checkpoint stands.
func TestAnotherLanguageGoesOn(t *testing.T) {
	order := allLanguages
	if testing.Short() {
		order = []toolchain.Language{toolchain.C, toolchain.Go}
	}
	input, err := os.ReadFile(inputPath)
	if err != nil {
		t.Fatal(err)
	}
	r := newRun(t)
	parts := cutInput(input, 2*len(order)-1)
	for i, language := range order[:len(order)-1] {
		// What is in the checkpoint, and what the kill takes back.
		kept, lost := parts[2*i], parts[2*i+1]
		r.grow(kept.lines)
		host := r.start(language, "FOLLOW=true", "INTERVAL=50ms", fmt.Sprint("PARALLELISM=", 1+(2*i+1)%4))
		r.awaitCheckpointAfter(host, kept)
		r.grow(lost.lines)
		r.await(host, "watermark of what is lost", lost.passed)
		if err := host.Kill(); err != nil {
			t.Fatal(err)
		}
		if !host.Killed() {
			t.Fatalf("%s ended before it was killed: %v", language, host.Explain())
		}
	}
	r.grow(parts[len(parts)-1].lines)
	r.finish(r.start(order[len(order)-1], "PARALLELISM=3"))
	compare(t, fmt.Sprint(order), r.outputs(), readExpectedFiles(t))
}

// part is a piece of the input, whose last line has the latest time of all so far.
type part struct {
	lines  []byte
	latest int64
}

// passed tells that all tasks have seen the whole part.
func (p part) passed(status job.Status) bool {
	return status.WatermarkMS != nil && *status.WatermarkMS >= p.latest-inputBoundMS
}

// cutInput cuts the input into parts of about equal size.
func cutInput(input []byte, count int) (parts []part) {
	latest, current := int64(0), part{}
	for line := range bytes.Lines(input) {
		current.lines = append(current.lines, line...)
		_, p, wrong := readExpected(strings.TrimSuffix(string(line), "\n"))
		if wrong != "" || p.cents < expectedCentsMin || p.time <= latest {
			continue
		}
		latest = p.time
		if len(current.lines) >= len(input)/count && len(parts) < count-1 {
			current.latest = latest
			parts, current = append(parts, current), part{}
		}
	}
	current.latest = latest
	return append(parts, current)
}

// awaitCheckpointAfter waits for a checkpoint that was begun after a part was handled.
func (r *run) awaitCheckpointAfter(host *process.Host, p part) {
	r.Helper()
	epoch := uint64(0)
	if c := r.await(host, "watermark", p.passed).Checkpoint; c != nil {
		epoch = c.Epoch
	}
	// The one that may have been under way is the next.
	r.await(host, "checkpoint", func(s job.Status) bool { return s.Checkpoint != nil && s.Checkpoint.Epoch >= epoch+2 })
}
