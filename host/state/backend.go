package state

import (
	"errors"
	"fmt"
	"math"
	"path"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/keygroup"
)

// Config is what a Backend needs. Fields that are zero take the default named.
type Config struct {
	// FS and Dir are where the local Pebble lives. Dir is emptied first.
	FS  vfs.FS // the operating system's
	Dir string

	// First and Last are the key groups of this task, both included.
	First, Last    int
	MaxParallelism int
	// Attempt numbers the starts of the job, rising; below 1<<24. It makes the
	// sequence numbers of list elements rise over restarts.
	Attempt uint64

	// Store receives tables. Names of objects begin with ObjectPrefix, which is
	// different for each attempt and task: names must never repeat.
	Store        checkpoint.Store
	ObjectPrefix string

	// Clock gives the processing time in milliseconds between transactions, for
	// time-to-live.
	Clock func() int64

	CacheBytes      int64 // bound of the write-back cache: 128 MiB
	BlockCacheBytes int64 // bound of Pebble's cache of blocks: 16 MiB
	MaxTimersInHeap int   // per declaration; others wait in state: 1 << 20
	// TableBytes is where a merge begins another table: 64 MiB.
	TableBytes int64
	// MaxOverlap is how many tables may hold one key before merging falls
	// behind: 8.
	MaxOverlap int
}

func (c *Config) setDefaults() error {
	if c.FS == nil {
		c.FS = vfs.Default
	}
	if c.CacheBytes == 0 {
		c.CacheBytes = 128 << 20
	}
	if c.BlockCacheBytes == 0 {
		c.BlockCacheBytes = 16 << 20
	}
	if c.MaxTimersInHeap == 0 {
		c.MaxTimersInHeap = 1 << 20
	}
	if c.TableBytes == 0 {
		c.TableBytes = 64 << 20
	}
	if c.MaxOverlap == 0 {
		c.MaxOverlap = 8
	}
	switch {
	case c.Dir == "" || c.Store == nil || c.Clock == nil || c.ObjectPrefix == "":
		return errors.New("state: config needs Dir, Store, Clock and ObjectPrefix")
	case c.MaxParallelism < 1 || c.MaxParallelism > keygroup.MaxParallelismLimit:
		return fmt.Errorf("state: max parallelism %d is not within 1 and %d", c.MaxParallelism, keygroup.MaxParallelismLimit)
	case c.First < 0 || c.First > c.Last || c.Last >= c.MaxParallelism:
		return fmt.Errorf("state: key groups %d to %d are not a range within 0 and %d", c.First, c.Last, c.MaxParallelism-1)
	case c.Attempt >= 1<<attemptBits:
		return fmt.Errorf("state: attempt %d is not below %d", c.Attempt, 1<<attemptBits)
	case c.MaxTimersInHeap < 16 || c.MaxOverlap < 2 || c.CacheBytes < 0 || c.TableBytes < 0:
		return errors.New("state: config has a limit that is too small")
	}
	return nil
}

// Backend is the keyed state of one task.
type Backend struct {
	config  Config
	fs      vfs.FS
	db      *pebble.DB
	options *pebble.Options
	objects *objectCache

	cache
	below    bool // Pebble may hold something, now or soon
	partial  bool // Pebble may hold something that the cache does not
	prefetch prefetch
	seen     *seenKeys
	sequence uint64
	undoes   uint64
	now      int64 // the latest processing time that was seen
	open     int   // transactions
	failed   error // the local disk failed; the next Commit tells
	nextPart uint64

	operators map[uint32]*Keyed
	uids      []string
	restored  []string // uids in tables that were restored
	scanner   scanner
	metrics   counters

	// tables are those that the next manifest names, but for what parts hold.
	tables []checkpoint.Table
	// parts are the swapped logs that are not uploaded yet, in order. Frozen.Write
	// works on them elsewhere.
	parts      []*part
	merging    bool
	unswept    int64 // bytes that merges dropped as expired and the local Pebble holds still
	nextObject atomic.Uint64

	background background
	ingest     sync.Mutex    // one part after the other becomes local
	ingests    atomic.Uint64 // how often Pebble's content changed
}

