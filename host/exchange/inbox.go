package exchange

// Input names where a channel enters a task.
type Input struct {
	Channel *Channel
	Index   int // input of the operator that it feeds
}

// Event is what an Inbox gives to its task.
type Event struct {
	Element
	Input int // for a batch: the operator's input
}

// Inbox is the receiving end of all edges of one subtask. It belongs to the
// task's goroutine.
type Inbox struct {
	inputs []Input
	heads  []head
	merge  *Merge
	turn   int
}

// head holds the first element of a channel, so that one can look at it first.
type head struct {
	element Element
	full    bool
}

// NewInbox merges the given channels.
func NewInbox(inputs []Input) *Inbox {
	return &Inbox{inputs: inputs, heads: make([]head, len(inputs)), merge: NewMerge(len(inputs))}
}

// Next gives the next event, from each channel in turn.
func (b *Inbox) Next() (Event, bool) { return b.next(func(Kind) bool { return true }) }

// NextBarrier gives a barrier that can be reached without taking anything else.
func (b *Inbox) NextBarrier() (Event, bool) { return b.next(func(k Kind) bool { return k == Barrier }) }

func (b *Inbox) next(wanted func(Kind) bool) (Event, bool) {
	for range b.inputs {
		i := b.turn
		b.turn = (b.turn + 1) % len(b.inputs)
		for !b.merge.Blocked(i) && b.look(i) && wanted(b.heads[i].element.Kind) {
			e := b.heads[i].element
			b.heads[i] = head{}
			if out, ok := b.merge.Receive(i, e); ok {
				return Event{Element: out, Input: b.inputs[i].Index}, true
			}
		}
	}
	return Event{}, false
}

func (b *Inbox) look(i int) bool {
	if !b.heads[i].full {
		b.heads[i].element, b.heads[i].full = b.inputs[i].Channel.poll()
	}
	return b.heads[i].full
}

// Waiting is the number of elements that wait in all channels.
func (b *Inbox) Waiting() int {
	n := 0
	for i, in := range b.inputs {
		n += in.Channel.Length()
		if b.heads[i].full {
			n++
		}
	}
	return n
}
