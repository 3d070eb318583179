// Package sim runs whole jobs in a deterministic world: one seed chooses every
// turn. The tasks, the exchange, the coordinator, the log and the recovery are
// the real ones; clock, workers, store, connectors and crashes are the world's.
//
// A world holds one job: a source whose splits appear over time, an operator
// that counts records by key in keyed state and emits "key#n" for the n-th
// record of a key, and two sinks. Whatever happens on the way, the output that
// is committed in the end must hold every record once, and every count from 1 to
// the key's total once: a record or a piece of state that is lost or taken twice
// shows.
//
// Read in this order: world.go (turns), host.go (one run of the job on one
// machine), faults.go, outside.go (source and sinks), operator.go, modelstate.go.
package sim
