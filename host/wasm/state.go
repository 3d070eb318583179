package wasm

import "iter"

// State is the keyed state of one operator in one subtask, as guest calls use
// it. States and timers are numbered as the operator's description lists them.
// All writes between Begin and Commit are staged; reads see them. Byte slices
// that are returned or yielded stay valid until the next call.
type State interface {
	// Begin starts a transaction; Commit applies it, Rollback drops it. The
	// processing time, in milliseconds, is the call's: by it entries expire.
	Begin(processingTime int64)
	Commit() error
	Rollback()
	// Mark remembers what is staged now; Undo drops what was staged since the
	// last Mark.
	Mark()
	Undo()

	// Prefetch brings the values of many keys near, those of states of kind value.
	// It changes no result.
	Prefetch(states []int, keys iter.Seq[[]byte]) error

	// SetKey makes key the current key of all calls below. The bytes are copied.
	SetKey(key []byte) error

	ValueGet(state int) (value []byte, version uint16, found bool, err error)
	ValuePut(state int, value []byte) error
	// Clear removes a value, or all of a list or map.
	Clear(state int) error

	ListAppend(state int, value []byte) error
	// ListRead yields elements after the cursor from (0: from the first), in
	// order, until yield returns false.
	ListRead(state int, from uint64, yield func(cursor uint64, version uint16, value []byte) bool) error

	MapGet(state int, key []byte) (value []byte, version uint16, found bool, err error)
	MapPut(state int, key, value []byte) error
	MapDelete(state int, key []byte) error
	// MapScan yields entries in byte order of their keys, those greater than
	// after, or all where after is nil, until yield returns false.
	MapScan(state int, after []byte, yield func(key []byte, version uint16, value []byte) bool) error

	// Export yields all that the states hold for the current key: the states by
	// number, lists in order, maps in byte order of their keys, until yield returns
	// false. subKey is nil but for a map; expiresMS is 0 where an entry never does.
	Export(yield func(state int, subKey, value []byte, version uint16, expiresMS int64) bool) error

	TimerSet(timer int, timestamp int64) error
	TimerDelete(timer int, timestamp int64) error
	// TimersDue removes, within the transaction, up to limit timers of one
	// declaration with a timestamp of at most upTo, earliest first, and yields them.
	TimersDue(timer int, upTo int64, limit int, yield func(key []byte, timestamp int64)) error
	// TimerNext is the earliest timer of one declaration.
	TimerNext(timer int) (timestamp int64, found bool, err error)
}
