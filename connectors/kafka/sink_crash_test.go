package kafka

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/connectors/kafka/localbroker"
	"github.com/turgo-stream/turgo/connectors/kafka/localbroker/brokertest"
)

// producesForSink holds the config of a sink that this program is to write with,
// instead of running tests, until it is killed.
const producesForSink = "KAFKA_TEST_PRODUCES_FOR_SINK"

// told is what the program tells of itself.
type told struct {
	Prepared []connectors.Committable
}

type produceOrder struct {
	Config   connectors.Config
	Protocol int
	Epochs   int
	Records  int  // of an epoch
	Commit   bool // the first epoch
}

func init() {
	if text := os.Getenv(producesForSink); text != "" {
		if err := produceUntilKilled(text); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
}

// produceUntilKilled prepares some epochs, writes one more that it does not
// prepare, tells the committables, and waits.
func produceUntilKilled(text string) error {
	var order produceOrder
	if err := json.Unmarshal([]byte(text), &order); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), testLimit)
	defer cancel()
	s := &sink{}
	if _, err := s.Open(ctx, order.Config); err != nil {
		return err
	}
	if order.Protocol != 0 {
		s.protocol = order.Protocol
	}
	writer := newTransactionWriter(s, 0)
	var answer told
	for epoch := range order.Epochs + 1 {
		if err := writer.Write(ctx, batchOf(numbered(epochPrefix(epoch), order.Records)...)); err != nil {
			return err
		}
		if epoch == order.Epochs {
			if err := writer.feed.flush(ctx, writer.current.client); err != nil {
				return err
			}
			break
		}
		committables, err := writer.Prepare(ctx, uint64(epoch+1))
		if err != nil {
			return err
		}
		answer.Prepared = append(answer.Prepared, committables...)
		if epoch == 0 && order.Commit {
			if _, err := s.Commit(ctx, committables); err != nil {
				return err
			}
		}
	}
	line, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	fmt.Println(string(line))
	select {}
}

func epochPrefix(epoch int) string { return string(rune('a' + epoch)) }

// produceAndDie has another process write and prepare, and kills it.
func produceAndDie(t *testing.T, order produceOrder) []connectors.Committable {
	t.Helper()
	text, err := json.Marshal(order)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(testContext(t), os.Args[0])
	command.Env = append(os.Environ(), producesForSink+"="+string(text))
	command.Stderr = os.Stderr
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(output)
	lines.Buffer(nil, 1<<20)
	lines.Scan()
	line := lines.Text()
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	command.Wait() // killed: its error says no more
	var answer told
	if err := json.Unmarshal([]byte(line), &answer); err != nil {
		t.Fatalf("the process says %q: %v", line, err)
	}
	return answer.Prepared
}

// What a killed process had prepared, another one commits, again and again; what
// it had not prepared is aborted, and holds nobody up.
func TestCommitAfterTheProducerWasKilled(t *testing.T) {
	onProtocols(t, 3, func(t *testing.T, brokers []string, topic string, protocol int) {
		config := sinkConfig(t, brokers, topic, nil)
		committables := produceAndDie(t, produceOrder{Config: config, Protocol: protocol, Epochs: 3, Records: 300, Commit: true})
		if len(committables) != 3 {
			t.Fatalf("%d committables", len(committables))
		}
		config.Attempt = 2
		for range 2 { // two attempts that both recover from the same manifest
			s := openSink(t, config)
			if err := s.CleanUp(testContext(t), committables); err != nil {
				t.Fatal(err)
			}
			mustCommit(t, s, committables)
			mustCommit(t, s, committables)
			config.Attempt++
		}
		var wanted []string
		for epoch := range 3 {
			wanted = append(wanted, numbered(epochPrefix(epoch), 300)...)
		}
		awaitCommitted(t, brokers, topic, wanted)
	})
}

