package records

import "fmt"

// jobFile reads payments as they come, keeps running totals by key, and writes
// them to files, exactly once. What the operator fails at becomes a dead letter.
const jobFile = `name: poison
parallelism: %d
checkpoint: {store: ./checkpoints, interval: %s}
flow:
  - source: payments
    connector: file
    config: {paths: ["./input/*.jsonl"], format: json_lines, key_field: key, follow: %t}
  - operator: account
    input: {from: payments, edge: key}
    module: %s
    limits: {fuel_per_record: %d}
    on_failure: dead_letter
  - sink: totals
    input: account
    connector: file
    config: {path: ./output, write_key: true}
`

// Operator is the uid of the step that fails.
const Operator = "account"

// fuelPerRecord is many times what a good record takes, the collection of the
// guest's garbage included where it has any, and still few milliseconds.
var fuelPerRecord = map[Guest]int{C: 1_000_000, Go: 50_000_000}

// Job is what changes in the job file from run to run.
type Job struct {
	Guest       Guest
	Module      string // path
	Parallelism int
	Interval    string // of checkpoints
	Follow      bool   // the input does not end
}

// File is the job file over the folders input and output beside it.
func (j *Job) File() []byte {
	return fmt.Appendf(nil, jobFile, j.Parallelism, j.Interval, j.Follow, j.Module, fuelPerRecord[j.Guest])
}
