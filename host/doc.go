// Package host is the runtime, in layers; this page tells a batch's journey
// through them, and the code reads in the same order. TestImports states which
// layer may import which.
//
// A job is a [plan.Job]. Building it gives a plan: vertices, each a chain of
// steps that runs as one task in each of its subtasks, and edges between them.
// Package job opens the tasks of a plan from the newest checkpoint, and from
// then on each task has a goroutine that calls its Step.
//
//  1. A connector's process reads a split of its system and frames the records
//     as a batch (abi/record). Package native supervises that process; what
//     arrives is validated there, once, as it comes from an untrusted side.
//  2. task's source takes the delivery: it remembers the split's new position,
//     which belongs to the next checkpoint, and moves the split's watermark.
//  3. The batch passes through the chain: each operator gets it with one call.
//     Package wasm writes it into the guest's memory and calls process. The
//     guest names the record it has in hand, reads and writes state of that
//     record's key, sets timers, emits batches. All of this is staged, in the
//     host; it is applied if the call returns success, and dropped if not. Then
//     the task finds the record to blame (isolation.go), treats it by the step's
//     failure policy, and gives the operator the others again, piece by piece.
//  4. Package state answers the state calls: from what is staged, the write-back
//     cache, the frozen cache of a checkpoint under way, the local Pebble.
//  5. What the chain's end emits goes into an outbox of package exchange, which
//     partitions it: by key group (package keygroup), in turn, to all. Channels are
//     bounded in bytes: where one is full, the step upstream does not begin.
//  6. An inbox merges the channels of a subtask: its watermark is the smallest
//     of theirs, and a channel that brought the barrier of a checkpoint waits for
//     the others.
//  7. The last chain ends in task's sink, which writes batches to its connector.
//
// The coordinator of package checkpoint sends barriers through the same
// channels. A task that has the barrier of all its inputs saves positions, freezes
// its state, and asks its sink to prepare; then it goes on. When all tasks have
// answered, the coordinator writes the manifest: that is the commit. Only then
// are the sinks told to make visible what they had prepared, and told again
// until they confirm.
//
// After a failure the job starts again from the newest manifest: sources from
// its positions, state from its tables, and sinks commit what it holds as pending.
package host
