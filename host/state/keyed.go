package state

import (
	"encoding/binary"
	"fmt"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/host/keygroup"
)

// The kinds of state that abi.StateDescription names.
const (
	kindValue = "value"
	kindList  = "list"
	kindMap   = "map"
)

type declared struct {
	name       string
	kind       string
	hash       uint32
	seed       uint64
	version    uint16
	timeToLive int64
}

// Keyed is the state of one operator in one task: the methods that guest calls
// need. Slices that it returns or yields are valid until its next call. All
// reads and writes belong between Begin and Commit or Rollback.
type Keyed struct {
	backend *Backend
	uid     string
	hash    uint32
	states  []declared
	timers  []*timers

	transaction transaction
	now         int64

	keySet  bool
	keyHash uint64
	key     []byte // prefix with the current key, the state left open
	header  []byte
	child   []byte
	chain   chain
	recent  recent
}

// recent is the value that was read last, so that writing it back needs no
// second look-up. It holds until the next key, and no longer than the
// transaction, within which entries stay where they are.
type recent struct {
	state int // plus one; 0: none
	place uint32
	entry entry
}

// maxDeclarations bounds the timers and states of one operator.
const maxDeclarations = 1 << 12

func newKeyed(b *Backend, uid string, hash uint32, states []abi.StateDescription, declaredTimers []abi.TimerDescription) (*Keyed, error) {
	k := &Keyed{backend: b, uid: uid, hash: hash}
	if len(states) > maxDeclarations || len(declaredTimers) > maxDeclarations {
		return nil, fmt.Errorf("state: operator %q declares %d states and %d timers, the limit is %d each", uid, len(states), len(declaredTimers), maxDeclarations)
	}
	names := map[uint32]string{}
	take := func(kind, name string) (uint32, error) {
		hash := nameHash(kind, name)
		if other, taken := names[hash]; taken {
			return 0, fmt.Errorf("state: operator %q: %s %q collides with %s: rename it", uid, kind, name, other)
		}
		names[hash] = fmt.Sprintf("%s %q", kind, name)
		return hash, nil
	}
	for _, s := range states {
		if s.Kind != kindValue && s.Kind != kindList && s.Kind != kindMap {
			return nil, fmt.Errorf("state: operator %q: state %q has the unknown kind %q: it must be value, list or map", uid, s.Name, s.Kind)
		}
		if s.TimeToLiveMS < 0 {
			return nil, fmt.Errorf("state: operator %q: state %q has a negative time-to-live of %d ms", uid, s.Name, s.TimeToLiveMS)
		}
		hash, err := take("state", s.Name)
		if err != nil {
			return nil, err
		}
		k.states = append(k.states, declared{s.Name, s.Kind, hash, uint64(k.hash)<<32 | uint64(hash), s.SchemaVersion, s.TimeToLiveMS})
	}
	for i, t := range declaredTimers {
		hash, err := take("timer", t.Name)
		if err != nil {
			return nil, err
		}
		k.timers = append(k.timers, newTimers(k, int16(i), hash))
	}
	return k, nil
}

// Begin starts a transaction at a processing time in milliseconds, which stands
// still for it. Dropping and spilling of cached entries happen here only, so
// that a transaction's entries stay where they are; an error in doing so is
// returned by Commit.
func (k *Keyed) Begin(processingTime int64) {
	b := k.backend
	b.now = max(b.now, processingTime)
	if b.open == 0 {
		b.makeRoom()
	}
	if !k.transaction.open {
		k.transaction.open = true
		b.open++
	}
	k.now = b.now
	k.keySet, k.recent = false, recent{}
}

// Commit applies what was staged. Its error means that the local disk or the
// store failed: nothing was applied, and the task cannot go on.
func (k *Keyed) Commit() error {
	if err := k.backend.failed; err != nil {
		k.Rollback()
		return err
	}
	k.end()
	return nil
}

// Rollback drops all that was staged since Begin.
func (k *Keyed) Rollback() {
	k.undoTo(0)
	k.end()
}

func (k *Keyed) end() {
	if k.transaction.open {
		k.transaction.open = false
		k.backend.open--
	}
	k.transaction.reset()
	k.keySet, k.recent = false, recent{}
	for _, t := range k.timers {
		t.pagedIn = false
	}
}

// Mark remembers what is staged now.
func (k *Keyed) Mark() { k.transaction.mark = len(k.transaction.undos) }

// Undo drops what was staged since the last Mark.
func (k *Keyed) Undo() { k.undoTo(k.transaction.mark) }

