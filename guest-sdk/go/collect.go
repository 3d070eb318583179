//go:build !tinygo

package turgo

import "runtime"

const (
	yieldCost  = 1 << 10 // what a call of no bytes counts
	yieldAfter = 64 << 10
)

// collector lets Go's garbage collector run. Its workers are goroutines, and in
// a module they get no turn while the host only calls in and out: memory would
// grow without end. A yield costs about a microsecond, so it is made once for so
// many bytes of input.
type collector struct{ spent int }

func (c *collector) called(length int) {
	c.spent += length + yieldCost
	if c.spent >= yieldAfter {
		c.spent = 0
		runtime.Gosched()
	}
}
