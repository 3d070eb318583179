package faulty

import suite "github.com/turgo-stream/turgo/conformance/connector"

// Fault is one thing that a connector does wrong.
type Fault struct {
	Name string
	// Group and Check tell which check catches it.
	Group, Check string
	What         string
}

// Faults are all faults that the connector can have.
var Faults = append(append(processFaults, sourceFaults...), sinkFaults...)

var processFaults = []Fault{
	{"greets", suite.GroupProcess, suite.Handshake, "writes a line before the handshake"},
	{"socket_elsewhere", suite.GroupProcess, suite.Handshake, "serves outside of the host's folder"},
	{"speaks_version_2", suite.GroupProcess, suite.Handshake, "speaks a version that the host does not"},
	{"speaks_any_version", suite.GroupProcess, suite.Versions, "claims to speak any version that it is offered"},
	{"hangs_without_common_version", suite.GroupProcess, suite.Versions, "neither answers nor ends where it speaks no version of the host's"},
	{"describes_anew", suite.GroupProcess, suite.Describe, "tells another version at each call"},
	{"denies_source", suite.GroupProcess, suite.Describe, "says that it has no source, though it has"},
	{"denies_sink", suite.GroupProcess, suite.Describe, "says that it has no sink, though it has"},
	{"claims_source", suite.GroupProcess, suite.Describe, "says that it has a source, and has none"},
	{"claims_sink", suite.GroupProcess, suite.Describe, "says that it has a sink, and has none"},
	{"prints", suite.GroupProcess, suite.Output, "prints to standard output"},
	{"floods_log", suite.GroupProcess, suite.Output, "writes more than 2 MB to the log"},
	{"obeys_signals", suite.GroupProcess, suite.Signals, "ends at Ctrl-C"},
	{"ignores_shutdown", suite.GroupProcess, suite.CleanExit, "runs on when the host says good-bye"},
	{"ends_late", suite.GroupProcess, suite.CleanExit, "takes its time when the host says good-bye"},
	{"exits_1", suite.GroupProcess, suite.CleanExit, "ends with an error when the host says good-bye"},
	{"survives_host", suite.GroupProcess, suite.ParentDeath, "does not watch the lifeline"},
	{"leaves_child", suite.GroupProcess, suite.ParentDeath, "starts a process that outlives it"},
}

var sourceFaults = []Fault{
	{"takes_unknown_settings", suite.GroupSource, suite.CheckConfig, "takes settings that it does not know"},
	{"names_no_field", suite.GroupSource, suite.CheckConfig, "does not name the field that is wrong"},
	{"fails_without_kind", suite.GroupSource, suite.CheckConfig, "refuses settings, but not with KIND_CONFIG"},
	{"unstable_ids", suite.GroupSource, suite.Discovery, "names splits anew in each process"},
	{"same_id_twice", suite.GroupSource, suite.Discovery, "gives two splits one ID"},
	{"never_final", suite.GroupSource, suite.Discovery, "never says that its splits are all"},
	{"loses_the_last_record", suite.GroupSource, suite.Read, "loses the last record of each split"},
	{"gives_no_position", suite.GroupSource, suite.Read, "delivers without a position"},
	{"delivers_foreign_splits", suite.GroupSource, suite.Read, "delivers for a split that was not assigned"},
	{"delivers_malformed_batches", suite.GroupSource, suite.Read, "delivers bytes that are no batch"},
	{"lag_out_of_range", suite.GroupSource, suite.Read, "tells a lag of -2 records"},
	{"delivers_behind_the_end", suite.GroupSource, suite.Read, "delivers for a split that has ended"},
	{"confirms_another_assign", suite.GroupSource, suite.Read, "confirms an assign that was not sent"},
	{"never_ends_a_split", suite.GroupSource, suite.Read, "does not say that a split has ended"},
	{"undecodable_outside_of_delivery", suite.GroupSource, suite.Undecodable, "puts undecodable bytes behind the end of their delivery"},
	{"undecodable_too_large", suite.GroupSource, suite.Undecodable, "hands over more undecodable bytes than are allowed"},
	{"reader_ignores_half_close", suite.GroupSource, suite.Stop, "does not end a reader that the host closes"},
	{"leaks_cancelled_streams", suite.GroupSource, suite.Cancellation, "keeps the place of each cancelled reader"},
	{"ignores_credit", suite.GroupSource, suite.BackPressure, "delivers without credit"},
	{"overdraws_credit", suite.GroupSource, suite.BackPressure, "sends two deliveries where its credit is for one"},
	{"dies_of_unknown_fields", suite.GroupSource, suite.UnknownFields, "dies of messages of a later version"},
	{"refuses_unknown_fields", suite.GroupSource, suite.UnknownFields, "refuses messages of a later version"},
	{"repeats_after_resume", suite.GroupSource, suite.Resume, "reads the record before a position again"},
	{"skips_after_resume", suite.GroupSource, suite.Resume, "loses the record behind a position"},
	{"gives_the_position_before", suite.GroupSource, suite.Resume, "gives the position before a batch with it"},
	{"forgets_positions_of_others", suite.GroupSource, suite.Resume, "begins anew at positions that another process gave"},
	{"forgets_earlier_assignments", suite.GroupSource, suite.Readers, "forgets splits when others are assigned"},
	{"takes_one_page_of_positions", suite.GroupSource, suite.CheckpointComplete, "takes one page of positions only"},
	{"begins_anew_after_checkpoint", suite.GroupSource, suite.CheckpointComplete, "reads all again once a checkpoint is complete"},
	{"source_close_fails", suite.GroupSource, suite.Close, "cannot be closed"},
	{"source_close_hangs", suite.GroupSource, suite.Close, "does not answer SourceClose"},
	{"trips_over_lock", suite.GroupSource, suite.Kill, "does not start where a process was killed while it read"},
	{"dies_of_unknown_services", suite.GroupSource, suite.Host, "dies when a service is called that it does not have"},
}

