package toolchain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	// outputBytesMax bounds what is kept of a compiler's output: its end.
	outputBytesMax = 64 << 10
	// answerBytesMax bounds what is kept of a tool's answer: all of it is needed.
	answerBytesMax = 16 << 20
	// endWait is how long a command may take to end that was told to.
	endWait = 2 * time.Second
)

// BuildError says that a compiler failed.
type BuildError struct {
	Language Language
	Command  string // as one would type it
	State    string // such as "exit status 1"
	Output   string // the end of what it wrote
	logged   bool   // Output went to the log already
}

func (e *BuildError) Error() string {
	text := fmt.Sprintf("toolchain: %s: %s: %s", e.Language, e.Command, e.State)
	if e.logged || e.Output == "" {
		return text
	}
	return text + "\n" + e.Output
}

// command is one run of a tool.
type command struct {
	path        string
	arguments   []string
	environment []string // besides the environment of this process
	folder      string   // empty = the project's
	answers     bool     // its standard output is an answer, and no log
}

func (c *command) String() string {
	var words []string
	for _, variable := range c.environment {
		name, value, _ := strings.Cut(variable, "=")
		words = append(words, name+"="+quoted(value))
	}
	for _, word := range append([]string{filepath.Base(c.path)}, c.arguments...) {
		words = append(words, quoted(word))
	}
	return strings.Join(words, " ")
}

// quoted is a word as a shell takes it.
func quoted(word string) string {
	if word != "" && !strings.ContainsAny(word, " \t\n'\"\\$&;|<>()*?[]{}#~`!") {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// run runs a tool in the project's folder. When the context ends, the tool and
// all that it started end too: it has a process group of its own.
func (p *project) run(ctx context.Context, c command) (answer []byte, err error) {
	kept := &tail{max: outputBytesMax}
	log := io.Writer(kept)
	if p.log != nil {
		fmt.Fprintf(p.log, "%s\n", c.String())
		log = io.MultiWriter(kept, p.log)
	}
	process := newProcess(ctx, c.path, c.arguments...)
	process.Dir = p.folder
	if c.folder != "" {
		process.Dir = c.folder
	}
	process.Env = append(os.Environ(), c.environment...)
	process.Stdout, process.Stderr = log, log
	var answered bytes.Buffer
	if c.answers {
		process.Stdout = &limited{to: &answered, left: answerBytesMax}
	}
	err = process.Run()
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("toolchain: %s: %s: stopped: %w", p.language, c.String(), context.Cause(ctx))
	case err != nil:
		return answered.Bytes(), &BuildError{
			Language: p.language, Command: c.String(), State: err.Error(), Output: kept.String(), logged: p.log != nil,
		}
	}
	return answered.Bytes(), nil
}

// ask runs a tool that answers a question about itself; what it writes to
// standard error is nobody's concern.
func (p *project) ask(ctx context.Context, path string, arguments ...string) (string, error) {
	process := newProcess(ctx, path, arguments...)
	process.Dir = p.folder
	var answered bytes.Buffer
	process.Stdout = &limited{to: &answered, left: answerBytesMax}
	if err := process.Run(); err != nil {
		return "", err
	}
	return strings.TrimSpace(answered.String()), nil
}

// newProcess makes a command that is ended with its whole process group.
func newProcess(ctx context.Context, path string, arguments ...string) *exec.Cmd {
	process := exec.CommandContext(ctx, path, arguments...)
	process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	process.Cancel = func() error {
		err := syscall.Kill(-process.Process.Pid, syscall.SIGKILL)
		if errors.Is(err, syscall.ESRCH) {
			return os.ErrProcessDone
		}
		return err
	}
	process.WaitDelay = endWait
	return process
}

// tail keeps the end of what is written to it.
type tail struct {
	max  int
	data []byte
}

func (t *tail) Write(data []byte) (int, error) {
	t.data = append(t.data, data...)
	if len(t.data) > 2*t.max {
		t.data = slices.Clone(t.data[len(t.data)-t.max:])
	}
	return len(data), nil
}

func (t *tail) String() string {
	return strings.TrimRight(string(t.data[max(0, len(t.data)-t.max):]), "\n")
}

// limited refuses what is too much.
type limited struct {
	to   io.Writer
	left int
}

func (l *limited) Write(data []byte) (int, error) {
	if l.left -= len(data); l.left < 0 {
		return 0, errors.New("toolchain: a tool answers with too many bytes")
	}
	return l.to.Write(data)
}
