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

func TestFileSink(t *testing.T) {
	passes(t, run(t, "file", `
sink:
  settings: {path: "${SCRATCH}/out", write_key: true, suffix: .txt}
  read_back: {files: "${SCRATCH}/out/part-*.txt"}
  bad_settings:
    - {settings: {path: ""}, field: path}
    - {settings: {suffix: a/b}, field: suffix}
`), "sink/refused")
}

// The same, read back by the connector's own source.
func TestFileSinkReadByItsSource(t *testing.T) {
	passes(t, run(t, "file", `
sink:
  settings: {path: "${SCRATCH}/out"}
  prepare: [sh, -c, 'mkdir -p "${SCRATCH}/out" && touch "${SCRATCH}/out/empty"']
  record: {key: "k", value: '{"id": "${ID}"}'}
  read_back: {source: {connector: file, settings: {paths: ["${SCRATCH}/out/*"]}}}
`, "prepare_commit", "commit_repeat", "order"))
}

func TestStdout(t *testing.T) {
	passes(t, run(t, "stdout", `
sink:
  settings: {format: key_value}
  read_back: {command: [sh, -c, 'cat "${SCRATCH}/host-output" 2>/dev/null || true']}
  bad_settings:
    - {settings: {format: prose}, field: format}
`), "sink/refused", "sink/prepare_without_commit", "sink/crash_before_prepare", "sink/abort", "sink/orphans", "sink/order")
}

func TestBlackhole(t *testing.T) {
	passes(t, run(t, "blackhole", `
sink: {settings: {}}
`), "sink/prepare_commit", "sink/records", "sink/refused", "sink/prepare_without_commit", "sink/stop", "sink/cancellation",
		"sink/back_pressure", "sink/unknown_fields", "sink/commit_after_crash", "sink/commit_repeat", "sink/crash_before_prepare",
		"sink/abort", "sink/abort_repeat", "sink/orphans", "sink/writers", "sink/close", "sink/kill", "sink/order", "sink/host")
}
