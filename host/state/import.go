package state

import "fmt"

// Import writes one entry of the current key as Export gave it, with the schema
// version and the expiry that it had. Elements of a list are appended.
func (k *Keyed) Import(state int, subKey, value []byte, version uint16, expiresMS int64) error {
	if uint(state) >= uint(len(k.states)) {
		return fmt.Errorf("state: operator %q has no state %d", k.uid, state)
	}
	kept := k.states[state]
	defer func() { k.states[state] = kept }()
	// What is written now takes its header from the declaration.
	k.states[state].version, k.states[state].timeToLive = version, 0
	if expiresMS != 0 {
		k.states[state].timeToLive = max(expiresMS-k.now, 1)
	}
	switch kept.kind {
	case kindValue:
		return k.ValuePut(state, value)
	case kindList:
		return k.ListAppend(state, value)
	}
	return k.MapPut(state, subKey, value)
}
