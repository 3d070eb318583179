package payments

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/turgo-stream/turgo/connectors/kafka/localbroker/brokertest"
	"github.com/turgo-stream/turgo/faults/process"
	"github.com/turgo-stream/turgo/host/job"
)

const testLimit = 5 * time.Minute

// run is one job in a folder of its own.
type run struct {
	testing.TB
	ctx         context.Context
	folder      string
	turgo       string
	environment []string
}

// start starts turgo with more variables of the job file.
func (r *run) start(o process.Options, variables ...string) *process.Host {
	r.Helper()
	o.Program, o.Job, o.Log = r.turgo, filepath.Join(r.folder, "job.yaml"), filepath.Join(r.folder, "turgo.log")
	o.Environment = append(slices.Clone(r.environment), variables...)
	host, err := process.Start(o)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() {
		if err := host.Kill(); err != nil {
			r.Error(err)
		}
	})
	return host
}

// finish waits until the job has read its input to the end.
func (r *run) finish(host *process.Host) {
	r.Helper()
	select {
	case <-host.Done():
	case <-r.ctx.Done():
		r.Fatal("the job does not finish in time")
	}
	if code := host.ExitCode(); code != 0 {
		r.Fatalf("turgo ended with %d: %v", code, host.Explain())
	}
}

// The job gives one output, however often checkpoints are taken and wherever it
// is killed and resumed.
func TestOneOutputHoweverItRuns(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), testLimit)
	defer cancel()
	built := t.TempDir()
	turgo, err := process.BuildTurgo(ctx, built)
	must(t, err)
	_, err = process.BuildModule(ctx, "examples/payments/operator", built, "payments")
	must(t, err)
	brokers := brokertest.Addresses(t)
	input := brokertest.Topic(t, brokers, 4)
	produce(t, ctx, brokers, input)

	for _, c := range []struct {
		name string
		run  func(r *run)
	}{
		{"whole", func(r *run) { r.finish(r.start(process.Options{}, "INTERVAL=10m")) }},
		{"checkpoints", func(r *run) { r.finish(r.start(process.Options{}, "INTERVAL=50ms", "RATE=4000")) }},
		{"killed", func(r *run) {
			killed := 0
			for _, point := range []job.Point{job.AfterPrepare, job.AfterManifest} {
				host := r.start(process.Options{CrashAt: point, CrashCount: 2}, "INTERVAL=100ms", "RATE=1000", fmt.Sprint("PARALLELISM=", killed+1))
				select {
				case <-host.Done():
				case <-ctx.Done():
					r.Fatalf("the job does not come to %s", point)
				}
				if !host.Killed() {
					r.Fatalf("not killed at %s: %v", point, host.Explain())
				}
				killed++
			}
			r.finish(r.start(process.Options{}, "PARALLELISM=3"))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &run{TB: t, ctx: ctx, folder: t.TempDir(), turgo: turgo}
			output := brokertest.Topic(t, brokers, 3)
			copyInto(t, r.folder, "job.yaml", filepath.Join(built, "payments.wasm"))
			r.environment = []string{
				"BROKERS=" + brokers[0], "INPUT=" + input, "OUTPUT=" + output, "OUT=" + r.folder, "BOUNDED=true", "TURGO_CACHE=" + filepath.Join(built, "cache"),
			}
			c.run(r)
			checkOutput(t, ctx, brokers, output)
			r.checkLetters()
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func copyInto(t *testing.T, folder string, paths ...string) {
	t.Helper()
	for _, path := range paths {
		data, err := os.ReadFile(path)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(folder, filepath.Base(path)), data, 0o644))
	}
}

// noPayment is among the records of the test, noPayments times.
const (
	noPayment  = `{"account":"alice","amount":12.5}`
	noPayments = 3
)

// produce writes the sample payments, as `kcat -P -K '|' -l payments.txt` does, and
// some records that are none.
func produce(t *testing.T, ctx context.Context, brokers []string, topic string) {
	t.Helper()
	sample, err := os.ReadFile("payments.txt")
	must(t, err)
	var records []*kgo.Record
	for line := range bytes.Lines(sample) {
		id, value, _ := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte("|"))
		records = append(records, &kgo.Record{Topic: topic, Key: id, Value: value})
		if len(records)%700 == 0 {
			records = append(records, &kgo.Record{Topic: topic, Key: []byte("bad"), Value: []byte(noPayment)})
		}
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	must(t, err)
	defer client.Close()
	must(t, client.ProduceSync(ctx, records...).FirstErr())
}

// told is a record of the output.
type told struct {
	ID      string `json:"id"`
	Account string `json:"account"`
	Amount  int64  `json:"amount"`
	Balance int64  `json:"balance"`
}

// checkOutput compares all committed output with expected.txt: each payment is
// there once, and in each partition the balances of an account add up.
func checkOutput(t *testing.T, ctx context.Context, brokers []string, topic string) {
	t.Helper()
	counts, balances, ids := map[string]int{}, map[string]int64{}, map[string]bool{}
	for _, record := range consume(t, ctx, brokers, topic) {
		var one told
		must(t, json.Unmarshal(record.Value, &one))
		if string(record.Key) != one.Account {
			t.Errorf("payment %s of %s is under the key %q", one.ID, one.Account, record.Key)
		}
		if ids[one.ID] {
			t.Errorf("payment %s is there twice", one.ID)
		}
		ids[one.ID] = true
		counts[one.Account]++
		balances[one.Account] += one.Amount
		if balances[one.Account] != one.Balance {
			t.Fatalf("payment %s of %d makes the balance of %s %d: want %d", one.ID, one.Amount, one.Account, one.Balance, balances[one.Account])
		}
	}
	compare(t, counts, balances)
}

func compare(t *testing.T, counts map[string]int, balances map[string]int64) {
	t.Helper()
	var got strings.Builder
	for _, account := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&got, "%s %d payments, balance %d\n", account, counts[account], balances[account])
	}
	want, err := os.ReadFile("expected.txt")
	must(t, err)
	if got.String() != string(want) {
		t.Errorf("got:\n%s\nexpected.txt:\n%s", got.String(), want)
	}
}

