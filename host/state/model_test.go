package state

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/keygroup"
)

// The model is plain Go maps. It is copied to remember a checkpoint.
type modelValue struct {
	value  string
	expiry int64 // 0: none
}

type modelTimer struct {
	key  string
	time int64
}

type model struct {
	values [2]map[string]modelValue            // count, lease
	lists  [2]map[string][]modelValue          // events, session
	maps   [2]map[string]map[string]modelValue // items, recent
	timers [2]map[modelTimer]bool
}

func newModel() *model {
	m := &model{}
	for i := range 2 {
		m.values[i], m.lists[i], m.timers[i] = map[string]modelValue{}, map[string][]modelValue{}, map[modelTimer]bool{}
		m.maps[i] = map[string]map[string]modelValue{}
	}
	return m
}

func (m *model) clone() *model {
	c := newModel()
	for i := range 2 {
		c.values[i], c.timers[i] = maps.Clone(m.values[i]), maps.Clone(m.timers[i])
		for key, list := range m.lists[i] {
			c.lists[i][key] = slices.Clone(list)
		}
		for key, entries := range m.maps[i] {
			c.maps[i][key] = maps.Clone(entries)
		}
	}
	return c
}

// task is one backend of the job under test, and the freezes under way.
type modelTask struct {
	backend     *Backend
	keyed       *Keyed
	first, last int
	now         int64 // by which entries expire here
}

// saved is a complete checkpoint.
type saved struct {
	model  *model
	tables []checkpoint.Table
}

type checker struct {
	*rapid.T
	world          *world
	model          *model
	tasks          []*modelTask
	maxParallelism int
	cacheBytes     int64
	last           saved
	pending        []pendingFreeze
}

// pendingFreeze is a checkpoint whose upload has not happened yet.
type pendingFreeze struct {
	model  *model
	frozen []*Frozen
}

func (c *checker) start(parallelism int, tables []checkpoint.Table) {
	for _, task := range c.tasks {
		must2(c, task.backend.Close())
		// What had expired may show again where a clock is still behind after a restart.
		c.world.now = max(c.world.now, task.now)
	}
	c.tasks, c.pending = nil, nil
	for subtask := range parallelism {
		first, last := keygroup.Range(subtask, c.maxParallelism, parallelism)
		config := c.world.config(first, last, c.maxParallelism)
		config.CacheBytes, config.MaxTimersInHeap, config.MaxOverlap, config.TableBytes = c.cacheBytes, 16, 4, 2000
		backend, err := Open(config)
		must2(c, err)
		keyed, err := backend.Operator("counter", testStates, testTimers)
		must2(c, err)
		must2(c, backend.Restore(context.Background(), tables))
		c.tasks = append(c.tasks, &modelTask{backend, keyed, first, last, c.world.now})
	}
}

func must2(t *checker, err error) {
	if err != nil {
		t.Fatal(err)
	}
}

func (c *checker) taskOf(key string) *modelTask {
	group := keygroup.Of([]byte(key), c.maxParallelism)
	for _, task := range c.tasks {
		if task.first <= group && group <= task.last {
			return task
		}
	}
	panic("no task owns the key")
}

// begin starts a transaction at the world's time, or at a later one that the
// task has seen.
func (c *checker) begin(task *modelTask) {
	c.sees(task)
	task.keyed.Begin(c.world.now)
}

func (c *checker) sees(task *modelTask) { task.now = max(task.now, c.world.now) }

var modelKeys = []string{"", "a", "b", "c", "dd", "eeeeeeeeeeeeeeeeeeeeeeeee", "\x00", "\xff\xff", "g", "h"}
var modelSubKeys = []string{"", "\x00", "a", "b", "b\x00", "c", "\xff", "\xff\xff"}

func (c *checker) drawValue() string {
	size := rapid.SampledFrom([]int{0, 1, 8, 9, 70, 20000}).Draw(c.T, "size")
	return string(bytes.Repeat([]byte{byte(rapid.IntRange('a', 'z').Draw(c.T, "fill"))}, size))
}