// A cluster with the first transaction protocol alone is recognized, and does all
// the same.
func TestClusterOfTheFirstProtocol(t *testing.T) {
	if testing.Short() {
		// The cluster in process plays this part in the other tests.
		return
	}
	brokers := brokertest.Start(t, localbroker.Options{Features: map[string]int{"transaction.version": 1}}).Addresses()
	topic := brokertest.Topic(t, brokers, 2)
	config := sinkConfig(t, brokers, topic, nil)
	committables := produceAndDie(t, produceOrder{Config: config, Epochs: 3, Records: 100, Commit: true})
	config.Attempt = 2
	s := openSink(t, config)
	if s.protocol != protocolV1 {
		t.Fatalf("protocol %d, want %d", s.protocol, protocolV1)
	}
	if p, _, err := decodePrepared(committables[0], config); err != nil || p.Protocol != protocolV1 {
		t.Fatalf("committable %+v, %v", p, err)
	}
	if err := s.CleanUp(testContext(t), committables); err != nil {
		t.Fatal(err)
	}
	mustCommit(t, s, committables)
	all := append(numbered("a", 100), append(numbered("b", 100), numbered("c", 100)...)...)
	w := openWriter(t, s, 0)
	for epoch := range uint64(10) {
		values := numbered(epochPrefix(int(epoch+10)), 50)
		write(t, w, values...)
		last := prepare(t, w, epoch+4)
		mustCommit(t, s, committables)
		mustCommit(t, s, last)
		all = append(all, values...)
	}
	awaitCommitted(t, brokers, topic, all)
}

// faultyBroker is a real broker that ends transactions soon after their time.
func faultyBroker(t *testing.T) *localbroker.Broker {
	t.Helper()
	return brokertest.Start(t, localbroker.Options{Config: map[string]string{
		"transaction.abort.timed.out.transaction.cleanup.interval.ms": "300",
	}})
}

// faulty is a real broker that is made to fail.
type faulty struct {
	broker  *localbroker.Broker
	brokers []string
}

func (f *faulty) restart(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := f.broker.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := f.broker.Restart(ctx); err != nil {
		t.Fatal(err)
	}
}

