package kafka

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/turgo-stream/turgo/connectors"
)

// Ids of different jobs, steps and slots are different, whatever the names hold,
// and none is read as another's.
func TestTransactionNames(t *testing.T) {
	words := []string{"", "a", "ab", "pay", "payments", "a/b", "a%2Fb", "%", "a b", "ä", "a/1/2", "a.b-c_d", "\x00", "//"}
	seen := map[string]transactionName{}
	for _, job := range words {
		for _, uid := range words {
			for attempt := range uint64(2) {
				for subtask := range 2 {
					for slot := range 2 {
						name := transactionName{Prefix: "turgo", JobUUID: job, UID: uid, Attempt: 9 + attempt*7, Subtask: subtask * 11, Slot: slot}
						id := name.String()
						if other, twice := seen[id]; twice {
							t.Fatalf("%+v and %+v both have id %q", name, other, id)
						}
						seen[id] = name
						read, ok := parseTransactionName(id)
						if !ok || read != name {
							t.Fatalf("%q is read as %+v %v, want %+v", id, read, ok, name)
						}
						if !read.of(connectors.Config{JobUUID: job, UID: uid}) || read.of(connectors.Config{JobUUID: job + "x", UID: uid}) {
							t.Fatalf("%q: whose is it?", id)
						}
					}
				}
			}
		}
	}
}

func TestTransactionNamesRefused(t *testing.T) {
	for _, id := range []string{
		"", "turgo", "turgo/j/u/1/2", "turgo/j/u/1/2/3/4", "tur go/j/u/1/2/3", "/j/u/1/2/3", "turgo/j/u/01/2/3", "turgo/j/u/+1/2/3",
		"turgo/j/u/-1/2/3", "turgo/j/u/1/2/99999999999", "turgo/j/u/99999999999999999999/2/3", "turgo/j/%2/1/2/3", "turgo/j/%2f/1/2/3",
		"turgo/j/%41/1/2/3", "turgo/j/%zz/1/2/3", "turgo/ä/u/1/2/3", "turgo/" + strings.Repeat("j", transactionalIDBytesMax) + "/u/1/2/3",
	} {
		if name, ok := parseTransactionName(id); ok {
			t.Errorf("%q is read as %+v", id, name)
		}
	}
}

func testPrepared() prepared {
	name := transactionName{Prefix: "turgo", JobUUID: "job", UID: testUID, Attempt: 3, Subtask: 1, Slot: 2}
	return prepared{TransactionalID: name.String(), ProducerID: 4001, ProducerEpoch: 7, Protocol: protocolV2, Topic: "orders"}
}

func TestCommittablesRefused(t *testing.T) {
	config := connectors.Config{JobUUID: "job", UID: testUID}
	good, err := testPrepared().encode()
	if err != nil {
		t.Fatal(err)
	}
	if p, name, err := decodePrepared(good, config); err != nil || name.Attempt != 3 || p.ProducerID != 4001 || p.id() != good.ID {
		t.Fatalf("%+v %+v %v", p, name, err)
	}
	text := string(good.Data)
	for name, c := range map[string]struct{ data, wanted string }{
		"empty":          {"", "EOF"},
		"no object":      {"[]", "array"},
		"cut off":        {text[:len(text)-3], "unexpected"},
		"more behind":    {text + "{}", "behind"},
		"unknown field":  {strings.Replace(text, "{", `{"x":1,`, 1), "unknown field"},
		"newer format":   {strings.Replace(text, `"format":1`, `"format":2,"more":true`, 1), "format 2"},
		"no format":      {strings.Replace(text, `"format":1,`, "", 1), "format 0"},
		"another job":    {strings.Replace(text, "/job/", "/jobs/", 1), "another job"},
		"another step":   {strings.Replace(text, "/out/", "/outs/", 1), "another job"},
		"foreign id":     {strings.Replace(text, "turgo/job/out/3/1/2", "payments", 1), "no transactional id"},
		"producer id":    {strings.Replace(text, "4001", "-1", 1), "producer id -1"},
		"epoch":          {strings.Replace(text, `_epoch":7`, `_epoch":-7`, 1), "epoch -7"},
		"epoch too high": {strings.Replace(text, `_epoch":7`, `_epoch":70000`, 1), "70000"},
		"protocol":       {strings.Replace(text, `"protocol":2`, `"protocol":3`, 1), "protocol 3"},
		"topic":          {strings.Replace(text, "orders", "../orders", 1), "topic"},
		"too long":       {text + strings.Repeat(" ", connectors.CommittableDataBytesMax), "at most"},
	} {
		_, _, err := decodePrepared(connectors.Committable{ID: "x", Data: []byte(c.data)}, config)
		var refused *committableError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.wanted) {
			t.Errorf("%s: %v, want it to say %q", name, err, c.wanted)
		}
	}
}

