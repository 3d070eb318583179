package state

import (
	"encoding/binary"
	"fmt"
)

const headSeed = 0x6c62272e07bb0142

// collection prepares access to a list or map under the current key.
func (k *Keyed) collection(state int, kind string) (*declared, uint64, error) {
	s, hash, err := k.at(state, kind)
	if err == nil {
		k.chain = chain{hash: mix(hash, headSeed), prefix: k.key}
	}
	return s, hash, err
}

// ListAppend appends an element: a blind write under the next sequence number.
func (k *Keyed) ListAppend(state int, value []byte) error {
	s, hash, err := k.collection(state, kindList)
	if err != nil {
		return err
	}
	if err := admit(len(k.key)+8, len(value)); err != nil {
		return err
	}
	b := k.backend
	if b.sequence>>(64-attemptBits) != b.config.Attempt {
		return fmt.Errorf("state: operator %q: list %q: no sequence numbers are left for attempt %d: restart the job", k.uid, s.name, b.config.Attempt)
	}
	k.child = binary.BigEndian.AppendUint64(append(k.child[:0], k.key...), b.sequence)
	b.sequence++
	return k.writeVersion(hash, k.child, k.entryHeaderOf(s), value, 0, &k.chain, false)
}

// ListRead yields elements after the cursor from (0: from the first), in
// order, until yield returns false. yield must not call the state.
func (k *Keyed) ListRead(state int, from uint64, yield func(cursor uint64, version uint16, value []byte) bool) error {
	_, _, err := k.collection(state, kindList)
	if err != nil {
		return err
	}
	if from == 1<<64-1 {
		return nil
	}
	k.child = binary.BigEndian.AppendUint64(append(k.child[:0], k.key...), from+1)
	prefix := len(k.key)
	return k.scan(k.child, func(key, stored []byte) (bool, error) {
		value, version, expiry, err := decodeValue(stored)
		if err != nil || expiry != 0 && expiry <= k.now {
			return true, err
		}
		if len(key) != prefix+8 {
			return false, fmt.Errorf("state: operator %q: list element with a key of %d bytes", k.uid, len(key))
		}
		return yield(binary.BigEndian.Uint64(key[prefix:]), version, value), nil
	})
}

// mapChild prepares access to one entry of a map: its key is in k.child then.
func (k *Keyed) mapChild(state int, key []byte) (*declared, uint64, error) {
	s, hash, err := k.collection(state, kindMap)
	if err != nil {
		return nil, 0, err
	}
	if err := admit(len(k.key)+len(key), 0); err != nil {
		return nil, 0, err
	}
	k.child = append(append(k.child[:0], k.key...), key...)
	return s, subKeyHash(hash, key), nil
}

// MapGet reads one entry of a map.
func (k *Keyed) MapGet(state int, key []byte) (value []byte, version uint16, found bool, err error) {
	_, hash, err := k.mapChild(state, key)
	if err != nil {
		return nil, 0, false, err
	}
	return k.get(hash, k.child, &k.chain)
}

// MapPut writes one entry of a map.
func (k *Keyed) MapPut(state int, key, value []byte) error {
	s, hash, err := k.mapChild(state, key)
	if err != nil {
		return err
	}
	if err := admit(len(k.child), len(value)); err != nil {
		return err
	}
	return k.write(hash, k.child, k.entryHeaderOf(s), value, 0, &k.chain)
}

// MapDelete removes one entry of a map.
func (k *Keyed) MapDelete(state int, key []byte) error {
	_, hash, err := k.mapChild(state, key)
	if err != nil {
		return err
	}
	return k.write(hash, k.child, nil, nil, flagAbsent, &k.chain)
}

// MapScan yields entries in byte order of their keys, those greater than
// after, or all where after is nil, until yield returns false. yield must not
// call the state.
func (k *Keyed) MapScan(state int, after []byte, yield func(key []byte, version uint16, value []byte) bool) error {
	_, _, err := k.collection(state, kindMap)
	if err != nil {
		return err
	}
	k.child = append(append(k.child[:0], k.key...), after...)
	if after != nil {
		k.child = append(k.child, 0) // the smallest key that is greater
	}
	prefix := len(k.key)
	return k.scan(k.child, func(key, stored []byte) (bool, error) {
		value, version, expiry, err := decodeValue(stored)
		if err != nil || expiry != 0 && expiry <= k.now {
			return true, err
		}
		return yield(key[prefix:], version, value), nil
	})
}

// clearCollection removes every element by a tombstone of its own.
func (k *Keyed) clearCollection(s *declared, hash uint64) error {
	k.chain = chain{hash: mix(hash, headSeed), prefix: k.key}
	prefix := len(k.key)
	return k.scan(k.key, func(key, _ []byte) (bool, error) {
		if s.kind == kindList {
			return true, k.writeVersion(hash, key, nil, nil, flagAbsent, &k.chain, false)
		}
		return true, k.write(subKeyHash(hash, key[prefix:]), key, nil, nil, flagAbsent, &k.chain)
	})
}
