package job_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/checkpoint/memstore"
	"github.com/turgo-stream/turgo/host/job"
	"github.com/turgo-stream/turgo/host/plan"
)

// endless is a source whose splits never end. Each holds one record.
type endless struct {
	numbers
	count  int           // of splits
	away   chan struct{} // Discover waits until it is closed
	listed atomic.Bool

	mutex    sync.Mutex
	restored []bool // by Source that was opened
	given    map[string]bool
	positive int // splits that were given with a position
}

func (s *endless) Discover(ctx context.Context) ([]connectors.Split, bool, error) {
	select {
	case <-s.away:
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
	defer s.listed.Store(true)
	splits := make([]connectors.Split, s.count)
	for i := range splits {
		splits[i] = connectors.Split{ID: fmt.Sprint("split ", i), Data: []byte("fixed"), Eager: true}
	}
	return splits, false, nil
}

func (s *endless) OpenReader(context.Context, int) (connectors.Reader, error) {
	return &endlessReader{source: s}, nil
}

type endlessReader struct {
	source *endless
	fresh  []string
}

func (r *endlessReader) Assign(_ context.Context, assignments []connectors.Assignment) error {
	r.source.mutex.Lock()
	defer r.source.mutex.Unlock()
	for _, a := range assignments {
		if string(a.Split.Data) != "fixed" {
			return fmt.Errorf("split %s comes with the data %q", a.Split.ID, a.Split.Data)
		}
		r.source.given[a.Split.ID] = true
		if a.Position == nil {
			r.fresh = append(r.fresh, a.Split.ID)
		} else {
			r.source.positive++
		}
	}
	return nil
}

func (r *endlessReader) Next(ctx context.Context) (connectors.Delivery, error) {
	if len(r.fresh) == 0 {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
		}
		return connectors.Delivery{}, ctx.Err()
	}
	id := r.fresh[0]
	r.fresh = r.fresh[1:]
	var b record.Builder
	b.Append(record.Record{Key: []byte(id), Value: []byte(id), Timestamp: record.NoTimestamp})
	return connectors.Delivery{SplitID: id, Batch: b.Finish(), Position: []byte("read")}, nil
}

func (r *endlessReader) Close() error { return nil }

// discovering is a world whose source is endless.
type discovering struct {
	*world
	endless *endless
}

func (d *discovering) Source(_ context.Context, _ *plan.ChainedStep, config connectors.Config) (connectors.Source, error) {
	d.endless.mutex.Lock()
	defer d.endless.mutex.Unlock()
	d.endless.restored = append(d.endless.restored, config.Restored)
	d.endless.given, d.endless.positive = map[string]bool{}, 0
	return d.endless, nil
}

func newDiscovering(count int) *discovering {
	return &discovering{world: &world{ledger: newLedger(), fail: never}, endless: &endless{count: count, away: make(chan struct{})}}
}

// runUntil runs the job until enough holds, asked at each point that is reached,
// and stops it with a checkpoint.
func (d *discovering) runUntil(t *testing.T, store checkpoint.Store, enough func(manifests int) bool) {
	t.Helper()
	stop := make(chan struct{})
	manifests, once := 0, sync.Once{}
	status, err := run(t.Context(), d.world, newPlan(t, 1), store, func(c *job.Config) {
		c.Runtime, c.Stop = d, stop
		c.Observe = func(p job.Point) {
			if p == job.AfterManifest {
				manifests++
			}
			if enough(manifests) {
				once.Do(func() { close(stop) })
			}
		}
	})
	if err != nil || status.State != job.Stopped {
		t.Fatalf("state %s, error %v", status.State, err)
	}
}

func afterThree(manifests int) bool { return manifests == 3 }

// A checkpoint that was taken before the first discovery does not pretend that
// the splits were known; one that was taken after it holds them all, though there
// are more than a subtask asks for.
func TestARestartKnowsWhetherSplitsWereDiscovered(t *testing.T) {
	const count = 150
	d, store := newDiscovering(count), memstore.New()
	visible := func() int {
		d.ledger.mu.Lock()
		defer d.ledger.mu.Unlock()
		return len(d.ledger.visible)
	}
	d.runUntil(t, store, afterThree) // the splits are not known
	close(d.endless.away)
	d.runUntil(t, store, func(int) bool { return visible() == count })
	d.runUntil(t, store, afterThree)
	if got, want := fmt.Sprint(d.endless.restored), "[false false true]"; got != want {
		t.Errorf("restored: %s, want %s", got, want)
	}
	if len(d.endless.given) != count || d.endless.positive != count {
		t.Errorf("the last run was given %d splits, %d with their position; want %d", len(d.endless.given), d.endless.positive, count)
	}
	for id, times := range d.ledger.visible {
		if times != 1 {
			t.Errorf("the record of %s is visible %d times", id, times)
		}
	}
}

// Where the first discovery found nothing, what is found later is new all the same.
func TestARestartKnowsThatNothingWasFound(t *testing.T) {
	d, store := newDiscovering(0), memstore.New()
	close(d.endless.away)
	for range 3 {
		before := 0
		d.endless.listed.Store(false)
		d.runUntil(t, store, func(manifests int) bool {
			if !d.endless.listed.Load() {
				before = manifests
			}
			return manifests == before+3
		})
	}
	if got, want := fmt.Sprint(d.endless.restored), "[false true true]"; got != want {
		t.Errorf("restored: %s, want %s", got, want)
	}
}
