package checkpoint_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/checkpoint/memstore"
)

func openLog(t *testing.T, store checkpoint.Store) *checkpoint.Log {
	t.Helper()
	log, err := checkpoint.OpenLog(context.Background(), store)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func appendClaim(t *testing.T, log *checkpoint.Log, attempt uint64) uint64 {
	t.Helper()
	number, err := log.Append(context.Background(), checkpoint.Entry{Claim: &checkpoint.Claim{Job: "job", Attempt: attempt}})
	if err != nil {
		t.Fatal(err)
	}
	return number
}

func TestOnlyOneOfTwoAppends(t *testing.T) {
	store := memstore.New()
	first, second := openLog(t, store), openLog(t, store)
	appendClaim(t, first, 1)
	_, err := second.Append(context.Background(), checkpoint.Entry{Claim: &checkpoint.Claim{Job: "job", Attempt: 1}})
	if !errors.Is(err, checkpoint.ErrLostLeadership) {
		t.Errorf("got %v, want ErrLostLeadership", err)
	}
}

// TestFailedAppendKeepsTheNumber: after an append that changed nothing, the
// number is used by the next one, so that the log has no gap.
func TestFailedAppendKeepsTheNumber(t *testing.T) {
	store := memstore.New()
	log := openLog(t, store)
	for _, full := range []string{"splits/x", "manifest/0000000001.a"} {
		store.SetHook(func(o memstore.Operation) memstore.Fault {
			if o.Name == full {
				return memstore.Full()
			}
			return memstore.Fault{}
		})
		entry := checkpoint.Entry{Checkpoint: &checkpoint.Manifest{Epoch: 1}, Attachments: []checkpoint.Attachment{{Name: "splits/x", Data: []byte("[]")}}}
		_, err := log.Append(context.Background(), entry)
		if !errors.Is(err, checkpoint.ErrFull) || !errors.Is(err, checkpoint.ErrUnchanged) {
			t.Errorf("%s: got %v, want ErrFull and ErrUnchanged", full, err)
		}
	}
	store.SetHook(nil)
	if number := appendClaim(t, log, 1); number != 1 {
		t.Errorf("the claim has number %d, want 1", number)
	}
}

func TestTwoDifferentCopiesAreDamage(t *testing.T) {
	store, other := memstore.New(), memstore.New()
	appendClaim(t, openLog(t, store), 1)
	appendClaim(t, openLog(t, other), 2)
	stranger := content(t, other, "manifest/0000000001.b")
	store.Damage("manifest/0000000001.b", func([]byte) []byte { return stranger })
	entries := openLog(t, store).Entries()
	if len(entries) != 1 || entries[0].Damaged == nil || !strings.Contains(entries[0].Damaged.Reason, "differ") {
		t.Errorf("entries %+v, want one with copies that differ", entries)
	}
}

func TestMovedEntryIsDamage(t *testing.T) {
	store := memstore.New()
	log := openLog(t, store)
	appendClaim(t, log, 1)
	appendClaim(t, log, 2)
	moved := content(t, store, "manifest/0000000001.a")
	for _, name := range []string{"manifest/0000000002.a", "manifest/0000000002.b"} {
		store.Damage(name, func([]byte) []byte { return moved })
	}
	_, err := openLog(t, store).Read(context.Background(), 2)
	damaged := (*checkpoint.DamagedError)(nil)
	if !errors.As(err, &damaged) || !strings.Contains(err.Error(), "manifest/0000000002.a") {
		t.Errorf("got %v, want a DamagedError that names the file", err)
	}
}

// TestOldEntryThatComesBack: a deletion that a crash undid leaves a wide gap,
// which must cost neither time nor the start.
func TestOldEntryThatComesBack(t *testing.T) {
	store := memstore.New()
	log := openLog(t, store)
	appendClaim(t, log, 1)
	old := content(t, store, "manifest/0000000001.a")
	far := bytes.Replace(old, []byte(`"number": 1,`), []byte(`"number": 1,`), 1)
	for _, name := range []string{"manifest/9000000000000000.a", "manifest/9000000000000000.b"} {
		if err := store.Create(context.Background(), name, far); err != nil {
			t.Fatal(err)
		}
	}
	if entries := openLog(t, store).Entries(); len(entries) != 3 {
		t.Errorf("%d entries, want 3: the first, the gap, and the last", len(entries))
	}
}

func TestForeignNamesAreIgnored(t *testing.T) {
	store := memstore.New()
	for _, name := range []string{"manifest/readme.txt", "manifest/0000000001.c", "manifest/-000000001.a", "manifest/0000000000.a", "manifest/99999999999999999999.a"} {
		if err := store.Create(context.Background(), name, []byte("hello")); err != nil {
			t.Fatal(err)
		}
	}
	if entries := openLog(t, store).Entries(); len(entries) != 0 {
		t.Errorf("entries %+v, want none", entries)
	}
}

func TestOneFlippedVersionIsServedByTheTwin(t *testing.T) {
	store := memstore.New()
	appendClaim(t, openLog(t, store), 1)
	newer := func(data []byte) []byte { return bytes.Replace(data, []byte("turgo-log 1"), []byte("turgo-log 3"), 1) }
	store.Damage("manifest/0000000001.a", newer)
	if entries := openLog(t, store).Entries(); len(entries) != 1 || entries[0].Copies != 1 || entries[0].Damaged != nil {
		t.Errorf("entries %+v, want one with one copy", entries)
	}
	store.Damage("manifest/0000000001.b", newer)
	_, err := checkpoint.OpenLog(context.Background(), store)
	if format := (*checkpoint.FormatError)(nil); !errors.As(err, &format) {
		t.Errorf("got %v, want a FormatError", err)
	}
}

func content(t *testing.T, store checkpoint.Store, name string) []byte {
	t.Helper()
	object, err := store.Open(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer object.Close()
	data := make([]byte, object.Size())
	if _, err := object.ReadAt(data, 0); err != nil {
		t.Fatal(err)
	}
	return data
}

// TestAssignmentKeepsTheOrderOfTables: a part of a shared table never moves in
// front of what it shadows.
func TestAssignmentKeepsTheOrderOfTables(t *testing.T) {
	table := func(object string, first, last uint16) checkpoint.Table {
		return checkpoint.Table{Object: object, First: first, Last: last, Operators: []string{"op"}}
	}
	facts := checkpoint.Facts{MaxParallelism: 8, Vertices: []checkpoint.VertexFacts{{UID: "v", Parallelism: 1, Operators: []string{"op"}}}}
	for _, c := range []struct{ name, want string }{
		{"shared", "s[0-7] a[0-3] b[4-7]"},
		{"merged on one side", "m[0-3] s[0-3] a[0-3] o[4-7] s[4-7] b[4-7]"},
	} {
		left := []checkpoint.Table{table("s", 0, 3), table("a", 0, 3)}
		right := []checkpoint.Table{table("s", 4, 7), table("b", 4, 7)}
		if c.name != "shared" {
			left = append([]checkpoint.Table{table("m", 0, 3)}, left...)
			right = append([]checkpoint.Table{table("o", 4, 7)}, right...)
		}
		m := &checkpoint.Manifest{
			Operators: []checkpoint.OperatorInfo{{UID: "op", Vertex: "v"}},
			Tasks: []checkpoint.TaskSnapshot{
				{Task: checkpoint.TaskID{Vertex: "v", Subtask: 0}, Tables: left},
				{Task: checkpoint.TaskID{Vertex: "v", Subtask: 1}, Tables: right},
			},
		}
		if got := tables(checkpoint.AssignTasks(m, facts)[0].Tables); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// TestStaleStateOfASplitChain: x and y were chained, then taken apart. A table
// from before holds both; each vertex gets its own line of tables, and chaining
// them again is refused while that table is there.
func TestStaleStateOfASplitChain(t *testing.T) {
	both := checkpoint.Table{Object: "both", Last: 7, Operators: []string{"x", "y"}}
	only := func(object, operator string) checkpoint.Table {
		return checkpoint.Table{Object: object, Last: 7, Operators: []string{operator}}
	}
	m := &checkpoint.Manifest{
		Job: "job", Epoch: 1, Number: 1, MaxParallelism: 8,
		Operators: []checkpoint.OperatorInfo{{UID: "x", Vertex: "x"}, {UID: "y", Vertex: "y"}},
		Tasks: []checkpoint.TaskSnapshot{
			{Task: checkpoint.TaskID{Vertex: "x"}, Tables: []checkpoint.Table{both, only("x1", "x")}},
			{Task: checkpoint.TaskID{Vertex: "y"}, Tables: []checkpoint.Table{both, only("y1", "y")}},
		},
	}
	facts := checkpoint.Facts{
		Job: "job", MaxParallelism: 8, Operators: m.Operators,
		Vertices: []checkpoint.VertexFacts{{UID: "x", Parallelism: 1, Operators: []string{"x"}}, {UID: "y", Parallelism: 1, Operators: []string{"y"}}},
	}
	var got []string
	for _, snapshot := range checkpoint.AssignTasks(m, facts) {
		got = append(got, fmt.Sprintf("%s: %s", snapshot.Task, tables(snapshot.Tables)))
	}
	if want := "x[0]: both[0-7] x1[0-7], y[0]: both[0-7] y1[0-7]"; strings.Join(got, ", ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	facts.Vertices = []checkpoint.VertexFacts{{UID: "x", Parallelism: 1, Operators: []string{"x", "y"}}}
	contents := checkpoint.Contents{Entries: []checkpoint.EntryInfo{{Number: 1, Entry: checkpoint.Entry{Checkpoint: m}}}}
	if d := checkpoint.Decide(contents, facts, checkpoint.Options{}); d.Kind != checkpoint.Refuse || !strings.Contains(d.Err.Error(), "cannot be chained") {
		t.Errorf("decided %v (%v), want a refusal", d.Kind, d.Err)
	}
}

func TestDroppedStatesStayOnRecord(t *testing.T) {
	states := func(names ...string) []checkpoint.StateInfo {
		var list []checkpoint.StateInfo
		for _, name := range names {
			list = append(list, checkpoint.StateInfo{Name: name, Kind: "value"})
		}
		return list
	}
	facts := checkpoint.Facts{Job: "job", MaxParallelism: 8, Vertices: []checkpoint.VertexFacts{{UID: "v", Parallelism: 1, Operators: []string{"op"}}}}
	var entries []checkpoint.EntryInfo
	for i, step := range []struct {
		declared []string
		want     string
	}{
		{[]string{"a", "b"}, "a b"},
		{[]string{"c", "b", "a"}, "c b a"},
		{[]string{"b"}, "b c(dropped) a(dropped)"},
		{[]string{"d", "a"}, "d a b(dropped) c(dropped)"},
	} {
		facts.Operators = []checkpoint.OperatorInfo{{UID: "op", States: states(step.declared...)}}
		d := checkpoint.Decide(checkpoint.Contents{Entries: entries}, facts, checkpoint.Options{AllowDroppedState: true})
		if d.Kind == checkpoint.Refuse {
			t.Fatal(d.Err)
		}
		var got []string
		for _, s := range d.Operators[0].States {
			got = append(got, s.Name+when(s.Dropped, "(dropped)"))
		}
		if strings.Join(got, " ") != step.want {
			t.Errorf("start %d: got %v, want %s", i, got, step.want)
		}
		number := uint64(i + 1)
		entries = append(entries, checkpoint.EntryInfo{Number: number, Entry: checkpoint.Entry{Checkpoint: &checkpoint.Manifest{
			Job: "job", Epoch: checkpoint.Epoch(number), Number: number, MaxParallelism: 8, Operators: d.Operators,
		}}})
	}
}

// TestStrayEntryIsToldApart: a host that slept finds its number free again after
// deletion, learns that it has lost the job, and what it wrote counts for nothing.
func TestStrayEntryIsToldApart(t *testing.T) {
	store := memstore.New()
	asleep := openLog(t, store)
	appendClaim(t, asleep, 1)
	awake := openLog(t, store)
	appendClaim(t, awake, 2)
	appendClaim(t, awake, 3)
	for _, name := range []string{"manifest/0000000001.a", "manifest/0000000001.b", "manifest/0000000002.a", "manifest/0000000002.b"} {
		if err := store.Delete(context.Background(), name); err != nil {
			t.Fatal(err)
		}
	}
	stray := checkpoint.Entry{Checkpoint: &checkpoint.Manifest{Job: "job", Epoch: 9}}
	if _, err := asleep.Append(context.Background(), stray); !errors.Is(err, checkpoint.ErrLostLeadership) {
		t.Fatalf("got %v, want ErrLostLeadership", err)
	}
	contents := openLog(t, store).Contents()
	if len(contents.Entries) != 2 || !contents.Entries[0].Stray || contents.Entries[1].Stray {
		t.Errorf("entries %+v, want a stray one and a claim", contents.Entries)
	}
	if d := checkpoint.Decide(contents, checkpoint.Facts{Job: "job"}, checkpoint.Options{}); d.Kind != checkpoint.Fresh || d.Attempt != 4 {
		t.Errorf("decided %v as attempt %d, want a fresh start as attempt 4", d.Kind, d.Attempt)
	}
}
