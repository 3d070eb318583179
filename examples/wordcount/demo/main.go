// Command demo shows that turgo loses nothing and doubles nothing: it counts
// the words of Go's own source with examples/wordcount, kills the host with
// SIGKILL on the way, starts it again, and compares the totals word by word with
// those that standard Unix tools count. Run it at the root of the repository.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// killsWanted is how often the host is killed.
const killsWanted = 3

func main() {
	if err := demo(); err != nil {
		fmt.Fprintf(os.Stderr, "demo: failed: %v\n", err)
		os.Exit(1)
	}
}

// paths are the places that the demonstration uses.
type paths struct {
	root  string // of Go's source
	work  string // all that the demonstration makes
	turgo string
	job   string
	log   string
}

func demo() error {
	p, err := prepare()
	if err != nil {
		return err
	}
	if err := build(p); err != nil {
		return err
	}
	files, err := countFiles(p.root)
	if err != nil {
		return err
	}
	say("the job counts the words of %d files below %s, with a checkpoint each second", files, p.root)
	started := time.Now()
	kills, err := runAndKill(p, files)
	if err != nil {
		return fmt.Errorf("%w\nthe log of turgo is %s; it ends:\n%s", err, p.log, tail(p.log))
	}
	say("the job has finished, %s after its first start and with %d kills", time.Since(started).Round(100*time.Millisecond), kills)

	say("counting again with find, grep, sort and uniq")
	want, err := countWithTools(p)
	if err != nil {
		return err
	}
	got, err := readTotals(filepath.Join(p.work, "out"))
	if err != nil {
		return err
	}
	say("comparing %d words, one by one", len(want))
	d := compare(want, got)
	for _, example := range d.examples {
		say("  %s", example)
	}
	fmt.Printf("demo: words=%d distinct=%d kills=%d lost=%d doubled=%d\n", d.words, len(want), kills, d.lost, d.doubled)
	switch {
	case d.lost != 0 || d.doubled != 0:
		return errors.New("the totals differ")
	case kills < killsWanted:
		return fmt.Errorf("the job had finished after %d kills: the demonstration needs %d", kills, killsWanted)
	}
	return nil
}

// prepare finds Go's source and makes an empty folder to work in.
func prepare() (paths, error) {
	if _, err := os.Stat("examples/wordcount/job.yaml"); err != nil {
		return paths{}, errors.New("run this at the root of the repository: go run ./examples/wordcount/demo")
	}
	output, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return paths{}, fmt.Errorf("go env GOROOT: %w", err)
	}
	root, err := filepath.EvalSymlinks(filepath.Join(strings.TrimSpace(string(output)), "src"))
	if err != nil {
		return paths{}, fmt.Errorf("find the source of Go: %w", err)
	}
	work, err := filepath.Abs(filepath.Join("build", "demo"))
	if err != nil {
		return paths{}, err
	}
	if err := os.RemoveAll(work); err != nil {
		return paths{}, err
	}
	if err := os.MkdirAll(work, 0o755); err != nil {
		return paths{}, err
	}
	return paths{
		root: root, work: work, turgo: filepath.Join(work, "turgo"),
		job: filepath.Join("examples", "wordcount", "job.yaml"), log: filepath.Join(work, "turgo.log"),
	}, nil
}

// build builds turgo and the operators.
func build(p paths) error {
	say("building turgo; the first time takes a minute or two")
	if err := goBuild(nil, "-o", p.turgo, "./cmd/turgo"); err != nil {
		return err
	}
	say("building the operators, split and count, as one Wasm module")
	return goBuild([]string{"GOOS=wasip1", "GOARCH=wasm"}, "-buildmode=c-shared", "-ldflags=-s -w",
		"-o", filepath.Join("examples", "wordcount", "wordcount.wasm"), "./examples/wordcount/operator")
}

func goBuild(environment []string, arguments ...string) error {
	command := exec.Command("go", append([]string{"build", "-buildvcs=false"}, arguments...)...)
	command.Env = append(os.Environ(), environment...)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(command.Args, " "), err, output)
	}
	return nil
}

func say(format string, arguments ...any) {
	fmt.Printf("demo: "+format+"\n", arguments...)
}

// tail gives the end of a file.
func tail(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(content[max(0, len(content)-4000):])
}