// transaction runs random calls on one task, and applies to the model what
// stays.
func (c *checker) transaction() {
	task := c.tasks[rapid.IntRange(0, len(c.tasks)-1).Draw(c.T, "task")]
	var keys []string
	for _, key := range modelKeys {
		if c.taskOf(key) == task {
			keys = append(keys, key)
		}
	}
	before := c.model.clone()
	c.begin(task)
	marked := c.model.clone()
	task.keyed.Mark()
	for range rapid.IntRange(0, 12).Draw(c.T, "calls") {
		switch rapid.IntRange(0, 19).Draw(c.T, "step") {
		case 0:
			task.keyed.Mark()
			marked = c.model.clone()
		case 1:
			task.keyed.Undo()
			c.model = marked.clone()
		case 2, 3:
			c.fire(task)
		case 4:
			must2(c, task.keyed.Prefetch([]int{0, 1}, func(yield func([]byte) bool) {
				for _, key := range keys {
					if !yield([]byte(key)) {
						return
					}
				}
			}))
		default:
			if len(keys) > 0 {
				key := rapid.SampledFrom(keys).Draw(c.T, "key")
				must2(c, task.keyed.SetKey([]byte(key)))
				c.call(task, key)
			}
		}
	}
	if rapid.IntRange(0, 3).Draw(c.T, "outcome") == 0 {
		task.keyed.Rollback()
		c.model = before
	} else {
		must2(c, task.keyed.Commit())
	}
}

// call makes one random call for the current key and checks its answer.
func (c *checker) call(task *modelTask, key string) {
	k := task.keyed
	which := rapid.IntRange(0, 1).Draw(c.T, "which")
	switch rapid.IntRange(0, 12).Draw(c.T, "call") {
	case 0, 1:
		value := c.drawValue()
		must2(c, k.ValuePut(stateCount+which, []byte(value)))
		c.model.values[which][key] = modelValue{value, expiryAfter(task.now, which*50)}
	case 2:
		c.checkValue(task, which, key)
	case 3:
		must2(c, k.Clear(stateCount+which))
		delete(c.model.values[which], key)
	case 4, 5:
		value := c.drawValue()
		must2(c, k.ListAppend(stateEvents+which, []byte(value)))
		c.model.lists[which][key] = append(slices.Clone(c.model.lists[which][key]), modelValue{value, expiryAfter(task.now, which*30)})
	case 6:
		c.checkList(task, which, key)
	case 7:
		if rapid.Bool().Draw(c.T, "map") {
			must2(c, k.Clear(stateItems+which))
			delete(c.model.maps[which], key)
		} else {
			must2(c, k.Clear(stateEvents+which))
			delete(c.model.lists[which], key)
		}
	case 8, 9:
		subKey, value := rapid.SampledFrom(modelSubKeys).Draw(c.T, "sub-key"), c.drawValue()
		must2(c, k.MapPut(stateItems+which, []byte(subKey), []byte(value)))
		if c.model.maps[which][key] == nil {
			c.model.maps[which][key] = map[string]modelValue{}
		}
		c.model.maps[which][key][subKey] = modelValue{value, expiryAfter(task.now, which*40)}
	case 10:
		if rapid.Bool().Draw(c.T, "check") {
			c.checkMap(task, which, key)
			return
		}
		subKey := rapid.SampledFrom(modelSubKeys).Draw(c.T, "sub-key")
		must2(c, k.MapDelete(stateItems+which, []byte(subKey)))
		delete(c.model.maps[which][key], subKey)
	default:
		at := rapid.SampledFrom([]int64{-1 << 63, -5, 0, 1, 2, 3, 50, 1<<63 - 1}).Draw(c.T, "time")
		if rapid.IntRange(0, 3).Draw(c.T, "delete") == 0 {
			must2(c, k.TimerDelete(which, at))
			delete(c.model.timers[which], modelTimer{key, at})
		} else {
			must2(c, k.TimerSet(which, at))
			c.model.timers[which][modelTimer{key, at}] = true
		}
	}
}

func expiryAfter(now int64, timeToLive int) int64 {
	if timeToLive == 0 {
		return 0
	}
	return now + int64(timeToLive)
}

func (task *modelTask) live(v modelValue) bool { return v.expiry == 0 || v.expiry > task.now }

func (c *checker) checkValue(task *modelTask, which int, key string) {
	value, version, found, err := task.keyed.ValueGet(stateCount + which)
	must2(c, err)
	want, wantFound := c.model.values[which][key]
	wantFound = wantFound && task.live(want)
	if found != wantFound || found && (string(value) != want.value || version != testStates[stateCount+which].SchemaVersion) {
		c.Fatalf("value %d of %q: %.20q, version %d, found %v; want %.20q, %v", which, key, value, version, found, want.value, wantFound)
	}
}

