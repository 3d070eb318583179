package state

import "encoding/binary"

// Export yields all that the states hold for the current key, the states by
// number: values, elements of lists in order with their cursor left out, entries
// of maps in byte order of their keys. What has expired is hidden. yield must not
// call the state; the export ends where it returns false.
func (k *Keyed) Export(yield func(state int, subKey, value []byte, version uint16, expiresMS int64) bool) error {
	for state := range k.states {
		var again bool
		var err error
		if k.states[state].kind == kindValue {
			again, err = k.exportValue(state, yield)
		} else {
			again, err = k.exportCollection(state, yield)
		}
		if err != nil || !again {
			return err
		}
	}
	return nil
}

func (k *Keyed) exportValue(state int, yield func(int, []byte, []byte, uint16, int64) bool) (again bool, err error) {
	_, hash, err := k.at(state, kindValue)
	if err != nil {
		return false, err
	}
	stored, found, err := k.backend.read(hash, k.key, nil)
	if err != nil || !found {
		return true, err
	}
	return k.exportEntry(state, nil, stored, yield)
}

func (k *Keyed) exportCollection(state int, yield func(int, []byte, []byte, uint16, int64) bool) (again bool, err error) {
	s, _, err := k.collection(state, k.states[state].kind)
	if err != nil {
		return false, err
	}
	k.child = append(k.child[:0], k.key...)
	if s.kind == kindList {
		k.child = binary.BigEndian.AppendUint64(k.child, 1)
	}
	prefix := len(k.key)
	again = true
	err = k.scan(k.child, func(key, stored []byte) (bool, error) {
		subKey := key[prefix:]
		if s.kind == kindList {
			subKey = nil
		}
		var err error
		again, err = k.exportEntry(state, subKey, stored, yield)
		return again, err
	})
	return again, err
}

func (k *Keyed) exportEntry(state int, subKey, stored []byte, yield func(int, []byte, []byte, uint16, int64) bool) (again bool, err error) {
	value, version, expiry, err := decodeValue(stored)
	if err != nil {
		return false, err
	}
	if expiry != 0 && expiry <= k.now {
		return true, nil
	}
	return yield(state, subKey, value, version, expiry), nil
}
