package wasm

import "github.com/turgo-stream/turgo/abi/record"

// recordFinder finds records of a batch by index. Guests mostly walk forward,
// which costs one step; the first step back builds an index, so that no order
// of look-ups takes more than linear time.
type recordFinder struct {
	batch   record.Batch
	cursor  record.Cursor
	next    uint32 // index of the record that the cursor moves to next
	indexed bool
	index   []record.Cursor // every indexStep-th position
}

const indexStep = 64

func (f *recordFinder) reset(batch record.Batch) {
	f.batch, f.cursor, f.next, f.indexed = batch, batch.Records(), 0, false
}

// find returns the record of an index below the batch's count.
func (f *recordFinder) find(index uint32) record.View {
	if index+1 == f.next {
		return f.cursor.Record()
	}
	if index < f.next || index > f.next+indexStep {
		f.build()
		f.cursor, f.next = f.index[index/indexStep], index/indexStep*indexStep
	}
	for f.next <= index {
		f.cursor.Next()
		f.next++
	}
	return f.cursor.Record()
}

func (f *recordFinder) build() {
	if f.indexed {
		return
	}
	f.indexed, f.index = true, f.index[:0]
	cursor := f.batch.Records()
	for i := 0; i < f.batch.Count(); i++ {
		if i%indexStep == 0 {
			f.index = append(f.index, cursor)
		}
		cursor.Next()
	}
}
