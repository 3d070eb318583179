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
    limits: {time_per_call: 1s}
    on_failure: dead_letter
  - sink: totals
    input: account
    connector: file
    config: {path: ./output, write_key: true}
`

// Operator is the uid of the step that fails.
const Operator = "account"

// JobFile is the job over the folders input and output beside it.
func JobFile(module string, parallelism int, interval string, follow bool) []byte {
	return fmt.Appendf(nil, jobFile, parallelism, interval, follow, module)
}
