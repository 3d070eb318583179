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

// check is one check. It runs only where none of needs has failed; those are of
// its own group or of the process.
type check struct {
	group, name string
	needs       []string
	run         func(ctx context.Context, t *trial) error
}

// checks lists all checks in their order.
func checks() []check {
	return slices.Concat(processChecks(), sourceChecks(), sinkChecks())
}

// Check tells of one check: where it belongs, and what it looks at.
type Check struct{ Group, Name, What string }

// Checks lists all checks in their order.
func Checks() []Check {
	var list []Check
	for _, c := range checks() {
		list = append(list, Check{c.group, c.name, meanings[c.group+"/"+c.name]})
	}
	return list
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

// meanings tells in a line what each check looks at.
var meanings = map[string]string{
	"process/handshake":           "one line on standard output within 10 s: core protocol 1, version 1, a unix socket in the folder that the host names, gRPC",
	"process/versions":            "offered version 99 alone, it ends or answers with a version of its own; offered 1 and 99, it takes 1",
	"process/describe":            "name, version and sides, the same each time; the sides that FILE describes are told of, and those that are told of are served",
	"process/output":              "nothing but the handshake on standard output; at most 1 MiB on standard error in a run",
	"process/signals":             "SIGINT, SIGTERM and SIGHUP, which a terminal sends to the whole group, do not end it",
	"process/clean_exit":          "after plugin.GRPCController/Shutdown it ends by itself within 2 s with exit code 0",
	"process/parent_death":        "when the host is killed, it and all that it started end within 5 s, by the lifeline",
	"source/check_config":         "sound settings are accepted; an unknown field, and the bad settings of FILE, are refused by SourceCheck and SourceOpen with KIND_CONFIG and the field",
	"source/discovery":            "the same splits in each call and each process; IDs unique, UTF-8 and within the limits; final for a bounded source, on the last page only",
	"source/read":                 "all records, in valid batches of assigned splits, each with a position, a lag of -1 or more, and one end for each split",
	"source/undecodable":          "bytes that are no record come before their delivery, within the limits, with an index in it",
	"source/stop":                 "a reader whose stream the host half-closes ends it, with credit outstanding or without",
	"source/cancellation":         "40 cancelled readers and calls leave nothing behind: the next is served within the limit",
	"source/back_pressure":        "without credit nothing comes, and never more than the credit and one batch; with more credit it goes on",
	"source/unknown_fields":       "fields that this version does not know are skipped, in each message",
	"source/resume":               "from each position, in the same and in another process, the rest comes without loss or repeat",
	"source/readers":              "several readers share the splits, also as splits are assigned later or move between subtasks",
	"source/checkpoint_complete":  "is answered, in pages, and changes nothing that is read",
	"source/close":                "SourceClose is answered when readers were closed",
	"source/kill":                 "after SIGKILL while reading, another process goes on at the last position",
	"source/host":                 "turgo's own launcher and client read the same records",
	"sink/check_config":           "as for a source; and SinkCheck leaves ${SCRATCH} as it was",
	"sink/open":                   "a known guarantee, the same each time; CleanUp with nothing to keep",
	"sink/prepare_commit":         "what was written is visible once it was prepared and committed, each record once; results in order; an epoch without records too",
	"sink/records":                "null and empty keys and values, large values, headers, unknown extensions, all change kinds, many records: taken, or refused one by one",
	"sink/refused":                "refused records come alone in a valid batch, with a reason, before the prepared of their epoch",
	"sink/stop":                   "a writer whose stream the host half-closes ends it; what it had not prepared is never seen",
	"sink/cancellation":           "40 cancelled writers and calls leave nothing behind",
	"sink/back_pressure":          "credit comes back for what was consumed, no more and no less, so that writing never stands still; a batch larger than all credit passes",
	"sink/unknown_fields":         "as for a source",
	"sink/prepare_without_commit": "what was only prepared is not visible, nor after a close",
	"sink/commit_repeat":          "committing again answers COMMITTED and changes nothing, in the same and in another process",
	"sink/abort":                  "what was aborted is never visible, and a later commit of it does not answer COMMITTED",
	"sink/abort_repeat":           "aborting again is answered, in the same and in another process; what was committed stays visible",
	"sink/commit_after_crash":     "after SIGKILL behind prepare, another process commits",
	"sink/crash_before_prepare":   "after SIGKILL before prepare, nothing of it is ever visible",
	"sink/orphans":                "CleanUp drops what earlier attempts prepared, but what is to be kept; what later attempts, other steps and other jobs prepared stays",
	"sink/writers":                "the writers of several subtasks prepare by themselves, and are committed together in any order",
	"sink/order":                  "random sequences of write, prepare, commit, abort, close, SIGKILL and CleanUp, all of them repeated, agree with a model of what has to be visible",
	"sink/close":                  "SinkClose is answered when writers were closed, and what was prepared can be committed by another process",
	"sink/kill":                   "SIGKILL at any moment does not stop the next start",
	"sink/host":                   "turgo's own launcher and client write and commit",
}
