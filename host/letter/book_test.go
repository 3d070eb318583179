package letter

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"testing"

	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/checkpoint/memstore"
)

// world is a job's letters as they should be, beside the store that holds them.
type world struct {
	t        *testing.T
	random   *rand.Rand
	store    *memstore.Store
	keeper   *Keeper
	epoch    checkpoint.Epoch
	segments []checkpoint.LetterSegment // of the newest manifest
	deleted  uint64
	model    map[string]*modelLetter
	ids      []string
	book     *Book // read all the time
	merges   int
}

type modelLetter struct {
	status   Status
	attempts int
	value    string
	order    uint64
	ordered  string // the value that the order goes with
}

func everything(*Item) bool { return true }

func (w *world) command(c Command) uint64 {
	c.By = "u"
	err := AppendCommand(context.Background(), w.store, &c, func(context.Context) (uint64, error) { return w.deleted, nil })
	if err != nil {
		w.t.Fatal(err)
	}
	return c.Number
}

// some draws letters of a status.
func (w *world) some(status Status) []string {
	var ids []string
	for _, id := range w.ids {
		if w.model[id].status == status && w.random.IntN(3) == 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

func (w *world) step() {
	switch w.random.IntN(7) {
	case 0: // new letters, in a manifest
		for range 1 + w.random.IntN(5) {
			l := simple(fmt.Sprint("k", len(w.ids)))
			id := add(w.t, w.keeper, l)
			w.ids = append(w.ids, id)
			w.model[id] = &modelLetter{status: Waiting, attempts: 1, value: string(firstValue(l.Record))}
		}
		w.checkpoint()
	case 1:
		if ids := w.some(Waiting); len(ids) > 0 {
			value := fmt.Sprint("edited", w.random.IntN(1000))
			w.command(Command{Kind: EditCommand, IDs: ids, Patch: &Patch{SetValue: true, Value: []byte(value)}})
			for _, id := range ids {
				w.model[id].value = value
			}
		}
	case 2:
		if ids := w.some([]Status{Waiting, Ordered}[w.random.IntN(2)]); len(ids) > 0 {
			w.command(Command{Kind: DiscardCommand, IDs: ids})
			for _, id := range ids {
				w.model[id].status = Discarded
			}
		}
	case 3:
		if ids := w.some(Waiting); len(ids) > 0 {
			number := w.command(Command{Kind: ResubmitCommand, IDs: ids})
			for _, id := range ids {
				m := w.model[id]
				m.status, m.order, m.ordered = Ordered, number, m.value
			}
		}
	case 4, 5:
		w.carryOut()
	case 6:
		w.compact()
	}
}

// carryOut tries some letters, as the tasks do.
func (w *world) carryOut() {
	book := w.fresh()
	orders, _ := book.Orders(1000, func(string) bool { return w.random.IntN(2) == 0 })
	for _, o := range orders {
		r, err := book.Resubmission(context.Background(), o)
		if err != nil {
			w.t.Fatal(err)
		}
		m := w.model[o.ID]
		if m.status != Ordered || m.order != o.Command || string(firstValue(r.Letter.Record)) != m.ordered {
			w.t.Fatalf("order %+v with value %q, the letter is %+v", o, firstValue(r.Letter.Record), m)
		}
		if w.random.IntN(2) == 0 {
			w.keeper.Answer(Answer{ID: o.ID, Command: o.Command})
			m.status = Done
			continue
		}
		again := *r.Letter
		again.Attempts, again.Command = again.Attempts+1, r.Command
		add(w.t, w.keeper, &again)
		m.status, m.attempts = Waiting, again.Attempts
	}
	w.checkpoint()
}

func (w *world) checkpoint() {
	w.epoch++
	w.segments = append(w.segments, write(w.t, w.keeper, w.epoch, func() {})...)
	w.keeper.Complete(w.epoch)
}

// compact does what the job does between two checkpoints.
func (w *world) compact() {
	book := w.fresh()
	if c := PlanCompaction(w.segments, book); c != nil {
		w.merges++
		swap, err := c.Run(context.Background(), w.store, fmt.Sprint("letters/merged-", w.merges))
		if err != nil {
			w.t.Fatal(err)
		}
		w.segments = slices.DeleteFunc(w.segments, func(s checkpoint.LetterSegment) bool { return slices.Contains(swap.Removed, s.Object) })
		w.segments = append(w.segments, swap.Added...)
	}
	book = w.fresh()
	numbers, names := book.Dropped(func(*Command) bool { return w.random.IntN(2) == 0 })
	for i, name := range names {
		w.deleted = max(w.deleted, numbers[i])
		if err := w.store.Delete(context.Background(), name); err != nil {
			w.t.Fatal(err)
		}
	}
}

// fresh is a book that is read anew.
func (w *world) fresh() *Book {
	b := NewBook(w.store)
	w.read(b)
	return b
}

func (w *world) read(b *Book) {
	ctx := context.Background()
	if _, err := b.ReadCommands(ctx); err != nil {
		w.t.Fatal(err)
	}
	if err := b.Sync(ctx, w.segments); err != nil {
		w.t.Fatal(err)
	}
	if damaged := b.Damaged(); len(damaged) > 0 {
		w.t.Fatal(damaged)
	}
}

func (w *world) check() {
	w.read(w.book)
	fresh := w.fresh()
	if got, want := w.book.Items(everything), fresh.Items(everything); !reflect.DeepEqual(got, want) {
		w.t.Fatalf("the book that is kept differs from one that is read anew:\n%+v\n%+v", got, want)
	}
	for id, m := range w.model {
		item, err := fresh.Item(id)
		if m.status.Settled() {
			if err == nil && item.Status != m.status {
				w.t.Fatalf("%s is %s, must be %s or gone", id, item.Status, m.status)
			}
			continue
		}
		if err != nil || item.Status != m.status || item.Attempts != m.attempts {
			w.t.Fatalf("%s is %+v (%v), must be %+v", id, item, err, m)
		}
		l, err := fresh.Read(context.Background(), id)
		if err != nil || string(firstValue(l.Record)) != m.value {
			w.t.Fatalf("%s holds %q (%v), must be %q", id, firstValue(l.Record), err, m.value)
		}
	}
	settled, _ := fresh.Settled()
	total := 0
	for _, s := range w.segments {
		total += s.Letters
	}
	open := 0
	for _, m := range w.model {
		if !m.status.Settled() {
			open++
		}
	}
	if total-settled != open {
		w.t.Fatalf("%d letters in segments, %d of them settled; %d are open", total, settled, open)
	}
}

// TestBookFollowsTheModel lets letters fail, be edited, ordered, tried and
// discarded in any order, with compactions in between: nothing is lost, no
// settled letter comes back, and an order goes with the edits before it.
func TestBookFollowsTheModel(t *testing.T) {
	merges, dropped := 0, uint64(0)
	for seed := range uint64(60) {
		store := memstore.New()
		w := &world{
			t: t, random: rand.New(rand.NewPCG(seed, 1)), store: store, keeper: newKeeper(store, "t"),
			model: map[string]*modelLetter{}, book: NewBook(store),
		}
		for range 120 {
			w.step()
			w.check()
		}
		if len(w.segments) > 40 {
			t.Errorf("seed %d: %d segments", seed, len(w.segments))
		}
		merges += w.merges
		dropped += w.deleted
	}
	if merges == 0 || dropped == 0 {
		t.Errorf("%d merges, commands deleted up to %d: the test tests nothing", merges, dropped)
	}
}

// TestCompactionWithoutABook keeps the frames as they are.
func TestCompactionWithoutABook(t *testing.T) {
	store := memstore.New()
	k := newKeeper(store, "t")
	var segments []checkpoint.LetterSegment
	for epoch := range checkpoint.Epoch(20) {
		segments = append(segments, write(t, k, epoch+1, func() { add(t, k, simple(fmt.Sprint("k", epoch))) })...)
		k.Complete(epoch + 1)
	}
	c := PlanCompaction(segments, nil)
	if c == nil {
		t.Fatal("20 small segments are not merged")
	}
	swap, err := c.Run(context.Background(), store, "letters/merged-1")
	if err != nil {
		t.Fatal(err)
	}
	if len(swap.Removed) != 20 || len(swap.Added) != 1 || swap.Added[0].Letters != 20 {
		t.Errorf("%+v", swap)
	}
	b := NewBook(store)
	if err := b.Sync(context.Background(), swap.Added); err != nil || b.Len() != 20 {
		t.Errorf("%d letters: %v", b.Len(), err)
	}
	if PlanCompaction(swap.Added, nil) != nil {
		t.Error("one segment is merged again")
	}
}

// TestDamagedSegment names it; the others stay usable.
func TestDamagedSegment(t *testing.T) {
	store := memstore.New()
	k := newKeeper(store, "t")
	segments := write(t, k, 1, func() { add(t, k, simple("a")) })
	k.Complete(1)
	segments = append(segments, write(t, k, 2, func() { add(t, k, simple("b")) })...)
	segments[0].Checksum = checksum(nil)
	b := NewBook(store)
	if err := b.Sync(context.Background(), segments); err != nil {
		t.Fatal(err)
	}
	if damaged := b.Damaged(); len(damaged) != 1 || b.Len() != 1 {
		t.Errorf("damaged %v, %d letters", damaged, b.Len())
	}
	if PlanCompaction(segments, b) != nil {
		t.Error("a damaged segment is compacted")
	}
}

// TestOrdersWaitWhereTheAnswerMayBeLost: else they could take effect twice.
func TestOrdersWaitWhereTheAnswerMayBeLost(t *testing.T) {
	store := memstore.New()
	k := newKeeper(store, "t")
	var id string
	segments := write(t, k, 1, func() { id = add(t, k, simple("a")) })
	k.Complete(1)
	ctx := context.Background()
	none := func(context.Context) (uint64, error) { return 0, nil }
	order := func() uint64 {
		c := &Command{Kind: ResubmitCommand, IDs: []string{id}}
		if err := AppendCommand(ctx, store, c, none); err != nil {
			t.Fatal(err)
		}
		return c.Number
	}
	answered := write(t, k, 2, func() { k.Answer(Answer{ID: id, Command: order()}) })
	whole := append(slices.Clone(segments), answered...)
	damaged := slices.Clone(whole)
	damaged[1].Checksum = checksum(nil)
	b := NewBook(store)
	orders := func(segments []checkpoint.LetterSegment) []Order {
		if _, err := b.ReadCommands(ctx); err != nil {
			t.Fatal(err)
		}
		if err := b.Sync(ctx, segments); err != nil {
			t.Fatal(err)
		}
		list, _ := b.Orders(10, func(string) bool { return false })
		return list
	}
	if list := orders(damaged); len(list) != 0 || b.Held(1) == "" {
		t.Errorf("an order is handed out whose answer may be lost: %v", list)
	}
	// A newer order is the user's word that it may.
	number := order()
	if list := orders(damaged); len(list) != 1 || list[0].Command != number {
		t.Errorf("the new order is not handed out: %v", list)
	}
	// With the good copy back, the letter is done. So it is if the letter's own
	// segment comes back later than the answer.
	if list := orders(whole); len(list) != 0 || b.Held(1) != "" {
		t.Errorf("orders %v", list)
	}
	b = NewBook(store)
	damaged = slices.Clone(whole)
	damaged[0].Checksum = checksum(nil)
	if list := orders(damaged); len(list) != 0 {
		t.Errorf("orders %v", list)
	}
	if list := orders(whole); len(list) != 0 {
		t.Errorf("a letter that came back lost its answer: %v", list)
	}
}

// TestOrdersWaitBehindADamagedCommand: it may have been an edit.
func TestOrdersWaitBehindADamagedCommand(t *testing.T) {
	store := memstore.New()
	k := newKeeper(store, "t")
	var id string
	segments := write(t, k, 1, func() { id = add(t, k, simple("a")) })
	ctx := context.Background()
	if err := store.Create(ctx, commandName(1), []byte("damaged")); err != nil {
		t.Fatal(err)
	}
	none := func(context.Context) (uint64, error) { return 0, nil }
	if err := AppendCommand(ctx, store, &Command{Kind: ResubmitCommand, IDs: []string{id}}, none); err != nil {
		t.Fatal(err)
	}
	b := NewBook(store)
	orders := func() []Order {
		if _, err := b.ReadCommands(ctx); err != nil {
			t.Fatal(err)
		}
		if err := b.Sync(ctx, segments); err != nil {
			t.Fatal(err)
		}
		list, _ := b.Orders(10, func(string) bool { return false })
		return list
	}
	if list := orders(); len(list) != 0 || len(b.Damaged()) != 1 {
		t.Errorf("orders %v, damaged %v", list, b.Damaged())
	}
	if err := store.Delete(ctx, commandName(1)); err != nil {
		t.Fatal(err)
	}
	if list := orders(); len(list) != 1 || len(b.Damaged()) != 0 {
		t.Errorf("after it is gone: orders %v, damaged %v", list, b.Damaged())
	}
}

func BenchmarkBookSync(b *testing.B) {
	store := memstore.New()
	k := newKeeper(store, "t")
	const letters = 100_000
	var segments []checkpoint.LetterSegment
	for i := range letters {
		if err := k.Add(simple(fmt.Sprint("key", i))); err != nil {
			b.Fatal(err)
		}
	}
	if err := k.Freeze(1)(context.Background()); err != nil {
		b.Fatal(err)
	}
	k.Settle(nil)
	segments = k.Segments(1)
	before := heapBytes()
	kept := NewBook(store)
	if err := kept.Sync(context.Background(), segments); err != nil {
		b.Fatal(err)
	}
	held := float64(heapBytes() - before)
	b.ReportAllocs()
	for b.Loop() {
		book := NewBook(store)
		if err := book.Sync(context.Background(), segments); err != nil {
			b.Fatal(err)
		}
	}
	runtime.KeepAlive(kept)
	b.ReportMetric(held/letters, "heap-B/letter")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/letters, "ns/letter")
}

func heapBytes() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func BenchmarkKeeperAdd(b *testing.B) {
	k := newKeeper(memstore.New(), "t")
	l := simple("key")
	b.ReportAllocs()
	for b.Loop() {
		l.ID = ""
		if err := k.Add(l); err != nil {
			b.Fatal(err)
		}
		if len(k.open.data) > SegmentBytesAim {
			k.open.data, k.open.Letters = k.open.data[:segmentHead], 0
		}
	}
}