var sinkFaults = []Fault{
	{"takes_unknown_settings", suite.GroupSink, suite.CheckConfig, "takes settings that it does not know"},
	{"check_leaves_files", suite.GroupSink, suite.CheckConfig, "makes files when its config is checked"},
	{"promises_nothing", suite.GroupSink, suite.Open, "does not tell its guarantee"},
	{"promises_less_later", suite.GroupSink, suite.Open, "tells another guarantee when it starts again"},
	{"commits_nothing", suite.GroupSink, suite.PrepareCommit, "says that it committed, and did not"},
	{"writes_twice", suite.GroupSink, suite.PrepareCommit, "writes each record twice"},
	{"prepares_another_epoch", suite.GroupSink, suite.PrepareCommit, "answers a prepare with another epoch"},
	{"prepares_too_much", suite.GroupSink, suite.PrepareCommit, "gives more committables for an epoch than are allowed"},
	{"answers_backwards", suite.GroupSink, suite.PrepareCommit, "answers a commit in another order"},
	{"fails_on_nulls", suite.GroupSink, suite.Records, "fails where a value is null, though it could refuse the record"},
	{"drops_batches_with_nulls", suite.GroupSink, suite.Records, "loses the records around one whose value is null"},
	{"refuses_without_reason", suite.GroupSink, suite.Refused, "does not say why it refuses a record"},
	{"refuses_whole_batches", suite.GroupSink, suite.Refused, "gives back the batch of a record that it refuses"},
	{"refuses_late", suite.GroupSink, suite.Refused, "gives refused records back when their epoch is prepared already"},
	{"writer_ignores_half_close", suite.GroupSink, suite.Stop, "does not end a writer that the host closes"},
	{"commits_at_close", suite.GroupSink, suite.Stop, "shows what was not prepared when a writer closes"},
	{"leaks_cancelled_streams", suite.GroupSink, suite.Cancellation, "keeps the place of each cancelled writer"},
	{"gives_no_credit_back", suite.GroupSink, suite.BackPressure, "gives no credit back"},
	{"gives_more_credit_back", suite.GroupSink, suite.BackPressure, "gives twice the credit back that was used"},
	{"refuses_unknown_fields", suite.GroupSink, suite.UnknownFields, "refuses messages of a later version"},
	{"commits_at_prepare", suite.GroupSink, suite.PrepareWithoutCommit, "shows what is only prepared"},
	{"commits_again", suite.GroupSink, suite.CommitRepeat, "writes again what is committed again"},
	{"second_commit_is_lost", suite.GroupSink, suite.CommitRepeat, "says of what it committed before that it is lost"},
	{"abort_does_nothing", suite.GroupSink, suite.Abort, "commits what was aborted"},
	{"second_abort_fails", suite.GroupSink, suite.AbortRepeat, "fails to abort what is gone"},
	{"abort_drops_what_is_committed", suite.GroupSink, suite.AbortRepeat, "takes back what was committed"},
	{"keeps_prepared_in_memory", suite.GroupSink, suite.CommitAfterCrash, "loses what it prepared when it dies"},
	{"clean_up_drops_what_to_keep", suite.GroupSink, suite.Orphans, "drops what is to be kept"},
	{"commits_leftovers", suite.GroupSink, suite.CrashBeforePrepare, "shows what was not prepared when it starts again"},
	{"clean_up_does_nothing", suite.GroupSink, suite.Orphans, "leaves what earlier attempts prepared"},
	{"clean_up_drops_later_ones", suite.GroupSink, suite.Orphans, "drops what later attempts prepared"},
	{"clean_up_drops_those_of_others", suite.GroupSink, suite.Orphans, "drops what other steps and jobs prepared"},
	{"names_collide", suite.GroupSink, suite.Writers, "gives what two writers prepared one name"},
	{"commits_none_where_one_is", suite.GroupSink, suite.Order, "takes a commit for one that comes again as soon as one of its committables is committed"},
	{"clean_up_keeps_one", suite.GroupSink, suite.Order, "keeps only one of several committables that are to be kept"},
	{"sink_close_fails", suite.GroupSink, suite.Close, "cannot be closed"},
	{"sink_close_drops_prepared", suite.GroupSink, suite.Close, "drops what is prepared when it is closed"},
	{"trips_over_idle_writers", suite.GroupSink, suite.Kill, "does not start where a process was killed whose writer had nothing to do"},
	{"dies_of_unknown_services", suite.GroupSink, suite.Host, "dies when a service is called that it does not have"},
}
