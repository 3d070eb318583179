package sqlite_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

// buildTurgo builds the host's program.
func buildTurgo(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "turgo")
	output(t, "go", "build", "-o", path, "../../cmd/turgo")
	return path
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

// killConnectors kills processes of the connector that a host has started, one after
// the other, until the host ends or count are dead.
func killConnectors(host *exec.Cmd, count int, ended <-chan struct{}) (dead int) {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	seen := map[int]int{}
	for dead < count {
		select {
		case <-ended:
			return dead
		case <-ticker.C:
		}
		for _, pid := range childrenOf(host.Process.Pid) {
			// A process is to have done something before it dies.
			if seen[pid]++; seen[pid] == 25 && syscall.Kill(pid, syscall.SIGKILL) == nil {
				dead++
				break
			}
		}
	}
	return dead
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
	rows := 60_000
	if testing.Short() {
		rows = 30_000
	}
	turgo, folder := buildTurgo(t), t.TempDir()
	install(t, filepath.Join(folder, "connectors"))
	output(t, python(t), "-c", makeInput, folder, fmt.Sprint(rows))
	if err := os.WriteFile(filepath.Join(folder, "job.yaml"), []byte(jobText), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, point := range []string{"after_prepare:1", "in_commits:1", "after_manifest:1", "after_commits:1", "before_prepare:2"} {
		command, log := start(t, turgo, folder, point)
		if err := command.Wait(); !killed(err) {
			t.Fatalf("the run was not killed at %s: %v\n%s", point, err, log)
		}
	}
	command, log := start(t, turgo, folder, "")
	ended, dead := make(chan struct{}), make(chan int)
	go func() { dead <- killConnectors(command, 3, ended) }()
	err := command.Wait()
	close(ended)
	if n := <-dead; n == 0 {
		t.Errorf("no connector was killed: the job ended too soon")
	}
	if err != nil {
		t.Fatalf("turgo run: %v\n%s", err, log)
	}
	if differences := output(t, python(t), "-c", compare, folder); len(differences) > 0 {
		t.Errorf("%s\n%s", differences, log)
	}
}
