package operator

import (
	"errors"
	"fmt"
	"time"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/host/wasm"
)

// Sizes of checkMemoryGrowth.
const (
	growthRecords = 8
	// growthWindows are looked at in the first run, after which memory that stood
	// still in the last of them is taken to stand still.
	growthWindows = 10
	growthStill   = 7
	// growthMore is by how much the run is longer where it did not: what collects its
	// garbage grows for a while.
	growthMore = 5
	// growthDuration bounds the time for one input.
	growthDuration = 20 * time.Second
)

// checkMemoryGrowth sends many batches, and looks at the memory.
func checkMemoryGrowth(o *subject) error {
	return o.each(opening{}, func(i *instance, input int) error {
		window := max(o.options.Batches/growthWindows, 1)
		w := growthWatch{input: input, window: window, started: time.Now()}
		err := w.run(i, growthWindows)
		if err != nil || w.stoodStill(growthStill) {
			return err
		}
		if err = w.run(i, growthWindows*growthMore); err != nil {
			return err
		}
		last := len(w.sizes) / 2
		grown, windows := w.growth(last)
		if windows < last/3 || windows < 3 {
			return nil
		}
		return fails("over the last %d of %d batches of %s memory grew from %d to %d bytes, by %d for each batch, in %d of %d pieces of the way\nfree or use again what a call allocates: an instance may live as long as the job",
			last*window, w.sent, o.input(input), w.sizes[len(w.sizes)-1]-grown, w.sizes[len(w.sizes)-1], grown/int64(last*window), windows, last)
	})
}

// growthWatch sends batches, and notes the memory after each window of them.
type growthWatch struct {
	input, window, sent int
	started             time.Time
	sizes               []int64
}

func (w *growthWatch) run(i *instance, windows int) error {
	o := i.subject
	for len(w.sizes) < windows {
		for range w.window {
			if o.ctx.Err() != nil {
				return o.ctx.Err()
			}
			if time.Since(w.started) > growthDuration {
				return skips("only %d batches of %s could be sent in %s, of %d and more: run on a machine with less load, or ask for fewer with --batches", w.sent, o.input(w.input), growthDuration, windows*w.window)
			}
			if err := i.sendForGrowth(w.input, w.sent); err != nil {
				return err
			}
			w.sent++
		}
		w.sizes = append(w.sizes, i.operator.Usage().MemoryBytes)
	}
	return nil
}

// stoodStill tells that memory did not grow in the last windows.
func (w *growthWatch) stoodStill(windows int) bool {
	_, grew := w.growth(windows)
	return grew == 0
}

// growth tells by how much memory grew in the last windows, and in how many of them.
func (w *growthWatch) growth(last int) (bytes int64, windows int) {
	for n := len(w.sizes) - last; n < len(w.sizes); n++ {
		if w.sizes[n] > w.sizes[n-1] {
			windows++
		}
	}
	return w.sizes[len(w.sizes)-1] - w.sizes[len(w.sizes)-last-1], windows
}

// growthLife is after how many batches state begins anew, so that only memory can grow.
const growthLife = 50

func (i *instance) sendForGrowth(input, number int) error {
	o := i.subject
	if number%growthLife == 0 && i.state != nil && number > 0 {
		if err := i.fireSpecial([]int64{abi.WatermarkMax}, "after many batches"); err != nil {
			return err
		}
		if err := i.renewState(); err != nil {
			return err
		}
	}
	if i.growing == nil {
		all := o.ordinary(input, growthRecords*growthLife, "growth")
		for from := 0; from < len(all); from += growthRecords {
			i.growing = append(i.growing, batchOf(all[from:from+growthRecords]))
		}
	}
	err := i.sendUnseen(input, i.growing[number%growthLife])
	if failedRecord(err) {
		return nil
	}
	return o.faultOf(err, false, fmt.Sprintf("batch %d of %s", number, o.input(input)))
}

// checkClose ends instances in good order.
func checkClose(o *subject) error {
	if !o.exportsFunction(abi.ExportClose) {
		return skips("the module exports no turgo_close")
	}
	c, err := o.calibrate()
	if err != nil {
		return err
	}
	return o.with(1, func(st *store) error {
		for _, used := range []bool{false, true} {
			i, err := o.open(st, opening{})
			if err != nil {
				return o.faultOf(err, false, "turgo_open")
			}
			when := "after turgo_open"
			if used {
				when = "after batches"
				for _, input := range c.usable(len(o.description.Inputs)) {
					_ = i.send(input, o.ordinary(input, 3, "close"))
				}
			}
			err = i.operator.Close()
			var guest *wasm.GuestError
			if errors.As(err, &guest) {
				return adviseTrap(o.faultOf(err, false, "turgo_close, "+when), "turgo_close has nothing to hand over: what must last is state, and was written before: SPEC.md, section 3")
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}
