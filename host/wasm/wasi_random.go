package wasm

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"

	"github.com/turgo-stream/turgo/abi"
)

// random is the guest's source of random numbers. Its seed comes from what the
// call was given, and each record in hand has a sequence of its own: so a record
// that is repeated alone, with the seed of the call that failed, meets the same
// numbers again.
type random struct {
	seeded bool
	call   [sha256.Size]byte
	// draws counts the requests of each record in hand. Who goes back to a record
	// goes on with its sequence.
	draws map[uint32]uint32
}

// wasiRandom fills a piece of memory with random bytes.
func wasiRandom(o *Operator, p []uint64) uint32 {
	to := o.piece(p[0], p[1])
	if to == nil {
		return errnoFault
	}
	hand := uint32(abi.NoHand)
	if o.phase == phaseProcess {
		hand = o.inHand()
		o.usage.draws.Add(1)
	}
	rand.NewChaCha8(o.random.next(o, hand)).Read(to)
	return errnoSuccess
}

// next is the seed of the next request of a record.
func (r *random) next(o *Operator, hand uint32) [sha256.Size]byte {
	if !r.seeded {
		r.call, r.seeded = o.randomSeed(), true
		clear(r.draws)
	}
	if r.draws == nil {
		r.draws = map[uint32]uint32{}
	}
	seed := r.of(hand)
	if hand != abi.NoHand && len(o.config.Seed) > 0 {
		copy(seed[:], o.config.Seed)
	}
	number := r.draws[hand]
	r.draws[hand]++
	return derive(seed, number)
}

// of is the seed of a record.
func (r *random) of(hand uint32) [sha256.Size]byte { return derive(r.call, hand) }

// drawn is the seed of a record, nil where it drew no number.
func (r *random) drawn(hand uint32) []byte {
	if !r.seeded || r.draws[hand] == 0 {
		return nil
	}
	seed := r.of(hand)
	return seed[:]
}

func derive(seed [sha256.Size]byte, number uint32) [sha256.Size]byte {
	var place [sha256.Size + 4]byte
	copy(place[:], seed[:])
	binary.LittleEndian.PutUint32(place[sha256.Size:], number)
	return sha256.Sum256(place[:])
}

// randomSeed is the seed of the present call. The open request tells the uid,
// the subtask and the config.
func (o *Operator) randomSeed() [sha256.Size]byte {
	hash := sha256.New()
	hash.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(o.openRequest))))
	hash.Write(o.openRequest)
	hash.Write([]byte{byte(o.phase)})
	if o.phase == phaseProcess {
		hash.Write(binary.LittleEndian.AppendUint64(nil, uint64(o.processingTime)))
		hash.Write(o.batch)
	}
	return [sha256.Size]byte(hash.Sum(nil))
}