// checkList reads in pages of two.
func (c *checker) checkList(task *modelTask, which int, key string) {
	var got, want []string
	for from := uint64(0); ; {
		page := 0
		must2(c, task.keyed.ListRead(stateEvents+which, from, func(cursor uint64, version uint16, value []byte) bool {
			if cursor <= from || version != testStates[stateEvents+which].SchemaVersion {
				c.Fatalf("list %d of %q: cursor %d after %d, version %d", which, key, cursor, from, version)
			}
			got = append(got, string(value))
			from = cursor
			page++
			return page < 2
		}))
		if page < 2 {
			break
		}
	}
	for _, element := range c.model.lists[which][key] {
		if task.live(element) {
			want = append(want, element.value)
		}
	}
	if !slices.Equal(got, want) {
		c.Fatalf("list %d of %q: %.20q; want %.20q", which, key, got, want)
	}
}

// checkMap scans in pages of three, then gets each entry.
func (c *checker) checkMap(task *modelTask, which int, key string) {
	got, want := map[string]string{}, map[string]string{}
	for after := []byte(nil); ; {
		page := 0
		must2(c, task.keyed.MapScan(stateItems+which, after, func(subKey []byte, _ uint16, value []byte) bool {
			if after != nil && bytes.Compare(subKey, after) <= 0 {
				c.Fatalf("map %d of %q: %q after %q", which, key, subKey, after)
			}
			got[string(subKey)] = string(value)
			after = append([]byte{}, subKey...)
			page++
			return page < 3
		}))
		if page < 3 {
			break
		}
	}
	for subKey, value := range c.model.maps[which][key] {
		if task.live(value) {
			want[subKey] = value.value
		}
	}
	if !maps.Equal(got, want) {
		c.Fatalf("map %d of %q: %.20q; want %.20q", which, key, got, want)
	}
	for _, subKey := range modelSubKeys {
		value, _, found, err := task.keyed.MapGet(stateItems+which, []byte(subKey))
		must2(c, err)
		want, wantFound := want[subKey]
		if found != wantFound || string(value) != want {
			c.Fatalf("map %d of %q: entry %q is %.20q, %v; want %.20q, %v", which, key, subKey, value, found, want, wantFound)
		}
	}
}

// fire takes timers of one task and checks that they are the earliest.
func (c *checker) fire(task *modelTask) {
	which := rapid.IntRange(0, 1).Draw(c.T, "timer")
	upTo := rapid.SampledFrom([]int64{-10, 1, 40, 1<<63 - 1}).Draw(c.T, "up to")
	limit := rapid.IntRange(1, 5).Draw(c.T, "limit")
	c.checkNext(task, which)
	fired, last := 0, int64(-1<<63)
	must2(c, task.keyed.TimersDue(which, upTo, limit, func(key []byte, at int64) {
		timer := modelTimer{string(key), at}
		if !c.model.timers[which][timer] || at > upTo || at < last || c.taskOf(timer.key) != task {
			c.Fatalf("timer %d fired: %+v; up to %d, after %d", which, timer, upTo, last)
		}
		delete(c.model.timers[which], timer)
		last = at
		fired++
	}))
	if fired < limit {
		if next, found := c.nextTimer(task, which); found && next <= upTo {
			c.Fatalf("timer %d: %d fired up to %d, but %d is due", which, fired, upTo, next)
		}
	} else if next, found := c.nextTimer(task, which); found && next < last {
		c.Fatalf("timer %d: %d fired before %d", which, last, next)
	}
}

func (c *checker) nextTimer(task *modelTask, which int) (next int64, found bool) {
	for timer := range c.model.timers[which] {
		if c.taskOf(timer.key) == task && (!found || timer.time < next) {
			next, found = timer.time, true
		}
	}
	return next, found
}

func (c *checker) checkNext(task *modelTask, which int) {
	next, found, err := task.keyed.TimerNext(which)
	must2(c, err)
	wantNext, wantFound := c.nextTimer(task, which)
	if found != wantFound || found && next != wantNext {
		c.Fatalf("timer %d: next is %d, %v; want %d, %v", which, next, found, wantNext, wantFound)
	}
}

func (c *checker) freeze() {
	freeze := pendingFreeze{model: c.model.clone()}
	for _, task := range c.tasks {
		c.sees(task)
		frozen, err := task.backend.Freeze()
		must2(c, err)
		freeze.frozen = append(freeze.frozen, frozen)
	}
	c.pending = append(c.pending, freeze)
}

