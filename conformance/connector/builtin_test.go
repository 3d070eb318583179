package connector_test

import "testing"

func TestFileSource(t *testing.T) {
	passes(t, run(t, "file", `
source:
  settings: {paths: [input.txt], batch_bytes: 2048}
  records: 3000
`), "source/undecodable")
}

// Some of the lines are no JSON: they come as undecodable.
func TestFileSourceOfJSON(t *testing.T) {
	passes(t, run(t, "file", `
source:
  settings: {paths: ["*.json"], format: json_lines, key_field: id, batch_bytes: 1024}
  prepare: [sh, -c, 'for i in 1 2 3; do for n in 1 2 3 4 5 6 7 8 9; do echo "{\"id\": \"$i-$n\"}"; echo "no JSON $n"; done; done > in.json; echo "{}" > other.json']
  records: 28
  bad_settings:
    - {settings: {format: prose}, field: format}
    - {settings: {paths: 7}, field: paths}
    - {settings: {paths: null}, field: paths}
`))
}

func TestGenerator(t *testing.T) {
	passes(t, run(t, "generator", `
source:
  settings: {kind: counter, count: 3000, splits: 3, batch_bytes: 2048}
  records: 3000
  bad_settings:
    - {settings: {count: minus}, field: count}
`), "source/undecodable")
}
