// Package connector proves a connector: it starts the built executable as the
// host does, speaks the wire of abi/connector/v1 with it, and looks at what it
// does. Each check has one job and a sound connector passes all of them; a check
// whose ground another one has found missing is skipped with "needs CHECK".
//
// The executable is not trusted: each wait, each answer and each output is
// bounded, and whatever it started is killed at the end.
//
// The process itself:
//
//	handshake            one line on standard output within 10 s: core protocol 1, version 1, a unix socket in the folder that the host names, gRPC
//	versions             offered version 99 alone, it ends or answers with a version of its own; offered 1 and 99, it takes 1
//	describe             name, version and sides, the same each time; the sides that FILE describes are served
//	output               nothing but the handshake on standard output; at most 1 MiB on standard error in a run
//	signals              SIGINT, SIGTERM and SIGHUP, which a terminal sends to the whole group, do not end it
//	clean_exit           after plugin.GRPCController/Shutdown it ends by itself within 2 s with exit code 0
//	parent_death         when the host is killed, it and all that it started end within 5 s, by the lifeline
//
// A source:
//
//	check_config         sound settings are accepted; an unknown field, and the bad settings of FILE, are refused by SourceCheck and SourceOpen with KIND_CONFIG and the field
//	discovery            the same splits in each call and each process; IDs unique, UTF-8 and within the limits; final for a bounded source, on the last page only
//	read                 all records, in valid batches of assigned splits, each with a position, a lag of -1 or more, and one end for each split
//	undecodable          bytes that are no record come before their delivery, within the limits, with an index in it
//	stop                 a reader whose stream the host half-closes ends it, with credit outstanding or without, and another one goes on there
//	cancellation         40 cancelled readers and calls leave nothing behind: the next is served within the limit
//	back_pressure        without credit nothing comes, and never more than the credit and one batch; with more credit it goes on
//	unknown_fields       fields that this version does not know are skipped, in each message
//	resume               from each position, in the same and in another process, the rest comes without loss or repeat
//	readers              several readers share the splits, also as splits are assigned later or move between subtasks
//	checkpoint_complete  is answered, in pages, and changes nothing that is read
//	close                SourceClose is answered when readers were closed
//	kill                 after SIGKILL while reading, another process goes on at the last position
//	host                 turgo's own launcher and client read the same records
//
// A sink:
//
//	check_config         as for a source; and SinkCheck leaves ${SCRATCH} as it was
//	open                 a known guarantee, the same each time; CleanUp with nothing to keep
//	prepare_commit       what was written is visible once it was prepared and committed, each record once; results in order; an epoch without records too
//	records              null and empty keys and values, large values, headers, unknown extensions, all change kinds, many records: taken, or refused one by one
//	refused              refused records come alone in a valid batch, with a reason, before the prepared of their epoch
//	stop                 a writer whose stream the host half-closes ends it; what it had not prepared is never seen
//	cancellation         40 cancelled writers and calls leave nothing behind
//	back_pressure        credit comes back for what was consumed, no more and no less, so that writing never stands still; a batch larger than all credit passes
//	unknown_fields       as for a source
//	prepare_without_commit  what was only prepared is not visible, nor after a close
//	commit_repeat        committing again answers COMMITTED and changes nothing, in the same and in another process
//	abort                what was aborted is never visible, and a later commit of it does not answer COMMITTED
//	abort_repeat         aborting again is answered, in the same and in another process; what was committed stays visible
//	commit_after_crash   after SIGKILL behind prepare, another process commits
//	crash_before_prepare after SIGKILL before prepare, nothing of it is ever visible
//	orphans              CleanUp drops what earlier attempts prepared, but what is to be kept; what later attempts, other steps and other jobs prepared stays
//	writers              the writers of several subtasks prepare by themselves, and are committed together in any order
//	order                random sequences of write, prepare, commit, abort, close, SIGKILL and CleanUp, all of them repeated, agree with a model of what has to be visible
//	close                SinkClose is answered when writers were closed, and what was prepared can be committed by another process
//	kill                 SIGKILL at any moment does not stop the next start
//	host                 turgo's own launcher and client write and commit
//
// A sink that promises less than exactly once is checked by what it promises:
// what concerns records that are not to be visible yet is skipped, and committed
// records have to be visible at least once.
package connector
