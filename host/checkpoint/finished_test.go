package checkpoint_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/checkpoint/memstore"
)

// sourceRun is a job of one source task that finishes splits.
type sourceRun struct {
	t           *testing.T
	store       *memstore.Store
	log         *checkpoint.Log
	coordinator *checkpoint.Coordinator
	recovered   checkpoint.Recovered
	now         time.Time
	written     int64 // bytes of manifests and their attachments
}

var sourceTask = checkpoint.TaskID{Vertex: "lines"}

func sourceFacts() checkpoint.Facts {
	return checkpoint.Facts{Job: "job", MaxParallelism: 8, Vertices: []checkpoint.VertexFacts{{UID: "lines", Parallelism: 1, Source: "lines"}}}
}

func startSourceRun(t *testing.T, store *memstore.Store) *sourceRun {
	t.Helper()
	ctx := context.Background()
	log, err := checkpoint.OpenLog(ctx, store)
	if err != nil {
		t.Fatal(err)
	}
	decision := checkpoint.Decide(log.Contents(), sourceFacts(), checkpoint.Options{})
	recovered, err := log.Recovered(ctx, decision)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.Append(ctx, checkpoint.Entry{Claim: &checkpoint.Claim{Job: "job", Attempt: decision.Attempt}}); err != nil {
		t.Fatal(err)
	}
	config := checkpoint.CoordinatorConfig{Job: "job", Attempt: decision.Attempt, MaxParallelism: 8, Tasks: []checkpoint.TaskID{sourceTask}, SourceTasks: []checkpoint.TaskID{sourceTask}, Interval: time.Second}
	r := &sourceRun{t: t, store: store, log: log, recovered: recovered, now: time.UnixMilli(0), coordinator: checkpoint.NewCoordinator(config, recovered)}
	r.step(checkpoint.Tick{})
	return r
}

func (r *sourceRun) step(event checkpoint.Event) {
	r.t.Helper()
	for _, action := range r.coordinator.Step(r.now, event) {
		switch a := action.(type) {
		case checkpoint.WriteManifest:
			number, err := r.log.Append(context.Background(), checkpoint.Entry{Checkpoint: a.Manifest, Attachments: a.Attachments})
			if err != nil {
				r.t.Fatal(err)
			}
			for _, attachment := range a.Attachments {
				r.written += int64(len(attachment.Data))
			}
			r.written += objectSize(r.t, r.store, fmt.Sprintf("manifest/%010d.a", number))
			r.step(checkpoint.ManifestDurable{Epoch: a.Manifest.Epoch, Number: number})
		case checkpoint.DeleteObjects:
			for _, name := range a.Names {
				if err := r.store.Delete(context.Background(), name); err != nil {
					r.t.Fatal(err)
				}
			}
		}
	}
}

// checkpoint takes one checkpoint in which count more splits have finished.
func (r *sourceRun) checkpoint(first, count int) {
	r.t.Helper()
	r.now = r.now.Add(time.Second)
	r.step(checkpoint.Tick{})
	var splits []checkpoint.SplitPosition
	for i := first; i < first+count; i++ {
		splits = append(splits, checkpoint.SplitPosition{ID: fmt.Sprintf("file-%06d", i), Finished: true})
	}
	r.step(checkpoint.TaskAcknowledged{Epoch: r.coordinator.Status().Current, Snapshot: checkpoint.TaskSnapshot{
		Task: sourceTask, Splits: map[string][]checkpoint.SplitPosition{"lines": splits},
	}})
}

func objectSize(t *testing.T, store *memstore.Store, name string) int64 {
	t.Helper()
	object, err := store.Open(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer object.Close()
	return object.Size()
}

// TestFinishedSplitsCostFollowsTheChange: the bytes written for 20 000 finished
// splits over 2000 checkpoints stay within a small multiple of the ids, and a
// restart knows every one of them.
func TestFinishedSplitsCostFollowsTheChange(t *testing.T) {
	store := memstore.New()
	r := startSourceRun(t, store)
	const perCheckpoint, checkpoints = 10, 2000
	for i := range checkpoints {
		if i == checkpoints/2 {
			written := r.written
			r = startSourceRun(t, store)
			r.written = written
		}
		r.checkpoint(i*perCheckpoint, perCheckpoint)
	}
	average := r.written / checkpoints
	if limit := int64(12 << 10); average > limit {
		t.Errorf("a checkpoint writes %d bytes on average for %d new ids, want at most %d", average, perCheckpoint, limit)
	}
	last := startSourceRun(t, store)
	ids := last.recovered.FinishedSplits["lines"]
	seen := map[string]bool{}
	for _, id := range ids {
		seen[id] = true
	}
	if len(ids) != perCheckpoint*checkpoints || len(seen) != len(ids) {
		t.Errorf("a restart knows %d finished splits, %d of them distinct, want %d", len(ids), len(seen), perCheckpoint*checkpoints)
	}
	lists, err := store.List(context.Background(), "splits/")
	if err != nil {
		t.Fatal(err)
	}
	if len(lists) > 40 {
		t.Errorf("%d lists are in the store, want at most 40", len(lists))
	}
}

func TestDamagedListOfSplitsIsNamed(t *testing.T) {
	for name, change := range map[string]func([]byte) []byte{
		"flipped":   func(data []byte) []byte { data[7] ^= 1; return data },
		"truncated": func(data []byte) []byte { return data[:len(data)-1] },
		"missing":   func([]byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			store := memstore.New()
			r := startSourceRun(t, store)
			r.checkpoint(0, 1000)
			lists, err := store.List(context.Background(), "splits/")
			if err != nil || len(lists) != 1 {
				t.Fatalf("lists %v, %v", lists, err)
			}
			store.Damage(lists[0], change)
			log, err := checkpoint.OpenLog(context.Background(), store)
			if err != nil {
				t.Fatal(err)
			}
			_, err = log.Recovered(context.Background(), checkpoint.Decide(log.Contents(), sourceFacts(), checkpoint.Options{}))
			damaged := (*checkpoint.DamagedError)(nil)
			if !errors.As(err, &damaged) || damaged.Names[0] != lists[0] {
				t.Errorf("got %v, want a DamagedError that names %s", err, lists[0])
			}
		})
	}
}