// checkLetters finds each record that is no payment among the dead letters, once.
func (r *run) checkLetters() {
	r.Helper()
	list := exec.CommandContext(r.ctx, r.turgo, "dlq", "list", filepath.Join(r.folder, "job.yaml"), "--json")
	list.Env = append(os.Environ(), r.environment...)
	letters, err := list.Output()
	must(r, err)
	if n := bytes.Count(letters, []byte("amount must be a whole number of cents")); n != noPayments {
		r.Errorf("%d letters tell of an amount, want %d:\n%s", n, noPayments, letters)
	}
}

// consume reads what is committed in a topic, each partition in its order.
func consume(t *testing.T, ctx context.Context, brokers []string, topic string) (records []*kgo.Record) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords()) // the last record may be a marker
	must(t, err)
	defer client.Close()
	ends, err := kadm.NewClient(client).ListCommittedOffsets(ctx, topic)
	must(t, err)
	must(t, ends.Error())
	left := map[int32]int64{}
	ends.Each(func(end kadm.ListedOffset) {
		if end.Offset > 0 {
			left[end.Partition] = end.Offset
		}
	})
	for len(left) > 0 {
		fetches := client.PollFetches(ctx)
		must(t, fetches.Err())
		fetches.EachRecord(func(record *kgo.Record) {
			if record.Offset+1 >= left[record.Partition] {
				delete(left, record.Partition)
			}
			if !record.Attrs.IsControl() {
				records = append(records, record)
			}
		})
	}
	return records
}

// The sample's expected output comes from no part of Turgo.
func TestExpectedOutput(t *testing.T) {
	counts, balances, ids := map[string]int{}, map[string]int64{}, map[string]bool{}
	sample, err := os.ReadFile("payments.txt")
	must(t, err)
	duplicates := 0
	for line := range strings.Lines(string(sample)) {
		id, value, _ := strings.Cut(line, "|")
		var payment told
		must(t, json.Unmarshal([]byte(value), &payment))
		if ids[id] {
			duplicates++
			continue
		}
		ids[id] = true
		counts[payment.Account]++
		balances[payment.Account] += payment.Amount
	}
	if duplicates == 0 {
		t.Error("the sample has no duplicates")
	}
	compare(t, counts, balances)
}
