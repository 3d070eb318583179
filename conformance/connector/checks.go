package connector

import (
	"context"
	"slices"
)

// The groups of checks.
const (
	GroupProcess = "process"
	GroupSource  = "source"
	GroupSink    = "sink"
)

// The names of the checks. Those of a source and of a sink may be the same: the
// group tells them apart.
const (
	Handshake   = "handshake"
	Versions    = "versions"
	Describe    = "describe"
	Output      = "output"
	Signals     = "signals"
	CleanExit   = "clean_exit"
	ParentDeath = "parent_death"

	CheckConfig   = "check_config"
	UnknownFields = "unknown_fields"
	Stop          = "stop"
	Cancellation  = "cancellation"
	BackPressure  = "back_pressure"
	Close         = "close"
	Kill          = "kill"
	Host          = "host"

	Discovery          = "discovery"
	Read               = "read"
	Undecodable        = "undecodable"
	Resume             = "resume"
	Readers            = "readers"
	CheckpointComplete = "checkpoint_complete"

	Open                 = "open"
	PrepareCommit        = "prepare_commit"
	Records              = "records"
	Refused              = "refused"
	PrepareWithoutCommit = "prepare_without_commit"
	CommitRepeat         = "commit_repeat"
	Abort                = "abort"
	AbortRepeat          = "abort_repeat"
	CommitAfterCrash     = "commit_after_crash"
	CrashBeforePrepare   = "crash_before_prepare"
	Orphans              = "orphans"
	Writers              = "writers"
	Order                = "order"
)

// check is one check. It runs only where none of needs has failed; a name
// without a group is of the check's own.
type check struct {
	group, name string
	needs       []string
	run         func(ctx context.Context, t *trial) error
}

// checks lists all checks in their order.
func checks() []check {
	return slices.Concat(processChecks(), sourceChecks(), sinkChecks())
}

// Names lists the names of all checks, each once, in their order.
func Names() []string {
	var names []string
	for _, c := range checks() {
		if !slices.Contains(names, c.name) {
			names = append(names, c.name)
		}
	}
	return names
}
