package main

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/guest-sdk/go/turgotest"
)

// What an operator emits may be as large as a batch. One byte more fails the
// record, by itself and without a trap, so that the others of its call are kept.
func TestARecordIsAsLargeAsABatchAtMost(t *testing.T) {
	fits := 64<<20 - 24 - 28 - len("key")
	for language := range builds {
		t.Run(language, func(t *testing.T) {
			h := newHosted(t, load(t, language), turgotest.Options{ProcessingTime: 1000})
			records := []turgotest.Record{
				turgotest.KeyValue("key", "add 1"),
				turgotest.KeyValue("key", "emit "+strconv.Itoa(fits+1)),
				turgotest.KeyValue("key", "emit "+strconv.Itoa(fits)),
				turgotest.KeyValue("key", "add 2"),
			}
			lengths := []int{}
			err := h.operator.Process(0, batchOf(records), h.watermark, h.processing, func(output int, batch record.Batch) {
				for c := batch.Records(); output == 0 && c.Next(); {
					lengths = append(lengths, len(c.Record().Value()))
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(lengths, []int{1, fits, 1}) {
				t.Errorf("it emitted values of %d bytes", lengths)
			}
			failures := h.operator.Failures()
			if len(failures) != 1 || failures[0].Index != 1 || !strings.Contains(failures[0].Error.Reason, "larger than a batch") {
				t.Errorf("it failed %v", failures)
			}
		})
	}
}
