package state

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestSorted compares the order of a part with the order of its keys: with few
// states and with more than can be numbered, with keys that differ late, that
// end early, and with versions and holes.
func TestSorted(t *testing.T) {
	for _, states := range []int{1, 3, maxRanked - 1, maxRanked + 20} {
		t.Run(fmt.Sprintf("states=%d", states), func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, uint64(states)))
			g := newGeneration(1, minChunkBytes, 0)
			p := &part{}
			newest := map[string]byte{}
			for i := range 5000 {
				key := binary.BigEndian.AppendUint16(nil, uint16(random.IntN(5)))
				key = binary.BigEndian.AppendUint64(key, uint64(random.IntN(states))*0x9e3779b97f4a7c15)
				key = append(key, bytes.Repeat([]byte{7}, random.IntN(20))...)
				key = append(key, byte(random.IntN(3)), byte(random.IntN(3)))
				place, e, err := g.allocate(key, 1, 1, false)
				must(t, err)
				e.value()[0] = byte(i)
				position := p.log.append(g.address(place), key)
				if random.IntN(5) == 0 {
					p.log.set(position, 0)
					continue
				}
				newest[string(key)] = byte(i)
			}
			p.arenas = []arena{g.arena}
			var want, got []string
			for key, version := range newest {
				want = append(want, key+string([]byte{version}))
			}
			slices.SortFunc(want, func(x, y string) int { return strings.Compare(x[:len(x)-1], y[:len(y)-1]) })
			for _, a := range p.sorted() {
				e := p.at(a)
				got = append(got, string(e.key())+string(e.value()))
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%d entries are not the %d expected or not in their order", len(got), len(want))
			}
		})
	}
}
