package connector

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/turgo-stream/turgo/abi/connector/v1"
)

// skipError ends a check that has nothing to look at.
type skipError struct{ reason string }

func (e *skipError) Error() string { return e.reason }

func skipf(format string, arguments ...any) error {
	return &skipError{fmt.Sprintf(format, arguments...)}
}

// trial is one run of one check: its folder, its names, and the processes that
// it started, which end with it.
type trial struct {
	*suite
	check   string
	name    string // ${CHECK}
	scratch string // ${SCRATCH}
	started []*process
	lastID  int             // of the records that it writes
	ended   context.Context // when the check has
	finish  context.CancelFunc
	unseen  bool // something was not looked at, as nothing tells how
}

// newTrial makes the folder, and runs the commands that prepare the sides that
// the check uses.
func (s *suite) newTrial(ctx context.Context, c check) (*trial, error) {
	scratch, err := os.MkdirTemp("", "turgo-conformance-")
	if err != nil {
		return nil, err
	}
	t := &trial{suite: s, check: c.name, name: fmt.Sprintf("%s-%s-%s", c.group, c.name, s.token), scratch: scratch}
	t.ended, t.finish = context.WithCancel(context.Background())
	if source := s.scenario.Source; source != nil && c.group != GroupSink {
		err = t.command(ctx, source.Prepare)
	}
	if sink := s.scenario.Sink; err == nil && sink != nil && c.group != GroupSource {
		err = t.command(ctx, sink.Prepare)
	}
	if err != nil {
		t.end()
		return nil, fmt.Errorf("prepare: %w", err)
	}
	return t, nil
}

// end kills what runs still and removes the folder.
func (t *trial) end() {
	for _, p := range t.started {
		p.release()
	}
	t.finish()
	os.RemoveAll(t.scratch)
}

// hostOutput is the file that takes the place of the host's standard output,
// which built-in connectors get.
func (t *trial) hostOutput() string { return filepath.Join(t.scratch, "host-output") }

func (t *trial) placeholders() *strings.Replacer {
	return strings.NewReplacer("${SCRATCH}", t.scratch, "${CHECK}", t.name, "${FOLDER}", t.scenario.Folder)
}

// command runs a command of FILE.
func (t *trial) command(ctx context.Context, command []string) error {
	_, err := t.output(ctx, command)
	return err
}

// output runs a command of FILE and gives what it writes, within bounds.
func (t *trial) output(ctx context.Context, command []string) ([]byte, error) {
	if len(command) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, commandLimit)
	defer cancel()
	words := make([]string, len(command))
	for i, word := range command {
		words[i] = t.placeholders().Replace(word)
	}
	c := exec.CommandContext(ctx, words[0], words[1:]...)
	c.Dir = t.scenario.Folder
	c.SysProcAttr = newGroup()
	c.Cancel = func() error { killGroup(c.Process.Pid); return nil }
	c.WaitDelay = time.Second
	stdout, stderr := &bounded{limit: readBackBytesMax}, &bounded{limit: tailBytesMax}
	c.Stdout, c.Stderr = stdout, stderr
	if err := c.Run(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, fmt.Errorf("command %q: %w\n%s", words, err, strings.ToValidUTF8(string(stderr.data), "\uFFFD"))
	}
	if stdout.over {
		return nil, fmt.Errorf("command %q wrote more than %d bytes", words, stdout.limit)
	}
	return stdout.data, nil
}

// bounded keeps the beginning of what is written.
type bounded struct {
	data  []byte
	limit int
	over  bool
}

func (b *bounded) Write(data []byte) (int, error) {
	room := b.limit - len(b.data)
	b.over = b.over || len(data) > room
	b.data = append(b.data, data[:min(room, len(data))]...)
	return len(data), nil
}

// start starts the connector and connects to it.
func (t *trial) start(ctx context.Context) (*process, error) {
	return t.startOf(ctx, t.program)
}

func (t *trial) startOf(ctx context.Context, run program) (*process, error) {
	p, err := t.launch(run, startOptions{})
	if err != nil {
		return nil, err
	}
	return p, p.connect(ctx, t.startLimit)
}

// launch starts the connector, and leaves its handshake to the caller.
func (t *trial) launch(run program, o startOptions) (*process, error) {
	if t.options.Builtin != "" {
		o.output = t.hostOutput()
	}
	p, err := startProcess(run, o)
	if err != nil {
		return nil, err
	}
	p.rude = t.rude
	t.started = append(t.started, p)
	return p, nil
}

// call bounds one call.
func (t *trial) call(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, t.options.CallLimit, fmt.Errorf("no answer within %v", t.options.CallLimit))
}

// answered tells of a failed call; one without an answer says so.
func (t *trial) answered(ctx context.Context, p *process, call string, err error) error {
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%s: no answer within %v%s", call, t.options.CallLimit, p.lastWords())
	}
	return p.failed(call, err)
}

// identity is who a step is; checks that need others make them by number.
type identity struct{ job, uuid, uid string }

func (t *trial) identity(number int) identity {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", t.name, number))
	sum[6], sum[8] = sum[6]&0x0f|0x40, sum[8]&0x3f|0x80
	return identity{
		job: "conformance", uid: "conformance",
		uuid: fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16]),
	}
}

// config is what a step gives to its connector.
func (t *trial) config(settings map[string]any, who identity, attempt uint64) (*v1.Config, error) {
	text, err := settingsJSON(settings, t.placeholders())
	if err != nil {
		return nil, err
	}
	return &v1.Config{
		Job: who.job, JobUuid: who.uuid, Uid: who.uid, Attempt: attempt,
		Parallelism: subtasks, BaseDir: t.scenario.Folder, Settings: text,
	}, nil
}
