package connector_test

import "testing"

func TestFileSource(t *testing.T) {
	passes(t, run(t, "file", `
source:
  settings: {paths: [input.txt], batch_bytes: 2048}
  records: 3000
`))
}

func TestGenerator(t *testing.T) {
	passes(t, run(t, "generator", `
source:
  settings: {kind: counter, count: 3000, splits: 3, batch_bytes: 2048}
  records: 3000
`))
}
