// Command kafka starts and stops one local broker of Apache Kafka that outlives
// the command: what make kafka-up and make kafka-down do.
//
//	kafka up [-port 9092]   start it, unless it runs; print its address
//	kafka down              stop it, and remove its data
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/turgo-stream/turgo/connectors/kafka/localbroker"
)

const (
	portDefault = 9092
	partitions  = 4
	stopLimit   = 20 * time.Second
	stopPoll    = 50 * time.Millisecond
	pidName     = "broker.pid"
)

// record is what the pid file holds.
type record struct {
	PID     int    `json:"pid"`
	Address string `json:"address"`
	Log     string `json:"log"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "kafka: %v\n", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	flags := flag.NewFlagSet("kafka", flag.ContinueOnError)
	port := flags.Int("port", portDefault, "`port` of the broker; 0 = a free one")
	if len(arguments) == 0 {
		return errors.New("say up or down")
	}
	if err := flags.Parse(arguments[1:]); err != nil {
		return err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	folder := filepath.Join(cache, "turgo", "kafka-up")
	ctx, release := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer release()
	switch arguments[0] {
	case "up":
		return up(ctx, folder, *port)
	case "down":
		return down(ctx, folder)
	}
	return fmt.Errorf("unknown command %q: say up or down", arguments[0])
}

func up(ctx context.Context, folder string, port int) error {
	if r, err := running(folder); err != nil || r != nil {
		if err == nil {
			tell(r, folder)
		}
		return err
	}
	broker, err := localbroker.Start(ctx, localbroker.Options{Folder: folder, Port: port, Partitions: partitions, Detached: true})
	if err != nil {
		return fmt.Errorf("%w\nwhere port %d is taken, choose another: make kafka-up PORT=19092", err, port)
	}
	r := &record{PID: broker.PID(), Address: broker.Addresses()[0], Log: broker.LogPath()}
	content, err := json.Marshal(r)
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, pidName), append(content, '\n'), 0o600)
	}
	if err != nil {
		return errors.Join(err, broker.Stop())
	}
	tell(r, folder)
	return nil
}

func tell(r *record, folder string) {
	fmt.Printf("Apache Kafka %s runs on %s\npid %d, in %s\nlog: %s\nfor tests: export %s=%s\n",
		localbroker.Version, r.Address, r.PID, filepath.Join(folder, pidName), r.Log, localbroker.AddressesVariable, r.Address)
}

// running is the broker that was started before and still runs; nil = none.
func running(folder string) (*record, error) {
	path := filepath.Join(folder, pidName)
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r := new(record)
	if err := json.Unmarshal(content, r); err != nil || r.PID <= 1 {
		return nil, fmt.Errorf("%s is damaged: look for the process by hand, then remove the file", path)
	}
	mine, err := localbroker.Runs(r.PID, folder)
	if err != nil || !mine {
		return nil, err
	}
	return r, nil
}

// down stops the process that the pid file names, if it is the broker still.
func down(ctx context.Context, folder string) error {
	r, err := running(folder)
	if err != nil {
		return err
	}
	if r == nil {
		fmt.Println("no broker runs")
		return os.RemoveAll(folder)
	}
	if err := syscall.Kill(r.PID, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stop process %d: %w", r.PID, err)
	}
	ctx, cancel := context.WithTimeout(ctx, stopLimit)
	defer cancel()
	for {
		runs, err := localbroker.Runs(r.PID, folder)
		if err != nil {
			return err
		}
		if !runs {
			fmt.Printf("stopped the broker on %s\n", strings.TrimSpace(r.Address))
			return os.RemoveAll(folder)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("process %d did not end within %v: its log is %s", r.PID, stopLimit, r.Log)
		case <-time.After(stopPoll):
		}
	}
}
