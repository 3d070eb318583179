package host_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/turgo-stream/turgo"

// arrows are all imports that are allowed between packages of this module, and
// from which of them other modules. Each line is for the packages that match its
// first word (the first line that matches counts); the rest are those that they
// may import: std is the standard library, others is all other modules. A trailing
// /... matches the package and all below it. Lines of host stand in the order of
// its layers: each may import lower ones only.
const arrows = `
abi/connector/...       std google.golang.org/...
abi/...                 std abi/...

guest-sdk/go/...        std abi/... guest-sdk/go/...
guest-sdk/...           std

connectors              std abi/...
connectors/wire         std abi/... connectors google.golang.org/... github.com/hashicorp/...
connectors/builtin      std abi/... connectors/...
connectors/kafka/localbroker/... std others connectors/kafka/localbroker/...
connectors/...          std others abi/... connectors

host                    std
host/keygroup           std abi/... github.com/cespare/xxhash/v2
host/plan               std abi/... github.com/goccy/go-yaml/...
host/checkpoint         std abi/... connectors host/keygroup
host/checkpoint/...     std abi/... host/checkpoint golang.org/x/sys/...
host/letter             std abi/... host/checkpoint host/keygroup
host/state/...          std abi/... host/keygroup host/checkpoint host/state/... github.com/cockroachdb/pebble/... github.com/cespare/xxhash/v2
host/exchange           std abi/... host/keygroup
host/wasm/...           std abi/... host/letter host/wasm/... github.com/tetratelabs/wazero/... golang.org/x/sys/...
host/replay             std abi/... host/keygroup host/checkpoint/... host/letter host/state/... host/wasm github.com/cockroachdb/pebble/...
host/native/...         std abi/... connectors connectors/wire host/native/... github.com/goccy/go-yaml github.com/hashicorp/... google.golang.org/... golang.org/x/sys/...
host/task               std abi/... connectors host/keygroup host/plan host/checkpoint host/letter host/exchange
host/job                std abi/... connectors host/keygroup host/plan host/checkpoint host/letter host/state/... host/exchange host/wasm host/native host/task github.com/google/uuid
host/sim/...            std abi/... connectors host/keygroup host/plan host/checkpoint/... host/letter host/state/... host/exchange host/wasm host/task host/job host/sim/... github.com/cockroachdb/pebble/...

conformance/report      std
conformance/connector   std abi/... connectors connectors/wire host/native conformance/report github.com/goccy/go-yaml google.golang.org/...
conformance/connector/faulty std abi/... conformance/connector google.golang.org/...
conformance/operator    std abi/... host/checkpoint/... host/letter host/state host/wasm conformance/report github.com/goccy/go-yaml
conformance/...         std

.                       std
toolchain               std
scaffold                std . toolchain

cmd/turgo               std abi/... connectors/... host/... conformance/... toolchain scaffold github.com/spf13/cobra golang.org/x/term
plugins/...             std
bench/...               std others abi/... guest-sdk/go/... connectors/... host/... faults/... conformance/operator toolchain
faults/...              std others abi/... guest-sdk/go/... connectors/... host/... faults/...
examples/...            std abi/... guest-sdk/go/... toolchain
`

// rule is one line of arrows.
type rule struct {
	packages string
	allowed  []string
}

func rules() []rule {
	var list []rule
	for line := range strings.Lines(arrows) {
		if words := strings.Fields(line); len(words) > 0 {
			list = append(list, rule{words[0], words[1:]})
		}
	}
	return list
}

func matches(pattern, path string) bool {
	if prefix, found := strings.CutSuffix(pattern, "/..."); found {
		return path == prefix || strings.HasPrefix(path, prefix+"/")
	}
	return pattern == path
}

// allows reports whether a rule allows an import. path is without the module's
// own name.
func (r *rule) allows(path string, own bool) bool {
	standard := !own && !strings.Contains(strings.Split(path, "/")[0], ".")
	for _, pattern := range r.allowed {
		switch {
		case pattern == "std" && standard, pattern == "others" && !standard && !own:
			return true
		case !standard && matches(pattern, path):
			return true
		}
	}
	return false
}

type listedPackage struct {
	ImportPath string
	Dir        string
	Doc        string
	Imports    []string
	GoFiles    []string
}

// listPackages lists all packages of this module, for the host's platform.
func listPackages(t *testing.T) []listedPackage {
	t.Helper()
	command := exec.Command("go", "list", "-json=ImportPath,Dir,Doc,Imports,GoFiles", module+"/...")
	output, err := command.Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			t.Fatalf("go list: %v\n%s", err, failed.Stderr)
		}
		t.Fatal(err)
	}
	var packages []listedPackage
	decoder := json.NewDecoder(strings.NewReader(string(output)))
	for {
		var p listedPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		// What is built has packages of its own while it is built.
		if !strings.HasPrefix(p.ImportPath, module+"/build/") {
			packages = append(packages, p)
		}
	}
}

// relative is the path of a package within this module, whose own is a dot; own is
// false where it is another module's.
func relative(importPath string) (path string, own bool) {
	if importPath == module {
		return ".", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

func TestImports(t *testing.T) {
	list := rules()
	for _, p := range listPackages(t) {
		path, _ := relative(p.ImportPath)
		var found *rule
		for i := range list {
			if matches(list[i].packages, path) {
				found = &list[i]
				break
			}
		}
		if found == nil {
			t.Errorf("package %s: no line of the arrows is for it: add one", path)
			continue
		}
		for _, imported := range p.Imports {
			if other, own := relative(imported); !found.allows(other, own) {
				t.Errorf("package %s imports %s: its line allows only %s", path, imported, strings.Join(found.allowed, " "))
			}
		}
	}
}

// TestArrowsRefuse checks the rules themselves: what the design forbids.
func TestArrowsRefuse(t *testing.T) {
	list := rules()
	for _, forbidden := range [][2]string{
		{"host/task", "host/wasm"}, {"host/task", "host/native"}, {"host/plan", "host/checkpoint"},
		{"host/job", "guest-sdk/go"}, {"host/native", "connectors/file"}, {"host/exchange", "host/task"},
		{"abi/record", "google.golang.org/protobuf/proto"}, {"guest-sdk/go", "host/plan"}, {"connectors/file", "host/plan"},
	} {
		for i := range list {
			if matches(list[i].packages, forbidden[0]) {
				if list[i].allows(forbidden[1], !strings.Contains(forbidden[1], ".")) {
					t.Errorf("the arrows let %s import %s", forbidden[0], forbidden[1])
				}
				break
			}
		}
	}
}
