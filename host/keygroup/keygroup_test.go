package keygroup_test

import (
	"bufio"
	"encoding/hex"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/turgo-stream/turgo/host/keygroup"
)

const vectors = "../../abi/testdata/keygroup.txt"

// Each line of the vectors is: key in hex (- = empty), hash in hex, group of
// 128, group of 32768.
func TestOfReproducesTheVectors(t *testing.T) {
	file, err := os.Open(vectors)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := 0
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		line := scanner.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		lines++
		fields := strings.Fields(line)
		if len(fields) != 4 {
			t.Fatalf("%q: want four fields", line)
		}
		key, err := hex.DecodeString(strings.Trim(fields[0], "-"))
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		hash, err := strconv.ParseUint(fields[1], 16, 64)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if got := keygroup.Hash(key); got != hash {
			t.Errorf("hash of %x: %016x, want %016x", key, got, hash)
		}
		for i, maxParallelism := range []int{128, 32768} {
			if got := strconv.Itoa(keygroup.Of(key, maxParallelism)); got != fields[2+i] {
				t.Errorf("group of %x among %d: %s, want %s", key, maxParallelism, got, fields[2+i])
			}
		}
	}
	if lines < 8 {
		t.Errorf("%d vectors, want at least 8", lines)
	}
}

func TestRangesCoverEveryGroupOnceAndAgreeWithOwner(t *testing.T) {
	for _, maxParallelism := range []int{1, 2, 3, 7, 128, 1000, keygroup.MaxParallelismLimit} {
		for parallelism := 1; parallelism <= min(maxParallelism, 130); parallelism++ {
			next := 0
			for subtask := range parallelism {
				first, last := keygroup.Range(subtask, maxParallelism, parallelism)
				if first != next || last < first {
					t.Fatalf("subtask %d of %d among %d groups: range %d..%d, want it to start at %d",
						subtask, parallelism, maxParallelism, first, last, next)
				}
				for _, group := range []int{first, last} {
					if owner := keygroup.Owner(group, maxParallelism, parallelism); owner != subtask {
						t.Fatalf("group %d of %d at parallelism %d: owner %d, its range says %d",
							group, maxParallelism, parallelism, owner, subtask)
					}
				}
				next = last + 1
			}
			if next != maxParallelism {
				t.Fatalf("parallelism %d: ranges end at %d of %d groups", parallelism, next, maxParallelism)
			}
		}
	}
}

func TestGroupsAreBelowMaxParallelismAndEven(t *testing.T) {
	const keys, groups = 100_000, 128
	var counts [groups]int
	for i := range keys {
		counts[keygroup.Of(strconv.AppendInt(nil, int64(i), 10), groups)]++
	}
	for group, count := range counts {
		if count < keys/groups*8/10 || count > keys/groups*12/10 {
			t.Errorf("group %d holds %d of %d keys, want about %d", group, count, keys, keys/groups)
		}
	}
	if got := keygroup.OfHash(1<<64-1, groups); got != groups-1 {
		t.Errorf("group of the largest hash: %d, want %d", got, groups-1)
	}
}

func BenchmarkOf(b *testing.B) {
	key := []byte("customer-0123456")
	b.ReportAllocs()
	sum := 0
	for b.Loop() {
		sum += keygroup.Of(key, 128)
	}
	_ = sum
}
