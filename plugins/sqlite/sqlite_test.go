// The tests of the sample connector: as its author runs them, and as a job does.
package sqlite_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"

	v1 "github.com/turgo-stream/turgo/abi/connector/v1"
	conformance "github.com/turgo-stream/turgo/conformance/connector"
	"github.com/turgo-stream/turgo/conformance/report"
)

//go:generate sh generate.sh

const commandTimeout = 2 * time.Minute

// python is the interpreter that has grpcio and protobuf.
func python(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../build/python/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: make tools installs what is missing", err)
	}
	return path
}

// output runs a command in this folder and gives its standard output.
func output(t *testing.T, name string, arguments ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), commandTimeout)
	defer cancel()
	command := exec.CommandContext(ctx, name, arguments...)
	// Python would leave its caches between the sources.
	command.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	var stderr bytes.Buffer
	command.Stderr = &stderr
	text, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", command, err, text, stderr.Bytes())
	}
	return text
}

// install puts the connector into a folder of connectors, as its README says.
func install(t *testing.T, folder string) (executable string) {
	t.Helper()
	output(t, python(t), "install.py", folder)
	return filepath.Join(folder, "sqlite", "sqlite")
}

func TestInPython(t *testing.T) {
	t.Parallel()
	output(t, python(t), "-W", "error", "-m", "unittest", "discover", "-s", "tests", "-t", ".")
}

// The messages in Python are those of connector.proto.
func TestMessagesAreUpToDate(t *testing.T) {
	t.Parallel()
	text := output(t, python(t), "-c", "import sys; from turgo_connector import connector_pb2; sys.stdout.buffer.write(connector_pb2.DESCRIPTOR.serialized_pb)")
	got, want := &descriptorpb.FileDescriptorProto{}, protodesc.ToFileDescriptorProto(v1.File_connector_proto)
	if err := proto.Unmarshal(text, got); err != nil {
		t.Fatal(err)
	}
	for _, file := range []*descriptorpb.FileDescriptorProto{got, want} {
		for _, message := range file.MessageType {
			for _, field := range message.Field {
				field.JsonName = nil // only one of the compilers writes it
			}
		}
	}
	if !proto.Equal(got, want) {
		t.Errorf("connector_pb2.py is not of this connector.proto: make generate\n%v\n%v", got, want)
	}
}

// Without a host the program tells what it is.
func TestStartedByHand(t *testing.T) {
	t.Parallel()
	text, err := exec.Command(install(t, t.TempDir())).CombinedOutput()
	if err == nil || !strings.Contains(string(text), "turgo run --connectors") {
		t.Errorf("%v, %s", err, text)
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	executable := install(t, t.TempDir())
	for name, checks := range map[string][]string{
		"sqlite": nil, // all
		"upsert": {conformance.PrepareCommit, conformance.Records, conformance.Refused, conformance.CommitRepeat, conformance.Order},
	} {
		sequences := 2
		if testing.Short() {
			if sequences = 1; checks == nil {
				checks = []string{conformance.Handshake, conformance.Resume, conformance.CommitAfterCrash, conformance.Host}
			} else {
				checks = []string{conformance.Refused, conformance.Order}
			}
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scenario, err := conformance.ReadScenario("conformance/" + name + ".yaml")
			if err != nil {
				t.Fatal(err)
			}
			result, err := conformance.Run(t.Context(), conformance.Options{
				Command: []string{executable}, Scenario: scenario, Checks: checks, Seed: 1, Sequences: sequences,
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := result.Text(t.Output()); err != nil {
				t.Fatal(err)
			}
			if failed := result.Failed(); len(failed) > 0 || result.Count(report.Pass) == 0 {
				t.Errorf("%d checks failed, %d passed", len(failed), result.Count(report.Pass))
			}
		})
	}
}

// The job of the README is one that turgo takes.
func TestJobOfTheReadme(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```yaml\n")
	job, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("README.md holds no job")
	}
	folder := t.TempDir()
	install(t, filepath.Join(folder, "connectors"))
	output(t, python(t), "-c", `
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY AUTOINCREMENT, customer, total, created_ms)")
connection.execute("ALTER TABLE orders ADD COLUMN body AS (json_object('id', id, 'total', total))")
`, filepath.Join(folder, "shop.db"))
	path := filepath.Join(folder, "job.yaml")
	if err := os.WriteFile(path, []byte(job), 0o600); err != nil {
		t.Fatal(err)
	}
	output(t, buildTurgo(t), "check", "--connectors", filepath.Join(folder, "connectors"), path)
}