// write completes the oldest freeze, perhaps with a full store.
func (c *checker) write() {
	if len(c.pending) == 0 {
		return
	}
	freeze := c.pending[0]
	c.pending = c.pending[1:]
	c.world.store.full = rapid.IntRange(0, 3).Draw(c.T, "full") == 0
	failed := false
	var tables []checkpoint.Table
	for i, task := range c.tasks {
		_, err := freeze.frozen[i].Write(context.Background())
		failed = failed || err != nil
		task.backend.Complete(freeze.frozen[i])
		tables = append(tables, task.backend.Tables()...)
	}
	c.world.store.full = false
	if !failed {
		c.last = saved{freeze.model, tables}
	}
}

func (c *checker) merge() {
	for _, task := range c.tasks {
		c.sees(task)
		m := task.backend.Merge()
		if m == nil {
			continue
		}
		c.world.store.full = rapid.IntRange(0, 5).Draw(c.T, "full") == 0
		err := m.Run(context.Background())
		if full := c.world.store.full; err != nil && !full {
			c.Fatal(err)
		}
		c.world.store.full = false
		task.backend.CompleteMerge(m)
		if depth := len(deepest(task.backend.Tables())); err == nil && depth > len(deepest(m.inputs))+len(c.last.tables)+20 {
			c.Fatalf("%d tables overlap", depth)
		}
	}
}

func (c *checker) restart() {
	if rapid.Bool().Draw(c.T, "after a checkpoint") {
		c.freeze()
		for len(c.pending) > 0 {
			c.write()
		}
	}
	c.start(rapid.IntRange(1, 3).Draw(c.T, "parallelism"), c.last.tables)
	c.model = c.last.model.clone()
}

func (c *checker) checkAll() {
	for _, task := range c.tasks {
		c.begin(task)
		for _, key := range modelKeys {
			if c.taskOf(key) != task {
				continue
			}
			must2(c, task.keyed.SetKey([]byte(key)))
			for which := range 2 {
				c.checkValue(task, which, key)
				c.checkList(task, which, key)
				c.checkMap(task, which, key)
			}
		}
		must2(c, task.keyed.Commit())
		for which := range 2 {
			c.checkNext(task, which)
		}
	}
}

// drain fires all timers, since only that shows them all.
func (c *checker) drain() {
	for _, task := range c.tasks {
		for which := range 2 {
			c.begin(task)
			got := map[modelTimer]bool{}
			must2(c, task.keyed.TimersDue(which, 1<<63-1, 1<<20, func(key []byte, at int64) {
				got[modelTimer{string(key), at}] = true
			}))
			task.keyed.Rollback()
			for timer := range c.model.timers[which] {
				if c.taskOf(timer.key) == task && !got[timer] {
					c.Fatalf("timer %d: %+v never fires", which, timer)
				}
				delete(got, timer)
			}
			if len(got) > 0 {
				c.Fatalf("timer %d: %+v fire, which were not set", which, got)
			}
		}
	}
}

func TestStateEqualsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &checker{T: t, world: newWorld(), model: newModel(), maxParallelism: rapid.SampledFrom([]int{3, 8}).Draw(t, "max parallelism")}
		c.cacheBytes = rapid.SampledFrom([]int64{1, 200 << 10, 16 << 20}).Draw(t, "cache")
		c.last = saved{model: newModel()}
		c.start(rapid.IntRange(1, 3).Draw(t, "parallelism"), nil)
		defer func() {
			for _, task := range c.tasks {
				must2(c, task.backend.Close())
			}
		}()
		for range rapid.IntRange(1, 60).Draw(t, "actions") {
			switch rapid.IntRange(0, 11).Draw(t, "action") {
			case 0:
				// Now and then the clock jumps by an hour, and back again.
				elapsed := rapid.SampledFrom([]int64{1, 10, 20, 39, 40, 41, 3_600_000, -3_600_000}).Draw(t, "elapsed")
				c.world.now = max(1000, c.world.now+elapsed)
			case 1:
				c.freeze()
			case 2:
				c.write()
			case 3:
				c.merge()
			case 4:
				c.restart()
			case 5:
				c.checkAll()
			default:
				c.transaction()
			}
		}
		c.checkAll()
		c.drain()
	})
}