// awaitAborted waits until the broker has aborted a transaction by itself.
func (f *faulty) awaitAborted(t *testing.T, id string) {
	t.Helper()
	ctx := testContext(t)
	for stateOf(t, f.brokers, id) != "CompleteAbort" {
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
}

// A broker that crashes between Prepare and Commit keeps what was prepared; one
// that was too slow with it says so, and that is an alarm; one that is away while
// records are written loses and doubles nothing.
func TestBrokerFaults(t *testing.T) {
	if testing.Short() {
		// Without a real broker that keeps its data there is nothing to see.
		return
	}
	broker := faultyBroker(t)
	f := &faulty{broker: broker, brokers: broker.Addresses()}
	for _, protocol := range []int{protocolV1, protocolV2} {
		for name, test := range map[string]func(t *testing.T, protocol int){
			"killed between prepare and commit": f.killedBeforeCommit,
			"out of time":                       f.outOfTime,
			"out of time before prepare":        f.outOfTimeBeforePrepare,
		} {
			t.Run(fmt.Sprintf("%s, protocol %d", name, protocol), func(t *testing.T) { test(t, protocol) })
		}
	}
	t.Run("killed right behind a commit", f.killedBehindCommit)
	t.Run("away while records are written", f.awayMeanwhile)
}

func (f *faulty) killedBeforeCommit(t *testing.T, protocol int) {
	topic := brokertest.Topic(t, f.brokers, 2)
	config := sinkConfig(t, f.brokers, topic, nil)
	committables := produceAndDie(t, produceOrder{Config: config, Protocol: protocol, Epochs: 2, Records: 200})
	f.restart(t)
	config.Attempt = 2
	s := openSink(t, config)
	if err := s.CleanUp(testContext(t), committables); err != nil {
		t.Fatal(err)
	}
	mustCommit(t, s, committables[:1])
	f.restart(t)
	mustCommit(t, s, committables)
	awaitCommitted(t, f.brokers, topic, append(numbered("a", 200), numbered("b", 200)...))
}

func (f *faulty) outOfTime(t *testing.T, protocol int) {
	topic := brokertest.Topic(t, f.brokers, 1)
	s := openSinkWith(t, sinkConfig(t, f.brokers, topic, nil), protocol)
	s.settings.TransactionTimeoutMS = 1000
	w := openWriter(t, s, 0)
	write(t, w, numbered("a", 10)...)
	committables := prepare(t, w, 1)
	id := idOf(t, s, committables[0])
	f.awaitAborted(t, id)
	for range 2 {
		results := commit(t, s, committables)
		if results[0].Outcome != connectors.CommitLost {
			t.Fatalf("outcome %d: %s", results[0].Outcome, results[0].Reason)
		}
		for _, word := range []string{topic, id, "CompleteAbort", "transaction_timeout_ms"} {
			if !strings.Contains(results[0].Reason, word) {
				t.Errorf("%q does not say %q", results[0].Reason, word)
			}
		}
	}
	awaitCommitted(t, f.brokers, topic, nil)
}

func (f *faulty) outOfTimeBeforePrepare(t *testing.T, protocol int) {
	topic := brokertest.Topic(t, f.brokers, 1)
	s := openSinkWith(t, sinkConfig(t, f.brokers, topic, nil), protocol)
	s.settings.TransactionTimeoutMS = 1000
	now := time.Now()
	s.now = func() time.Time { return now } // the broker alone finds out
	w := newTransactionWriter(s, 0)
	t.Cleanup(func() { w.Close() })
	write(t, w, numbered("a", 10)...)
	if err := w.feed.flush(testContext(t), w.current.client); err != nil {
		t.Fatal(err)
	}
	f.awaitAborted(t, w.current.id)
	now = now.Add(2 * time.Second)
	err := w.Write(testContext(t), batchOf(numbered("b", 10)...))
	if err == nil {
		_, err = w.Prepare(testContext(t), 1)
	}
	if !connectors.Retryable(err) || !strings.Contains(err.Error(), "the broker aborted the transaction") || !strings.Contains(err.Error(), topic) {
		t.Fatalf("error %v, want that the transaction was open for too long", err)
	}
	awaitCommitted(t, f.brokers, topic, nil)
}

// killedBehindCommit: right behind a commit, a crash may take the markers away that
// readers wait for. What was committed must be seen all the same once it is asked
// for again.
func (f *faulty) killedBehindCommit(t *testing.T) {
	topic := brokertest.Topic(t, f.brokers, 2)
	config := sinkConfig(t, f.brokers, topic, nil)
	var all []string
	for attempt := range 3 {
		config.Attempt = uint64(attempt + 1)
		committables := produceAndDie(t, produceOrder{Config: config, Epochs: 2, Records: 300})
		config.Attempt++
		s := openSink(t, config)
		p, _, err := decodePrepared(committables[0], config)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.control.end(testContext(t), p, true); err != nil {
			t.Fatal(err)
		}
		f.restart(t)
		if err := s.CleanUp(testContext(t), committables); err != nil {
			t.Fatal(err)
		}
		mustCommit(t, s, committables)
		all = append(all, append(numbered("a", 300), numbered("b", 300)...)...)
		awaitCommitted(t, f.brokers, topic, all)
	}
}

func (f *faulty) awayMeanwhile(t *testing.T) {
	topic := brokertest.Topic(t, f.brokers, 2)
	s := openSink(t, sinkConfig(t, f.brokers, topic, nil))
	w := openWriter(t, s, 0)
	var all []string
	for epoch := range 8 {
		values := numbered(epochPrefix(epoch), 500)
		write(t, w, values[:250]...)
		if epoch%3 == 1 {
			f.restart(t)
		}
		write(t, w, values[250:]...)
		mustCommit(t, s, prepare(t, w, uint64(epoch+1)))
		all = append(all, values...)
	}
	awaitCommitted(t, f.brokers, topic, all)
}
