package sqlite_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// jobText moves the rows of two tables to one table of another database.
const jobText = `
name: move
parallelism: 2
checkpoint: {store: ./checkpoints, interval: 20ms}
restart: {delay_initial: 10ms}
flow:
  - source: orders
    connector: sqlite
    config: {database: input.db, tables: [north, south], key: customer, timestamp: at, batch_bytes: 4096}
  - sink: copies
    input: {from: orders, edge: rebalance}
    connector: sqlite
    config: {database: output.db, table: copies}
`

// makeInput fills the tables of the input.
const makeInput = `
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1] + "/input.db")
for table in ("north", "south"):
    connection.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY AUTOINCREMENT, customer, value, at INTEGER)")
    connection.executemany(f"INSERT INTO {table} (customer, value, at) VALUES (?, ?, ?)",
        ((f"customer {i % 100}", f"{table} {i}", i) for i in range(int(sys.argv[2]))))
connection.commit()
`

// compare prints what differs between input and output, and what is left staged.
const compare = `
import collections, sqlite3, sys
connection = sqlite3.connect(sys.argv[1] + "/output.db")
connection.execute("ATTACH ? AS input", (sys.argv[1] + "/input.db",))
want = collections.Counter(connection.execute("SELECT customer, value, at, 'insert' FROM north UNION ALL SELECT customer, value, at, 'insert' FROM south"))
got = collections.Counter(connection.execute("SELECT key, value, timestamp, kind FROM copies"))
for name, rows in (("lost", want - got), ("more than once", got - want)):
    if rows:
        print(name, sum(rows.values()), list(rows)[:3])
(staged,) = connection.execute("SELECT count(*) FROM turgo_rows").fetchone()
if staged:
    print(staged, "rows are staged still")
`

// built is the host's program, for all tests; built when it is wanted first.
var built struct {
	once   sync.Once
	folder string
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built.folder != "" {
		os.RemoveAll(built.folder)
	}
	os.Exit(code)
}

// buildTurgo gives the path of the host's program.
func buildTurgo(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		folder, err := os.MkdirTemp("", "turgo-plugins-")
		if err != nil {
			t.Fatal(err)
		}
		built.folder = folder
		output(t, "go", "build", "-o", filepath.Join(folder, "turgo"), "../../cmd/turgo")
	})
	return filepath.Join(built.folder, "turgo")
}

// start runs the job in a folder.
func start(t *testing.T, turgo, folder, crashAt string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	command := exec.CommandContext(t.Context(), turgo, "run", "--connectors", filepath.Join(folder, "connectors"), filepath.Join(folder, "job.yaml"))
	command.Env = append(os.Environ(), "TURGO_CRASH_AT="+crashAt)
	log := &bytes.Buffer{}
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	return command, log
}

// killed reports whether SIGKILL ended a run.
func killed(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// killConnectors kills connectors of a job, one after the other, until the host ends
// or count are dead. Each may see some checkpoints before it dies: the first of what
// is written to the store is the attempt's claim, and who dies at the start of a job
// ends it.
func killConnectors(host *exec.Cmd, manifests string, count int, ended <-chan struct{}) (dead int) {
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	newest, checkpoints := newestIn(manifests), 0
	for dead < count {
		select {
		case <-ended:
			return dead
		case <-ticker.C:
		}
		now := newestIn(manifests)
		if now == newest {
			continue
		}
		newest = now
		if checkpoints++; checkpoints < 3 {
			continue
		}
		// The source started first, the sink after it: they die in turn.
		children := childrenOf(host.Process.Pid)
		slices.Sort(children)
		if len(children) > 0 && syscall.Kill(children[dead%len(children)], syscall.SIGKILL) == nil {
			dead++
			checkpoints = 0
		}
	}
	return dead
}

// newestIn gives the last name in a folder.
func newestIn(folder string) string {
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) == 0 {
		return ""
	}
	return entries[len(entries)-1].Name()
}

func childrenOf(pid int) (children []int) {
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return nil
	}
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			continue // that thread has ended
		}
		for word := range strings.FieldsSeq(string(text)) {
			var child int
			if _, err := fmt.Sscan(word, &child); err == nil {
				children = append(children, child)
			}
		}
	}
	return children
}

// A job from SQLite to SQLite, whose host and whose connectors are killed, writes
// each row once.
func TestJobThatIsKilled(t *testing.T) {
	t.Parallel()
	rows, kills := 60_000, 4
	points := []string{"after_prepare:1", "in_commits:1", "after_manifest:1", "after_commits:1", "before_prepare:2"}
	if testing.Short() {
		rows, kills, points = 30_000, 2, points[:2]
	}
	turgo, folder := buildTurgo(t), t.TempDir()
	install(t, filepath.Join(folder, "connectors"))
	output(t, python(t), "-c", makeInput, folder, fmt.Sprint(rows))
	if err := os.WriteFile(filepath.Join(folder, "job.yaml"), []byte(jobText), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, point := range points {
		command, log := start(t, turgo, folder, point)
		if err := command.Wait(); !killed(err) {
			t.Fatalf("the run was not killed at %s: %v\n%s", point, err, log)
		}
	}
	command, log := start(t, turgo, folder, "")
	ended, dead := make(chan struct{}), make(chan int)
	go func() {
		dead <- killConnectors(command, filepath.Join(folder, "checkpoints", "manifest"), kills, ended)
	}()
	err := command.Wait()
	close(ended)
	if n := <-dead; n < kills/2 {
		t.Errorf("%d connectors were killed: the job ended too soon", n)
	}
	if strings.Contains(log.String(), "stdio") {
		t.Errorf("that the connector lacks a service it does not need is in the log:\n%s", log)
	}
	if err != nil {
		t.Fatalf("turgo run: %v\n%s", err, log)
	}
	if differences := output(t, python(t), "-c", compare, folder); len(differences) > 0 {
		t.Errorf("%s\n%s", differences, log)
	}
}
