package kafka

import (
	"slices"
	"strings"
	"testing"
)

func TestPartitionsOfACommittable(t *testing.T) {
	for _, c := range []struct {
		partitions []int32
		text       string
	}{
		{nil, ""}, {[]int32{0}, "0"}, {[]int32{0, 1, 2}, "0-2"}, {[]int32{1, 3, 4, 9}, "1,3-4,9"}, {[]int32{7, 9, 11}, "7,9,11"},
	} {
		var touched []bool
		for _, p := range c.partitions {
			for len(touched) <= int(p) {
				touched = append(touched, false)
			}
			touched[p] = true
		}
		if got := formatPartitions(append(touched, false)); got != c.text {
			t.Errorf("%v is written as %q, want %q", c.partitions, got, c.text)
		}
		if got := parsePartitions(c.text); !slices.Equal(got, c.partitions) {
			t.Errorf("%q is read as %v, want %v", c.text, got, c.partitions)
		}
	}
	touched := make([]bool, 100_000)
	for i := 0; i < len(touched); i += 2 {
		touched[i] = true
	}
	if got := formatPartitions(touched); got != "" {
		t.Errorf("%d bytes for very many partitions", len(got))
	}
	for _, text := range []string{"a", "1-", "-1", "3-1", "1,,2", "0-99999999", "0-1048575,0-1048575", strings.Repeat("1,", partitionsBytesMax)} {
		if got := parsePartitions(text); got != nil {
			t.Errorf("%.20q is read as %d partitions", text, len(got))
		}
	}
}

// A transaction that partitions hold open although it has ended is ended there,
// once, and nothing else is touched.
func TestMissingMarkersAreWritten(t *testing.T) {
	onProtocols(t, 3, func(t *testing.T, brokers []string, topic string, protocol int) {
		s := openSinkWith(t, sinkConfig(t, brokers, topic, nil), protocol)
		w := openWriter(t, s, 0)
		write(t, w, numbered("a", 100)...)
		p, _, err := decodePrepared(prepare(t, w, 1)[0], s.config)
		if err != nil {
			t.Fatal(err)
		}
		if p.Partitions != "0-2" {
			t.Errorf("the committable names partitions %q", p.Partitions)
		}
		awaitCommitted(t, brokers, topic, nil)
		end := transactionEnd{epoch: p.ProducerEpoch, protocol: protocol, commit: true}
		for id, c := range map[int64]transactionEnd{p.ProducerID + 1: end, p.ProducerID: {epoch: p.ProducerEpoch + 1, protocol: protocol, commit: true}} {
			if n, err := s.control.writeMarkers(testContext(t), topic, nil, map[int64]transactionEnd{id: c}); err != nil || n != 0 {
				t.Fatalf("%d markers for another transaction, %v", n, err)
			}
		}
		for _, wanted := range []int{3, 0} {
			n, err := s.control.writeMarkers(testContext(t), topic, parsePartitions(p.Partitions), map[int64]transactionEnd{p.ProducerID: end})
			// The cluster in process does not tell that a marker from outside ended it.
			if err != nil || n != wanted && !(wanted == 0 && strings.Contains(t.Name(), "in_process")) {
				t.Fatalf("%d markers, want %d: %v", n, wanted, err)
			}
		}
		awaitCommitted(t, brokers, topic, numbered("a", 100))
	})
}