// SetKey makes key the current key.
func (k *Keyed) SetKey(key []byte) error {
	k.keySet, k.recent.state = false, 0
	if len(key) > maxEntryBytes/2 {
		return fmt.Errorf("state: key of %d bytes exceeds the limit of %d", len(key), maxEntryBytes/2)
	}
	b := k.backend
	hash := keygroup.Hash(key)
	group := keygroup.OfHash(hash, b.config.MaxParallelism)
	if group < b.config.First || group > b.config.Last {
		return fmt.Errorf("state: operator %q: key of key group %d reached the task of key groups %d to %d", k.uid, group, b.config.First, b.config.Last)
	}
	buffer := binary.BigEndian.AppendUint16(k.key[:0], uint16(group))
	buffer = binary.BigEndian.AppendUint32(buffer, k.hash)
	buffer = append(buffer, 0, 0, 0, 0)
	buffer = binary.AppendUvarint(buffer, uint64(len(key)))
	k.key = append(buffer, key...)
	k.keyHash, k.keySet = hash, true
	return nil
}

// at prepares access to a state under the current key.
func (k *Keyed) at(state int, kind string) (*declared, uint64, error) {
	if uint(state) >= uint(len(k.states)) {
		return nil, 0, fmt.Errorf("state: operator %q has no state %d", k.uid, state)
	}
	s := &k.states[state]
	if s.kind != kind {
		return nil, 0, fmt.Errorf("state: operator %q: state %q is a %s, not a %s", k.uid, s.name, s.kind, kind)
	}
	if !k.keySet || !k.transaction.open {
		return nil, 0, fmt.Errorf("state: operator %q: state %q is used without a transaction or a current key", k.uid, s.name)
	}
	binary.BigEndian.PutUint32(k.key[stateOffset:], s.hash)
	return s, mix(k.keyHash, s.seed), nil
}

// entryHeaderOf is the header of what is written now.
func (k *Keyed) entryHeaderOf(s *declared) []byte {
	expiry := int64(0)
	if s.timeToLive > 0 {
		if expiry = k.now + s.timeToLive; expiry < k.now {
			expiry = 1<<63 - 1
		} else if expiry == 0 {
			expiry = 1 // 0 means none
		}
	}
	k.header = appendHeader(k.header[:0], s.version, expiry)
	return k.header
}

// ValueGet reads a value.
func (k *Keyed) ValueGet(state int) (value []byte, version uint16, found bool, err error) {
	_, hash, err := k.at(state, kindValue)
	if err != nil {
		return nil, 0, false, err
	}
	b := k.backend
	if slot, e, ok := b.young.find(hash, k.key, 0); ok && e.header.flags&(flagGhost|flagAbsent) == 0 {
		b.metrics.hits++
		k.recent = recent{state + 1, uint32(b.young.slots[slot]) - 1, e}
		return k.decode(e.value())
	}
	return k.get(hash, k.key, nil)
}

// get reads and decodes one entry, hiding it if it has expired.
func (k *Keyed) get(hash uint64, key []byte, chain *chain) (value []byte, version uint16, found bool, err error) {
	stored, found, err := k.backend.read(hash, key, chain)
	if err != nil || !found {
		return nil, 0, false, err
	}
	return k.decode(stored)
}

func (k *Keyed) decode(stored []byte) (value []byte, version uint16, found bool, err error) {
	value, version, expiry, err := decodeValue(stored)
	if err != nil || expiry != 0 && expiry <= k.now {
		return nil, 0, false, err
	}
	return value, version, true, nil
}

// ValuePut writes a value.
func (k *Keyed) ValuePut(state int, value []byte) error {
	s, hash, err := k.at(state, kindValue)
	if err != nil {
		return err
	}
	if err := admit(len(k.key), len(value)); err != nil {
		return err
	}
	header := k.entryHeaderOf(s)
	if r := &k.recent; r.state == state+1 {
		if r.entry.header.stamp == k.backend.stamp && len(header)+len(value) <= int(r.entry.header.valueCapacity) {
			return k.overwrite(r.entry, r.place, header, value, 0)
		}
		r.state = 0
	}
	return k.write(hash, k.key, header, value, 0, nil)
}

// Clear removes a value, or all of a list or map.
func (k *Keyed) Clear(state int) error {
	if uint(state) >= uint(len(k.states)) {
		return fmt.Errorf("state: operator %q has no state %d", k.uid, state)
	}
	s, hash, err := k.at(state, k.states[state].kind)
	if err != nil {
		return err
	}
	k.recent.state = 0
	if s.kind == kindValue {
		return k.write(hash, k.key, nil, nil, flagAbsent, nil)
	}
	return k.clearCollection(s, hash)
}
