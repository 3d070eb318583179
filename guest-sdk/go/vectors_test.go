//go:build !wasm

package turgo

import (
	"bytes"
	"strings"
	"testing"

	"github.com/turgo-stream/turgo/abi/vectors"
	"github.com/turgo-stream/turgo/guest-sdk/go/internal/hostcall"
)

// copier emits each record twice: by its parts, and forwarded.
type copier struct {
	parts, whole Output
	lines        []string
}

func (c *copier) Declare(d *Declaration) {
	d.Input("in", c.process)
	c.parts, c.whole = d.Output("parts"), d.Output("whole")
}

func (c *copier) process(in *Batch) {
	for in.Next() {
		c.lines = append(c.lines, strings.Join([]string{vectors.Text(in.Key()), vectors.Text(in.Value()), kindNames[in.Kind()]}, " "))
		c.parts.EmitRecord(Record{Key: in.Key(), Value: in.Value(), Kind: in.Kind(), Timestamp: in.Timestamp(), Extensions: in.Extensions()})
		c.whole.Forward()
	}
}

// emissions keeps what is emitted.
type emissions struct {
	hostcall.Calls
	batches [2][]byte
}

func (e *emissions) Emit(output uint32, batch []byte) { e.batches[output] = bytes.Clone(batch) }

// The SDK reads the golden batches, and writes them byte for byte but for the
// origins, which are those of this call.
func TestTheSDKReproducesTheGoldenBatches(t *testing.T) {
	all, err := vectors.Read("../../abi/testdata/batches.txt")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, v := range all {
		if v.Error >= 0 {
			continue
		}
		seen++
		host, c := &emissions{}, &copier{}
		i := newInstance(hostcall.Host{Calls: host}, func() Operator { return c })
		copy(i.lend(len(v.Bytes)), v.Bytes)
		if status := i.process(0, i.argument.bytes[:len(v.Bytes)]); status != 0 {
			t.Fatalf("%s: status %d", v.Name, status)
		}
		for n, line := range v.Lines {
			if want := strings.Join(line[1:4], " "); c.lines[n] != want {
				t.Errorf("%s, record %d: %s, want %s", v.Name, n, c.lines[n], want)
			}
		}
		if len(v.Lines) == 0 {
			continue
		}
		if !bytes.Equal(host.batches[0], host.batches[1]) {
			t.Errorf("%s: by parts\n%x\nforwarded\n%x", v.Name, host.batches[0], host.batches[1])
		}
		if want := withOrigins(v.Bytes); v.Name != "longer_fixed_part" && !bytes.Equal(host.batches[0], want) {
			t.Errorf("%s: written as\n%x\nwant\n%x", v.Name, host.batches[0], want)
		}
	}
	if seen < 5 {
		t.Errorf("%d valid batches", seen)
	}
}

// withOrigins is a batch whose records have their own index as origin.
func withOrigins(batch []byte) []byte {
	batch = bytes.Clone(batch)
	at := headerLength
	for index := byte(0); at < len(batch); index++ {
		copy(batch[at+16:], []byte{index, 0, 0, 0})
		at += int(batch[at]) | int(batch[at+1])<<8
	}
	return batch
}
