package letter

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/turgo-stream/turgo/host/checkpoint"
)

// memoryMax is how many bytes of letters a keeper holds before it asks its task
// to wait for the writes.
const memoryMax = 4 * SegmentBytesAim

// KeeperConfig tells a keeper who it is.
type KeeperConfig struct {
	Store checkpoint.Store
	// Prefix begins the names of this keeper's objects; no other keeper has it.
	Prefix  string
	Attempt uint64
	Subtask int
}

// Keeper holds the letters of one task until a checkpoint does. Letters become
// bytes when they are added; at a barrier, and where there are many before it,
// these are cut into segments, which a worker writes. A Keeper belongs to the
// task's goroutine, but for the functions that Freeze and Ahead return.
type Keeper struct {
	config KeeperConfig
	number uint64 // of letters, for their ids
	cuts   uint64 // of segments, for their names
	epoch  checkpoint.Epoch

	open    segment    // being filled
	cut     []*segment // not durable yet, oldest first
	writing [][]*segment
	frozen  []uint64  // by write under way: the newest segment that belongs to the barrier, 0 = written ahead
	durable []written // not held by a completed checkpoint, oldest first
	barrier uint64    // newest segment of the last settled freeze
	spare   []byte
}

type segment struct {
	checkpoint.LetterSegment
	number uint64
	data   []byte
}

// written is a durable segment, with the first epoch whose snapshot named it; 0 = none.
type written struct {
	checkpoint.LetterSegment
	number   uint64
	reported checkpoint.Epoch
}

// NewKeeper makes an empty keeper.
func NewKeeper(config KeeperConfig) *Keeper { return &Keeper{config: config} }

// Add implements task.Letters.
func (k *Keeper) Add(l *Letter) error {
	if l.ID == "" {
		k.number++
		l.ID = fmt.Sprintf("%s-%d-%d-%d", l.UID, k.config.Attempt, k.config.Subtask, k.number)
	}
	if len(l.Record) == 0 || l.Record.Count() == 0 {
		return fmt.Errorf("letter: %s: it holds no record", l.ID)
	}
	l.Attempts = max(l.Attempts, 1)
	k.frame(func(b []byte) []byte { return appendLetter(b, l) })
	k.open.Letters++
	return nil
}

// Answer implements task.Letters.
func (k *Keeper) Answer(a Answer) {
	k.frame(func(b []byte) []byte { return appendAnswer(b, a) })
	k.open.Answers++
	k.open.Command = max(k.open.Command, a.Command)
}

func (k *Keeper) frame(payload func([]byte) []byte) {
	if k.open.data == nil {
		k.open.data, k.spare = appendSegmentHead(k.spare[:0]), nil
	}
	b, at := openFrame(k.open.data)
	k.open.data = payload(b)
	closeFrame(k.open.data, at)
}

// Room implements task.Letters.
func (k *Keeper) Room() bool {
	total := len(k.open.data)
	for _, s := range k.cut {
		total += len(s.data)
	}
	return total < memoryMax
}

// seal ends the open segment.
func (k *Keeper) seal() {
	if k.open.data == nil {
		return
	}
	k.cuts++
	s := k.open
	k.open = segment{}
	s.number = k.cuts
	s.Object = fmt.Sprintf("%s%d", k.config.Prefix, k.cuts)
	s.Bytes, s.Epoch = int64(len(s.data)), k.epoch+1
	k.cut = append(k.cut, &s)
}

// Ahead gives the work of writing letters before the barrier where there are
// many, or nil. Its end is told to Settle, as that of Freeze.
func (k *Keeper) Ahead() func(context.Context) error {
	if len(k.open.data) < SegmentBytesAim || len(k.writing) > 0 {
		return nil
	}
	k.seal()
	return k.write(0)
}

// Freeze implements task.Letters.
func (k *Keeper) Freeze(epoch checkpoint.Epoch) func(context.Context) error {
	k.epoch = max(k.epoch, epoch-1)
	k.seal()
	k.epoch = epoch
	if len(k.cut) == 0 && len(k.writing) == 0 {
		k.barrier = k.cuts
		return nil
	}
	return k.write(k.cuts)
}

// write gives the work of writing all that is cut and not durable. One that an
// earlier write has under way is written again, if that fails.
func (k *Keeper) write(barrier uint64) func(context.Context) error {
	batch := slices.Clone(k.cut)
	k.writing = append(k.writing, batch)
	k.frozen = append(k.frozen, barrier)
	return func(ctx context.Context) error {
		for _, s := range batch {
			if s.Checksum == "" {
				s.Checksum = checksum(s.data)
			}
			// A name that was written already has the same content: that is no error.
			if err := k.config.Store.Upload(ctx, s.Object, bytes.NewReader(s.data), s.Bytes); err != nil {
				return fmt.Errorf("letter: write %s: %w", s.Object, err)
			}
		}
		return nil
	}
}

// Settle implements task.Letters. Writes end in the order in which they began.
func (k *Keeper) Settle(err error) {
	batch, barrier := k.writing[0], k.frozen[0]
	k.writing, k.frozen = k.writing[1:], k.frozen[1:]
	if err != nil {
		return // what is cut is part of the next write
	}
	for _, s := range batch {
		if i := slices.Index(k.cut, s); i >= 0 {
			k.cut = slices.Delete(k.cut, i, i+1)
			k.durable = append(k.durable, written{LetterSegment: s.LetterSegment, number: s.number})
		}
	}
	if len(k.writing) == 0 && len(batch) > 0 {
		k.spare = batch[len(batch)-1].data // no worker reads it any more
	}
	k.barrier = max(k.barrier, barrier)
}

// Segments implements task.Letters.
func (k *Keeper) Segments(epoch checkpoint.Epoch) []checkpoint.LetterSegment {
	var segments []checkpoint.LetterSegment
	for i := range k.durable {
		w := &k.durable[i]
		if w.number > k.barrier {
			break // written ahead of a later barrier
		}
		if w.reported == 0 {
			w.reported = epoch
		}
		segments = append(segments, w.LetterSegment)
	}
	return segments
}

// Complete implements task.Letters.
func (k *Keeper) Complete(epoch checkpoint.Epoch) {
	k.durable = slices.DeleteFunc(k.durable, func(w written) bool { return w.reported != 0 && w.reported <= epoch })
}
