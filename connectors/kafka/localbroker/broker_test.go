package localbroker_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/turgo-stream/turgo/connectors/kafka/localbroker"
	"github.com/turgo-stream/turgo/connectors/kafka/localbroker/brokertest"
)

const testLimit = 2 * time.Minute

// startsABroker has this program start a broker, tell its pid, and wait to be killed.
const startsABroker = "LOCALBROKER_TEST_STARTS"

func TestMain(m *testing.M) {
	if os.Getenv(startsABroker) != "" {
		broker, err := localbroker.Start(context.Background(), localbroker.Options{})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(broker.PID(), broker.Folder())
		select {}
	}
	os.Exit(m.Run())
}

func client(t *testing.T, address string, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(address)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// TestKilledBrokerKeepsData checks that what a broker has acknowledged is there
// after a crash, under the same address.
func TestKilledBrokerKeepsData(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), testLimit)
	defer cancel()
	broker := brokertest.Start(t, localbroker.Options{Config: map[string]string{"message.max.bytes": "2000000"}})
	topic := brokertest.Topic(t, broker.Addresses(), 2)
	address := broker.Address(localbroker.PlainText)
	producer := client(t, address, kgo.DefaultProduceTopic(topic))
	if err := producer.ProduceSync(ctx, kgo.StringRecord("before")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := broker.Kill(); err != nil {
		t.Fatal(err)
	}
	if pid := broker.PID(); pid != 0 {
		t.Fatalf("process %d lives after it was killed", pid)
	}
	if err := broker.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	if now := broker.Address(localbroker.PlainText); now != address {
		t.Fatalf("address %s, before %s", now, address)
	}
	if err := producer.ProduceSync(ctx, kgo.StringRecord("after")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	consumer := client(t, address, kgo.ConsumeTopics(topic))
	seen := map[string]bool{}
	for len(seen) < 2 {
		fetches := consumer.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			t.Fatalf("read %v: %v", seen, err)
		}
		fetches.EachRecord(func(r *kgo.Record) { seen[string(r.Value)] = true })
	}
	configs, err := kadm.NewClient(consumer).DescribeBrokerConfigs(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range configs[0].Configs {
		if c.Key == "message.max.bytes" && c.MaybeValue() != "2000000" {
			t.Errorf("message.max.bytes is %s", c.MaybeValue())
		}
	}
	if err := broker.Restart(ctx); err == nil {
		t.Error("a running broker was started once more")
	}
}

// TestNoOrphan checks that the broker of a killed program ends too, and leaves
// no files.
func TestNoOrphan(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	parent := exec.Command(program)
	parent.Env = append(os.Environ(), startsABroker+"=1")
	output, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, readErr := bufio.NewReader(output).ReadString('\n')
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	parent.Wait()
	digits, folder, _ := strings.Cut(strings.TrimSpace(line), " ")
	pid, err := strconv.Atoi(digits)
	if err != nil {
		t.Fatalf("the program wrote %q: %v", line, readErr)
	}
	deadline := time.After(testLimit)
	for {
		_, statErr := os.Stat(folder)
		if syscall.Kill(pid, 0) == syscall.ESRCH && os.IsNotExist(statErr) {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("process %d or folder %s are there after their parent was killed", pid, folder)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// TestErrorTellsTheLog checks that a broker that refuses its settings says why.
func TestErrorTellsTheLog(t *testing.T) {
	broker, err := localbroker.Start(t.Context(), localbroker.Options{Config: map[string]string{"num.io.threads": "none"}})
	if err == nil {
		broker.Close()
		t.Fatal("a broker with a bad setting started")
	}
	if !strings.Contains(err.Error(), "num.io.threads") {
		t.Errorf("the error does not name the setting: %v", err)
	}
}

// TestMissingJava checks that the error says what to install.
func TestMissingJava(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := localbroker.Start(t.Context(), localbroker.Options{})
	if err == nil || !strings.Contains(err.Error(), "apt-get install openjdk-17-jre-headless") {
		t.Errorf("without java: %v", err)
	}
}

func TestBadOptions(t *testing.T) {
	for name, o := range map[string]localbroker.Options{
		"port":    {Port: 70000},
		"heap":    {HeapMiB: 1},
		"users":   {Users: map[string]string{"a": "b"}},
		"name":    {Security: true, Users: map[string]string{`a"`: "b"}},
		"setting": {Config: map[string]string{"a": "b\nc=d"}},
	} {
		if _, err := localbroker.Start(t.Context(), o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
