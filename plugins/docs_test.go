// The code in the documentation for authors of connectors is that of the
// connector that `turgo new` makes, whose tests prove it.
package plugins_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCodeOfTheDocumentation(t *testing.T) {
	text, err := os.ReadFile("../docs/connectors.md")
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob("../scaffold/templates/connector/*.go.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	var sources strings.Builder
	for _, path := range paths {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sources.Write(source)
	}
	blocks := strings.Split(string(text), "```go\n")[1:]
	if len(blocks) < 3 {
		t.Fatalf("%d blocks of code", len(blocks))
	}
	for _, block := range blocks {
		code, _, _ := strings.Cut(block, "```")
		if !strings.Contains(sources.String(), code) {
			t.Errorf("this is not in the connector that turgo new makes:\n%s", code)
		}
	}
}
