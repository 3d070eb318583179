package exchange

// ChannelElements is how many elements wait in a channel at the most. With
// BatchBytes for each it bounds a channel's memory, but for the output that one
// call may overshoot by.
const ChannelElements = 8

// Channel carries elements from one sending task to one receiving task.
type Channel struct {
	queue chan Element
	// filled and drained wake the receiver and the sender. They are called after
	// an element was added or taken, never block, and may be called in vain.
	filled, drained func()
}

// NewChannel makes a channel. filled wakes the receiving task, drained the sending one.
func NewChannel(filled, drained func()) *Channel {
	return &Channel{queue: make(chan Element, ChannelElements), filled: filled, drained: drained}
}

// offer adds an element if there is room.
func (c *Channel) offer(e Element) bool {
	select {
	case c.queue <- e:
		c.filled()
		return true
	default:
		return false
	}
}

// poll takes the next element if there is one.
func (c *Channel) poll() (Element, bool) {
	select {
	case e := <-c.queue:
		// The sender sleeps only after it found the channel full, so the length
		// passes the half on its way down, and it wakes to room for several.
		if len(c.queue) == cap(c.queue)/2 {
			c.drained()
		}
		return e, true
	default:
		return Element{}, false
	}
}

// Room reports whether at least one element fits.
func (c *Channel) Room() bool { return len(c.queue) < cap(c.queue) }

// Length is the number of elements that wait.
func (c *Channel) Length() int { return len(c.queue) }
