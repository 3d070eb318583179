package wasm

import "github.com/turgo-stream/turgo/abi/record"

// recordFinder finds records of a batch by index. Guests mostly walk forward,
// which costs one step; the first step back builds an index, so that no order
// of look-ups takes more than linear time.
type recordFinder struct {
	batch   record.Batch
	current uint32 // index of the record at offset
	offset  int
	indexed bool
	index   []int // offset of every indexStep-th record
}

const indexStep = 64

func (f *recordFinder) reset(batch record.Batch) {
	f.batch, f.current, f.offset, f.indexed = batch, 0, record.HeaderLength, false
}

// find returns the record of an index below the batch's count.
func (f *recordFinder) find(index uint32) record.View {
	if index < f.current || index-f.current > indexStep {
		f.build()
		f.current, f.offset = index/indexStep*indexStep, f.index[index/indexStep]
	}
	for ; f.current < index; f.current++ {
		f.offset += f.batch.At(f.offset).Length()
	}
	return f.batch.At(f.offset)
}

func (f *recordFinder) build() {
	if f.indexed {
		return
	}
	f.indexed, f.index = true, f.index[:0]
	for i, offset := 0, record.HeaderLength; i < f.batch.Count(); i++ {
		if i%indexStep == 0 {
			f.index = append(f.index, offset)
		}
		offset += f.batch.At(offset).Length()
	}
}