// Open makes an empty Backend. Its folder is emptied: what is local is a cache.
func Open(config Config) (*Backend, error) {
	if err := config.setDefaults(); err != nil {
		return nil, err
	}
	b := &Backend{config: config, fs: withoutSync(config.FS), now: config.Clock(), operators: map[uint32]*Keyed{}}
	if err := b.fs.RemoveAll(config.Dir); err != nil {
		return nil, fmt.Errorf("state: emptying %s: %w", config.Dir, err)
	}
	for _, dir := range []string{config.Dir, b.path("tables"), b.path("objects")} {
		if err := b.fs.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("state: making %s: %w", dir, err)
		}
	}
	b.objects = newObjectCache(config.Store, b.fs, b.path("objects"))
	b.chunkBytes = int(min(max(config.CacheBytes/64, minChunkBytes), maxChunkBytes))
	b.stamp, b.unwritten = 1, 1
	b.young = newGeneration(1, b.chunkBytes, 0)
	b.seen = newSeenKeys(config.CacheBytes / seenShare)
	b.sequence = config.Attempt<<(64-attemptBits) + 1
	if err := b.openPebble(); err != nil {
		return nil, err
	}
	return b, nil
}

// clock is the processing time by which entries expire. It never goes back,
// whatever the host's clock does: what has been hidden once, or was dropped on the
// way to a table, is not seen again.
func (b *Backend) clock() int64 {
	b.now = max(b.now, b.config.Clock())
	return b.now
}

func (b *Backend) path(elements ...string) string {
	return path.Join(append([]string{b.config.Dir}, elements...)...)
}

const (
	// seenShare is the part of the cache's budget that the filter of keys takes.
	seenShare     = 16
	attemptBits   = 24
	bloomBits     = 10
	blockBytes    = 16 << 10
	indexBytes    = 64 << 10
	memTableBytes = 64 << 10 // nothing is ever written through it
)

func (b *Backend) openPebble() error {
	cache := pebble.NewCache(b.config.BlockCacheBytes)
	defer cache.Unref()
	// What lies here is a cache, whose overlap costs reads that miss a filter more;
	// compacting costs each entry. So it begins later than merging in the store.
	b.options = &pebble.Options{
		FS:                    b.fs,
		Cache:                 cache,
		DisableWAL:            true,
		FormatMajorVersion:    pebble.FormatNewest,
		MemTableSize:          memTableBytes,
		L0CompactionThreshold: 2 * b.config.MaxOverlap,
		L0StopWritesThreshold: math.MaxInt32,
		Logger:                quietLogger{},
		MaxOpenFiles:          1000,
	}
	// Left to itself Pebble ends the process at a damaged table. Here the read
	// fails, and readFailed tells which table it was.
	b.options.EventListener = &pebble.EventListener{DataCorruption: func(pebble.DataCorruptionInfo) {}}
	for i := range b.options.Levels {
		b.options.Levels[i] = pebble.LevelOptions{BlockSize: blockBytes, IndexBlockSize: indexBytes, FilterPolicy: bloom.FilterPolicy(bloomBits)}
	}
	b.options.Experimental.RemoteStorage = b.objects
	b.options.EnsureDefaults()
	db, err := pebble.Open(b.path("pebble"), b.options)
	if err != nil {
		return fmt.Errorf("state: opening %s: %w", b.path("pebble"), err)
	}
	if err := db.SetCreatorID(1); err != nil {
		return errors.Join(fmt.Errorf("state: opening %s: %w", b.path("pebble"), err), db.Close())
	}
	b.db = db
	return nil
}

func (b *Backend) writerOptions() sstable.WriterOptions {
	return b.options.MakeWriterOptions(0, b.options.FormatMajorVersion.MaxTableFormat())
}

// Operator gives the state of one operator. States and timers are numbered as
// listed. Each uid may be asked for once.
func (b *Backend) Operator(uid string, states []abi.StateDescription, timers []abi.TimerDescription) (*Keyed, error) {
	hash := nameHash("operator", uid)
	if other := b.operators[hash]; other != nil {
		if other.uid == uid {
			return nil, fmt.Errorf("state: operator %q is opened twice", uid)
		}
		return nil, fmt.Errorf("state: the uids %q and %q have the same hash: rename one of them", uid, other.uid)
	}
	k, err := newKeyed(b, uid, hash, states, timers)
	if err != nil {
		return nil, err
	}
	b.operators[hash] = k
	b.uids = append(b.uids, uid)
	return k, nil
}

// Close drops what is local. The store keeps what was uploaded. A Write, Merge
// or Prefetch that runs still is cut off.
func (b *Backend) Close() error {
	b.background.close()
	err := b.scanner.close()
	err = errors.Join(err, b.db.Close(), b.objects.close(), b.fs.RemoveAll(b.config.Dir))
	if err != nil {
		return fmt.Errorf("state: closing %s: %w", b.config.Dir, err)
	}
	return nil
}

type quietLogger struct{}

func (quietLogger) Infof(string, ...interface{})  {}
func (quietLogger) Errorf(string, ...interface{}) {}
func (quietLogger) Fatalf(format string, arguments ...interface{}) {
	panic(fmt.Sprintf("state: pebble: "+format, arguments...))
}