// Any bytes are a committable of this step that writes again as the same
// transaction, or are refused.
func FuzzCommittable(f *testing.F) {
	good, err := testPrepared().encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good.Data)
	f.Add([]byte(`{"format":1}`))
	config := connectors.Config{JobUUID: "job", UID: testUID}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, name, err := decodePrepared(connectors.Committable{ID: "x", Data: data}, config)
		if err != nil {
			return
		}
		if !name.of(config) || name.String() != p.TransactionalID || !isTopicName(p.Topic) {
			t.Fatalf("%q is accepted as %+v", data, p)
		}
		again, err := p.encode()
		if err != nil {
			t.Fatal(err)
		}
		if q, _, err := decodePrepared(again, config); err != nil || q != p {
			t.Fatalf("%+v is written again as %+v, %v", p, q, err)
		}
	})
}

// ledgerHost is a model of the host: what its newest manifest names, and which
// commits it has under way and has taken in.
type ledgerHost struct {
	random   *rand.Rand
	ledger   *ledger
	slots    int
	open     []string // prepared, in no manifest
	pending  []string // in the newest manifest
	queue    []string // unconfirmed as the coordinator knows it, durable ones
	order    []string // of the Commit that is under way
	answered []string // of order
	released map[string]bool
	fails    bool // some calls of Commit fail
	held     int  // most slots held at a time
}

func (h *ledgerHost) prepare() {
	at := h.ledger.tick()
	h.slots++
	s := &slot{id: fmt.Sprint(h.slots), opened: time.Unix(int64(h.slots), 0)}
	h.ledger.prepared(s, at)
	h.open = append(h.open, s.id)
}

// manifest makes all that is open durable, and records what is confirmed.
func (h *ledgerHost) manifest() {
	h.queue = append(h.queue, h.open...)
	h.open = nil
	h.pending = append([]string{}, h.queue...)
}

// step commits one more of the order, or takes in the answers of a whole one and
// begins the next.
func (h *ledgerHost) step() {
	if len(h.order) > len(h.answered) {
		id := h.order[len(h.answered)]
		free, _ := h.ledger.committing(id)
		for _, s := range free {
			h.released[s.id] = true
		}
		if h.fails && h.random.IntN(10) == 0 { // the call fails: the coordinator forgets the whole order
			h.ledger.failed()
			h.order, h.answered = nil, nil
			return
		}
		h.ledger.committed(id)
		h.answered = append(h.answered, id)
		return
	}
	var rest []string
	for _, id := range h.queue {
		if !slices.Contains(h.answered, id) {
			rest = append(rest, id)
		}
	}
	h.queue, h.answered = rest, nil
	h.order = append([]string{}, rest...)
}

// Whatever the order of prepares, manifests and commits: what the newest
// manifest names was not released, so that a start from it can commit all of it.
// And slots are released in the end.
func TestLedgerReleasesOnlyWhatIsRecorded(t *testing.T) {
	for seed := range uint64(300) {
		h := &ledgerHost{random: rand.New(rand.NewPCG(seed, 1)), ledger: newLedger(), released: map[string]bool{}, fails: seed%2 == 1}
		for range 400 {
			switch durable := len(h.queue); {
			case h.random.IntN(3) == 0 && len(h.open) < 2 && durable < 4:
				h.prepare()
			case h.random.IntN(3) == 0 && len(h.open) > 0:
				h.manifest()
			default:
				h.step()
			}
			for _, id := range h.pending {
				if h.released[id] {
					t.Fatalf("seed %d: slot %s was released, the newest manifest names it", seed, id)
				}
			}
			h.held = max(h.held, h.slots-len(h.released))
		}
		if len(h.released) < h.slots/2 {
			t.Errorf("seed %d: %d of %d slots were released", seed, len(h.released), h.slots)
		}
		if h.held >= slotsMax && !h.fails {
			t.Errorf("seed %d: %d slots were held", seed, h.held)
		}
	}
}
