package guests

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// assemble converts a guest to the binary format, with the switches that its
// head asks for.
func assemble(t testing.TB, file string) []byte {
	t.Helper()
	tool, err := exec.LookPath("wat2wasm")
	if err != nil {
		t.Fatalf("wat2wasm is missing, the tests need it: apt-get install wabt (%v)", err)
	}
	out := filepath.Join(t.TempDir(), "guest.wasm")
	arguments := append(strings.Fields(head(t, file, "wat2wasm")), "--debug-names", "-o", out, file)
	if text, err := exec.Command(tool, arguments...).CombinedOutput(); err != nil {
		t.Fatalf("wat2wasm %s: %v\n%s", file, err, text)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// head is what a line `;; name: …` at the start of a guest says, "" where there is none.
func head(t testing.TB, file, name string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		if !strings.HasPrefix(line, ";; ") {
			break
		}
		if said, found := strings.CutPrefix(line, ";; "+name+": "); found {
			return strings.TrimSpace(said)
		}
	}
	return ""
}
