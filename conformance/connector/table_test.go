package connector_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/turgo-stream/turgo/conformance/connector"
)

// Each check is there once, says what it looks at, and is told of in the docs.
func TestChecksAreTold(t *testing.T) {
	text, err := os.ReadFile("../../docs/conformance.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, c := range connector.Checks() {
		if seen[c.Group+"/"+c.Name] {
			t.Errorf("%s/%s is there twice", c.Group, c.Name)
		}
		seen[c.Group+"/"+c.Name] = true
		if c.What == "" {
			t.Errorf("%s/%s does not say what it looks at", c.Group, c.Name)
		}
		if !slices.Contains(connector.Names(), c.Name) {
			t.Errorf("%s is not among the names", c.Name)
		}
		if !strings.Contains(string(text), "| `"+c.Name+"` |") {
			t.Errorf("docs/conformance.md does not tell of %s", c.Name)
		}
	}
}
