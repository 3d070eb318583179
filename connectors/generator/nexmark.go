package generator

import "encoding/binary"

// The Nexmark streams: persons, auctions and bids of an online auction house.
// Of each 50 events the first is a person, the next three are auctions, the
// others bids. All arithmetic is on 64-bit integers that wrap.
const (
	nexmarkStart = 1436918400000 // time of event 0, in milliseconds since the epoch
	nexmarkCycle = 50            // events with one person and three auctions

	personBytes  = 200
	auctionBytes = 500
	bidBytes     = 100
	// firstID is the ID of the first person, auction and so on.
	firstID = 1000
)

var (
	firstNames  = []string{"Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter"}
	lastNames   = []string{"Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"}
	cities      = []string{"Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent", "Cheyenne"}
	states      = []string{"AZ", "CA", "ID", "OR", "WA", "WY"}
	hotChannels = []string{"Google", "Facebook", "Baidu", "Apple"}
)

// nexmark makes events from a seed and the number of events per second of
// event time.
type nexmark struct {
	seed      uint64
	eventRate uint64
}

func (g nexmark) time(event uint64) int64 {
	return int64(nexmarkStart + event*1000/g.eventRate)
}

// append appends the encoded event.
func (g nexmark) append(to []byte, event uint64) []byte {
	d := drawOf(g.seed, event)
	cycle, offset := event/nexmarkCycle, event%nexmarkCycle
	start := len(to)
	switch {
	case offset == 0:
		return d.extra(d.person(to, cycle), start, personBytes)
	case offset <= 3:
		return d.extra(g.auction(to, d, event, cycle, offset), start, auctionBytes)
	}
	return d.extra(d.bid(to, cycle), start, bidBytes)
}

func appendString(to []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint16(to, uint16(len(s))), s...)
}

// appendText is a string of random letters.
func (d draw) appendText(to []byte, k uint64, length int) []byte {
	return d.text(binary.LittleEndian.AppendUint16(to, uint16(length)), k, length)
}

// extra pads the event to its size.
func (d draw) extra(to []byte, start, size int) []byte {
	return d.appendText(to, 64, max(0, size-(len(to)-start)-2))
}

var powersOfTen = [...]uint64{100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000}

func (d draw) price(k uint64) uint64 {
	power := powersOfTen[d.below(k, 6)]
	return power + d.below(k+1, 9*power)
}

// anyPerson draws one of the newest 1000 persons, or of the next ten.
func (d draw) anyPerson(k, last uint64) uint64 {
	active := min(last+1, 1000)
	return last + 1 - active + d.below(k, active+10)
}

func (d draw) person(to []byte, cycle uint64) []byte {
	to = append(to, 0)
	to = binary.LittleEndian.AppendUint64(to, firstID+cycle)
	first, last := firstNames[d.below(0, 11)], lastNames[d.below(1, 9)]
	to = binary.LittleEndian.AppendUint16(to, uint16(len(first)+1+len(last)))
	to = append(append(append(to, first...), ' '), last...)
	to = binary.LittleEndian.AppendUint16(to, 7+1+5+4)
	to = append(d.text(to, 16, 7), '@')
	to = append(d.text(to, 24, 5), ".com"...)
	to = binary.LittleEndian.AppendUint16(to, 4*4+3)
	for group := range uint64(4) {
		if group > 0 {
			to = append(to, ' ')
		}
		n := d.below(2+group, 10000)
		to = append(to, '0'+byte(n/1000), '0'+byte(n/100%10), '0'+byte(n/10%10), '0'+byte(n%10))
	}
	to = appendString(to, cities[d.below(6, 10)])
	return appendString(to, states[d.below(7, 6)])
}

func (g nexmark) auction(to []byte, d draw, event, cycle, offset uint64) []byte {
	seller := cycle / 100 * 100
	if d.below(0, 4) == 0 {
		seller = d.anyPerson(1, cycle)
	}
	initialBid := d.price(3)
	longest := max(1, int64(2*1666*1000/g.eventRate))
	to = append(to, 1)
	to = binary.LittleEndian.AppendUint64(to, firstID+3*cycle+offset-1)
	to = binary.LittleEndian.AppendUint64(to, firstID+seller)
	to = binary.LittleEndian.AppendUint64(to, 10+d.below(2, 5))
	to = binary.LittleEndian.AppendUint64(to, initialBid)
	to = binary.LittleEndian.AppendUint64(to, initialBid+d.price(5))
	to = binary.LittleEndian.AppendUint64(to, uint64(g.time(event))+1+d.below(7, uint64(longest)))
	to = d.appendText(to, 16, 20)
	return d.appendText(to, 24, 100)
}

func (d draw) bid(to []byte, cycle uint64) []byte {
	lastAuction := 3*cycle + 2
	auction := lastAuction / 100 * 100
	if d.below(0, 2) == 0 {
		low := uint64(max(0, int64(lastAuction)-100))
		auction = low + d.below(1, lastAuction-low+1+10)
	}
	bidder := cycle/100*100 + 1
	if d.below(2, 4) == 0 {
		bidder = d.anyPerson(3, cycle)
	}
	to = append(to, 2)
	to = binary.LittleEndian.AppendUint64(to, firstID+auction)
	to = binary.LittleEndian.AppendUint64(to, firstID+bidder)
	to = binary.LittleEndian.AppendUint64(to, d.price(4))
	if d.below(6, 2) > 0 {
		to = appendString(to, hotChannels[d.below(7, 4)])
	} else {
		at := len(to)
		to = append(to, 0, 0)
		to = appendDecimal(append(to, "channel-"...), d.below(8, 10000))
		binary.LittleEndian.PutUint16(to[at:], uint16(len(to)-at-2))
	}
	to = binary.LittleEndian.AppendUint16(to, 24+5+17)
	to = append(to, "https://www.nexmark.com/"...)
	to = d.text(to, 16, 5)
	return append(to, "/item.htm?query=1"...)
}
