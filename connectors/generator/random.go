package generator

// golden is the step of the counter-based random numbers.
const golden = 0x9E3779B97F4A7C15

// mix is the finisher of splitmix64.
func mix(z uint64) uint64 {
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
	z = (z ^ (z >> 27)) * 0x94D049BB133111EB
	return z ^ (z >> 31)
}

// draw is the random numbers of one event: a pure function of seed and event
// number, so any event can be made without those before it.
type draw uint64

func drawOf(seed, event uint64) draw { return draw(mix(seed + (event+1)*golden)) }

// number is the random number of index k.
func (d draw) number(k uint64) uint64 { return mix(uint64(d) + (k+1)*golden) }

// below is a number from 0 to m-1.
func (d draw) below(k, m uint64) uint64 { return (d.number(k) >> 33) % m }

// letters maps a random byte to a letter.
var letters = func() (table [256]byte) {
	for i := range table {
		table[i] = 'a' + byte(i)%26
	}
	return table
}()

// text appends length letters, eight of each random number from index k on.
func (d draw) text(to []byte, k uint64, length int) []byte {
	for ; length >= 8; length -= 8 {
		z := d.number(k)
		to = append(to, letters[byte(z)], letters[byte(z>>8)], letters[byte(z>>16)], letters[byte(z>>24)],
			letters[byte(z>>32)], letters[byte(z>>40)], letters[byte(z>>48)], letters[byte(z>>56)])
		k++
	}
	if length > 0 {
		for z := d.number(k); length > 0; length-- {
			to = append(to, letters[byte(z)])
			z >>= 8
		}
	}
	return to
}
