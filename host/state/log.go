package state

const logChunkBits = 13

// dirtyLog lists the entries that one epoch changed, each once: an entry knows
// its position and a newer version takes it over. After the swap at a freeze
// nothing changes it any more. 0 is a hole.
type dirtyLog struct {
	chunks [][]address
	count  uint32
}

func (l *dirtyLog) at(position uint32) address {
	return l.chunks[position>>logChunkBits][position&(1<<logChunkBits-1)]
}

func (l *dirtyLog) set(position uint32, a address) {
	l.chunks[position>>logChunkBits][position&(1<<logChunkBits-1)] = a
}

func (l *dirtyLog) append(a address) uint32 {
	position := l.count
	if int(position>>logChunkBits) == len(l.chunks) {
		l.chunks = append(l.chunks, make([]address, 1<<logChunkBits))
	}
	l.count++
	l.set(position, a)
	return position
}
