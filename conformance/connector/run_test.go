package connector_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/turgo-stream/turgo/conformance/connector"
	"github.com/turgo-stream/turgo/conformance/report"
)

func TestScenarioErrors(t *testing.T) {
	for text, want := range map[string]string{
		``:                                            "describe a source, a sink, or both",
		`source: {setings: {}}`:                       `unknown field "setings"`,
		`source: [`:                                   "not found",
		`source: {records: -1}`:                       "source.records: -1 is not in 0..",
		`source: {bad_settings: [{}]}`:                "source.bad_settings[0].field: name the field",
		`sink: {record: {key: k, value: v}}`:          "sink.record: key or value has to hold ${ID}",
		`sink: {refused: {key: k, value: v}}`:         "sink.refused: key or value has to hold ${ID}",
		`sink: {refused: {key: null, value: v}}`:      "sink.refused: key or value has to hold ${ID}",
		`sink: {refused: {key: null, value: null}}`:   "sink.refused: key or value has to hold ${ID}",
		`sink: {refused: {kye: k}}`:                   `unknown field "kye"`,
		`sink: {read_back: {}}`:                       "0 ways to read are given",
		`sink: {read_back: {files: a, command: [b]}}`: "2 ways to read are given",
		`sink: {bad_settings: [{settings: {a: 1}}]}`:  "sink.bad_settings[0].field: name the field",
	} {
		path := filepath.Join(t.TempDir(), "FILE")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := connector.ReadScenario(path)
		var wrong *connector.ScenarioError
		if !errors.As(err, &wrong) || wrong.Path != path || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if _, err := connector.ReadScenario("/absent"); err == nil || err.Error() != "connector: /absent: cannot be read: no such file or directory" {
		t.Errorf("absent file: %v", err)
	}
}

// A field of a record that is null is another thing than one that is absent.
func TestNullsOfARecord(t *testing.T) {
	for text, want := range map[string]connector.RecordTemplate{
		`{key: null}`:               {KeyNull: true},
		`{value: ~}`:                {ValueNull: true},
		`{}`:                        {},
		`{key: k, value: "${ID}"}`:  {Key: new("k"), Value: new("${ID}")},
		`{key: "", value: "${ID}"}`: {Key: new(""), Value: new("${ID}")},
	} {
		scenario, err := connector.ParseScenario([]byte("sink: {refused: " + text + "}"))
		if err != nil {
			t.Fatal(err)
		}
		if got := *scenario.Sink.Refused; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", text, got, want)
		}
	}
}

func TestOptionsErrors(t *testing.T) {
	scenario := &connector.Scenario{Sink: &connector.SinkScenario{}}
	for want, options := range map[string]connector.Options{
		"neither a source nor a sink":     {Command: []string{"sh"}},
		"name the connector's executable": {Scenario: scenario},
		`there is no check "rread"`:       {Scenario: scenario, Command: []string{"sh"}, Checks: []string{"rread"}},
		"executable ./absent: ":           {Scenario: scenario, Command: []string{"./absent"}},
	} {
		_, err := connector.Run(t.Context(), options)
		var wrong *connector.OptionsError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// script makes a program that is no connector.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func runScript(t *testing.T, ctx context.Context, text string) (*report.Report, error) {
	t.Helper()
	return connector.Run(ctx, connector.Options{
		Command: []string{script(t, text)}, Scenario: &connector.Scenario{Sink: &connector.SinkScenario{}, Folder: t.TempDir()},
	})
}

// A program that is no connector fails the handshake, and all else waits for that.
func TestNoConnector(t *testing.T) {
	t.Parallel()
	for want, text := range map[string]string{
		"the process ended before it wrote its line (exit status 3); its last output:\nno licence": "echo no licence >&2; exit 3",
		`the first line on standard output is "hello\n"`:                                           "echo hello; exec sleep 60",
		"offered":                       "echo '1|7|unix|/nowhere|grpc|'; exec sleep 60",
		"the socket is \"/etc/passwd\"": "echo '1|1|unix|/etc/passwd|grpc|'; exec sleep 60",
		"it has to be unix and grpc":    "echo '1|1|tcp|127.0.0.1:80|netrpc|'; exec sleep 60",
		"is no socket: write the line when the server listens": "echo \"1|1|unix|$PLUGIN_UNIX_SOCKET_DIR/late|grpc|\"; exec sleep 60",
		"xxxxx": "head -c 100000 /dev/zero | tr '\\0' x; exec sleep 60",
	} {
		result, err := runScript(t, t.Context(), text)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range result.Results {
			switch {
			case i == 0 && (r.Check != connector.Handshake || r.Status != report.Fail || !strings.Contains(r.Reason, want)):
				t.Errorf("%s: %s %s: %s", text, r.Check, r.Status, r.Reason)
			case i > 0 && (r.Status != report.Skip || !strings.HasPrefix(r.Reason, "needs ")):
				t.Errorf("%s: %s %s: %s", text, r.Check, r.Status, r.Reason)
			}
		}
	}
}

// When the caller gives up, the run ends soon, and so does what it started.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	marker := filepath.Join(t.TempDir(), "running")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan *report.Report)
	go func() {
		result, err := runScript(t, ctx, "echo $$ > "+marker+"; exec sleep 60")
		if err != nil {
			t.Error(err)
		}
		done <- result
	}()
	pid := 0
	for deadline := time.Now().Add(10 * time.Second); pid == 0; time.Sleep(time.Millisecond) {
		if text, err := os.ReadFile(marker); err == nil {
			pid, _ = strconv.Atoi(strings.TrimSpace(string(text))) // it may be written by half
		}
		if time.Now().After(deadline) {
			t.Fatal("the program never ran")
		}
	}
	start := time.Now()
	cancel()
	if result := <-done; !result.Interrupted || len(result.Results) > 0 {
		t.Errorf("%+v", result)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("the end took %v", took)
	}
	if err := syscall.Kill(-pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the program, or what it started, lives: %v", err)
	}
}

// What FILE gives is no fault of the connector.
func TestSetupErrors(t *testing.T) {
	t.Parallel()
	for want, sink := range map[string]connector.SinkScenario{
		`prepare: command ["sh" "-c" "echo no broker >&2; exit 1"]: exit status 1` + "\nno broker": {
			Prepare: []string{"sh", "-c", "echo no broker >&2; exit 1"},
		},
		`sink.read_back.command: command ["false"]: exit status 1`: {
			Settings: map[string]any{"path": "${SCRATCH}/out"}, ReadBack: &connector.ReadBack{Command: []string{"false"}},
		},
	} {
		_, err := connector.Run(t.Context(), connector.Options{
			Builtin: "file", Scenario: &connector.Scenario{Sink: &sink, Folder: t.TempDir()}, Checks: []string{connector.PrepareCommit},
		})
		var setup *connector.SetupError
		if !errors.As(err, &setup) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
