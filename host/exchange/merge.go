package exchange

import "github.com/turgo-stream/turgo/abi"

// Merge turns what arrives on several channels into one stream of events: it
// aligns barriers and takes the smallest watermark. It is pure: no queue, no clock.
type Merge struct {
	channels  []mergeChannel
	watermark int64
	idle      bool
	aligning  int   // channels that wait behind a barrier
	epoch     int64 // of that barrier
	ended     int
}

type mergeChannel struct {
	watermark int64
	blocked   bool
	idle      bool
	ended     bool
}

// NewMerge merges that many channels.
func NewMerge(channels int) *Merge {
	m := &Merge{channels: make([]mergeChannel, channels), watermark: abi.WatermarkMin}
	for i := range m.channels {
		m.channels[i].watermark = abi.WatermarkMin
	}
	return m
}

// Blocked reports whether the channel waits behind a barrier: nothing may be
// received from it until the barrier has come on all others.
func (m *Merge) Blocked(channel int) bool { return m.channels[channel].blocked }

// Receive takes one element of a channel that is not blocked. It reports
// whether it makes an event for the task: a batch is one; a watermark if the
// smallest rose; a barrier when it has come on all channels; idle when all are
// idle; the end when all have ended.
func (m *Merge) Receive(channel int, e Element) (Element, bool) {
	c := &m.channels[channel]
	switch e.Kind {
	case Batch:
		m.wake(c)
		return e, true
	case Watermark:
		m.wake(c)
		c.watermark = max(c.watermark, e.Value)
		return m.advance()
	case Idle:
		c.idle = true
		return m.advance()
	case Barrier:
		return m.align(c, e)
	default:
		if !c.ended {
			c.ended = true
			m.ended++
		}
		return e, m.ended == len(m.channels)
	}
}

func (m *Merge) wake(c *mergeChannel) {
	c.idle = false
	m.idle = false
}

// advance recomputes the smallest watermark of the channels that are not idle.
func (m *Merge) advance() (Element, bool) {
	smallest := int64(abi.WatermarkMax)
	active := false
	for i := range m.channels {
		if c := &m.channels[i]; !c.idle {
			active = true
			smallest = min(smallest, c.watermark)
		}
	}
	if !active {
		changed := !m.idle
		m.idle = true
		return Element{Kind: Idle}, changed
	}
	if smallest <= m.watermark {
		return Element{}, false
	}
	m.watermark = smallest
	return Element{Kind: Watermark, Value: smallest}, true
}

func (m *Merge) align(c *mergeChannel, e Element) (Element, bool) {
	if m.aligning > 0 && e.Value != m.epoch {
		panic("exchange: two barriers at once: every channel must carry each barrier")
	}
	c.blocked = true
	m.epoch = e.Value
	m.aligning++
	if m.aligning < len(m.channels) {
		return Element{}, false
	}
	for i := range m.channels {
		m.channels[i].blocked = false
	}
	m.aligning = 0
	return e, true
}
