package checkpoint

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Contents is what a log holds, as far as recovery is concerned.
type Contents struct {
	Entries []EntryInfo // oldest first, without gaps
	Objects []string    // all tables and lists of splits in the store
}

// Contents is what the log held when it was opened.
func (l *Log) Contents() Contents {
	return Contents{Entries: l.Entries(), Objects: slices.Clone(l.objects)}
}

// Facts are what recovery needs to know of the job that is to start.
type Facts struct {
	Job            string
	MaxParallelism int
	// Operators are all operators of the job, with the states that their modules
	// declare. Vertex need not be set: Decide does it.
	Operators []OperatorInfo
	Sinks     []string // uids
	Vertices  []VertexFacts
	// SinksIdempotent tells that every sink may see output twice without harm.
	SinksIdempotent bool
}

// VertexFacts is one vertex of the plan.
type VertexFacts struct {
	UID         string
	Parallelism int
	Operators   []string // uids of the operators of its chain
	Source      string   // uid of the source of its chain, if it has one
}

// Options are what a user allows.
type Options struct {
	// AcceptDuplicatesFrom resumes from this epoch in spite of damage to newer
	// checkpoints; 0 = not.
	AcceptDuplicatesFrom Epoch
	// AllowDroppedState lets state go that no operator of the job claims.
	AllowDroppedState bool
	// Reopen runs the tasks again of a job whose input has ended: letters are to be
	// tried again.
	Reopen bool
}

// DecisionKind is what a start has to do.
type DecisionKind int

// The kinds of decisions.
const (
	Refuse          DecisionKind = iota // Err tells why
	Fresh                               // there is no checkpoint
	Resume                              // from Manifest
	AlreadyFinished                     // the job has run to its end, as Manifest records
)

func (k DecisionKind) String() string {
	return [...]string{"refuse", "fresh", "resume", "already finished"}[k]
}

// Decision is what a start has to do.
type Decision struct {
	Kind DecisionKind
	Err  error // of Refuse
	// JobUUID is the job's identity, from its first claim; empty where the log is.
	JobUUID string
	// Attempt is the number for this start's claim.
	Attempt  uint64
	Manifest *Manifest // of Resume and AlreadyFinished
	// Retained are the readable checkpoints that deletion spares for now, oldest first.
	Retained []*Manifest
	// Operators are those of the facts with their vertex and what was dropped; the
	// coordinator and the tasks take them from here.
	Operators []OperatorInfo
	// Tasks are the snapshots that the tasks of the plan begin with. Their splits
	// are those in work; finished ones are in Recovered.
	Tasks []TaskSnapshot
	// Pending is prepared output that is to be committed: what sinks must keep
	// when they clean up.
	Pending  []Committable
	Warnings []string
	// InputEnded tells that the job has read all its input, for ever.
	InputEnded bool
	// AcceptedDuplicatesFrom is for the claim: the epoch of Options, where it was needed.
	AcceptedDuplicatesFrom Epoch

	reopened    bool
	orphans     []string
	lastEpoch   Epoch
	firstNumber uint64
}

// RefusedError tells why a job cannot start from what its store holds.
type RefusedError struct {
	Problems []string
	Advice   string
}

func (e *RefusedError) Error() string {
	text := "checkpoint: the job cannot resume: " + strings.Join(e.Problems, "; ")
	if e.Advice != "" {
		text += ". " + e.Advice
	}
	return text
}

func refuse(d Decision, err error) Decision {
	d.Kind, d.Err = Refuse, err
	return d
}

// Decide says how a job starts from what its log holds. It is pure.
func Decide(contents Contents, facts Facts, options Options) Decision {
	d := Decision{Attempt: 1}
	entries := contents.Entries
	if len(entries) > 0 {
		d.firstNumber = entries[0].Number
	}
	damaged := 0
	for i := range entries {
		d.take(&entries[i])
		if entries[i].Damaged != nil {
			damaged++
		}
	}
	// The epochs of damaged checkpoints are unknown; none may be used again.
	d.lastEpoch += Epoch(damaged)
	if err := checkJob(entries, facts.Job); err != nil {
		return refuse(d, err)
	}
	d, newest := chooseCheckpoint(d, entries, facts, options)
	if d.Kind == Refuse && d.Err != nil {
		return d
	}
	if damaged == 0 {
		d.orphans = orphans(contents.Objects, d.Retained)
	}
	if newest == nil {
		d.Kind = Fresh
		d.Operators = recordOperators(nil, facts)
		d.Tasks = AssignTasks(nil, facts)
		return d
	}
	d.Manifest = newest
	d.reopened = options.Reopen && newest.Ended
	d.InputEnded = newest.InputEnded || newest.Ended
	if newest.Finished && !options.Reopen {
		d.Kind = AlreadyFinished
		return d
	}
	if err := checkCompatible(newest, facts, options); err != nil {
		return refuse(d, err)
	}
	d.Kind = Resume
	d.Operators = recordOperators(newest.Operators, facts)
	d.Tasks = AssignTasks(newest, facts)
	d.Pending = newest.Pending
	return d
}

// take notes what one entry tells, whatever is decided.
func (d *Decision) take(entry *EntryInfo) {
	switch {
	case entry.Stray:
	case entry.Claim != nil:
		d.JobUUID = entry.Claim.JobUUID
		d.Attempt = max(d.Attempt, entry.Claim.Attempt+1)
		d.lastEpoch = max(d.lastEpoch, entry.Claim.AcceptDuplicatesFrom)
	case entry.Checkpoint != nil:
		d.JobUUID = entry.Checkpoint.JobUUID
		d.Attempt = max(d.Attempt, entry.Checkpoint.Attempt+1)
		d.lastEpoch = max(d.lastEpoch, entry.Checkpoint.Epoch)
		d.Retained = append(d.Retained, entry.Checkpoint)
	default:
		// A claim may be lost with its attempt; the number after it is free for sure.
		d.Attempt++
	}
}

func checkJob(entries []EntryInfo, job string) error {
	for i := range entries {
		name := job
		if entries[i].Claim != nil {
			name = entries[i].Claim.Job
		} else if entries[i].Checkpoint != nil {
			name = entries[i].Checkpoint.Job
		}
		if name != job {
			return &RefusedError{
				Problems: []string{fmt.Sprintf("the checkpoint store belongs to job %q, this is job %q", name, job)},
				Advice:   "Give each job a store of its own",
			}
		}
	}
	return nil
}

// chooseCheckpoint finds the checkpoint to resume from: the newest, unless it
// is damaged. Nil is a fresh start.
func chooseCheckpoint(d Decision, entries []EntryInfo, facts Facts, options Options) (Decision, *Manifest) {
	if options.AcceptDuplicatesFrom != 0 {
		return acceptDuplicates(d, entries, options.AcceptDuplicatesFrom)
	}
	var damage *DamagedError
	for i := len(entries) - 1; i >= 0; i-- {
		entry := &entries[i]
		switch {
		case entry.Damaged != nil && damage == nil:
			damage = entry.Damaged
		case entry.Checkpoint != nil && damage == nil:
			return d, entry.Checkpoint
		case entry.Checkpoint != nil && facts.SinksIdempotent:
			d.Warnings = append(d.Warnings, fmt.Sprintf("%v; going back to checkpoint %d, which is safe because every sink of the job is idempotent", damage, entry.Checkpoint.Epoch))
			return d, entry.Checkpoint
		case entry.Checkpoint != nil:
			return refuse(d, damagedNewest(damage, entries)), nil
		case entry.Claim != nil && entry.Claim.AcceptDuplicatesFrom != 0 && damage == nil:
			// The user accepted this before, and no checkpoint came after.
			return acceptDuplicates(d, entries[:i], entry.Claim.AcceptDuplicatesFrom)
		}
	}
	if damage != nil {
		return refuse(d, damagedNewest(damage, entries)), nil
	}
	return d, nil
}

func acceptDuplicates(d Decision, entries []EntryInfo, epoch Epoch) (Decision, *Manifest) {
	var known []Epoch
	for i := range entries {
		m := entries[i].Checkpoint
		if m == nil {
			continue
		}
		if m.Epoch == epoch {
			d.AcceptedDuplicatesFrom = epoch
			d.Warnings = append(d.Warnings, fmt.Sprintf("resuming from checkpoint %d as accepted: output committed after it comes twice", epoch))
			return d, m
		}
		known = append(known, m.Epoch)
	}
	return refuse(d, &RefusedError{
		Problems: []string{fmt.Sprintf("there is no readable checkpoint %d to accept duplicates from", epoch)},
		Advice:   "Readable are: " + list(known),
	}), nil
}

func damagedNewest(damage *DamagedError, entries []EntryInfo) error {
	var known []Epoch
	for i := range entries {
		if m := entries[i].Checkpoint; m != nil {
			known = append(known, m.Epoch)
		}
	}
	advice := "No older checkpoint can be read. If a copy of one of these files exists, put it back"
	if len(known) > 0 {
		advice = fmt.Sprintf("Its output may have been committed, so going back would write it twice. "+
			"Put a good copy of one of these files back, or start with --accept-duplicates-from %d (readable checkpoints: %s)",
			known[len(known)-1], list(known))
	}
	return &RefusedError{Problems: []string{"the newest checkpoint cannot be read: " + damage.Error()}, Advice: advice}
}

// orphans are the objects that no checkpoint in the log names.
func orphans(objects []string, retained []*Manifest) []string {
	named := map[string]bool{}
	for _, m := range retained {
		for _, name := range m.Objects() {
			named[name] = true
		}
	}
	var rest []string
	for _, name := range objects {
		if !named[name] {
			rest = append(rest, name)
		}
	}
	return rest
}

// Recovered reads what else a coordinator takes over by a decision. The error
// names what is damaged.
func (l *Log) Recovered(ctx context.Context, d Decision) (Recovered, error) {
	r := Recovered{
		Manifest: d.Manifest, InputEnded: d.InputEnded, Reopened: d.reopened, Retained: d.Retained, Orphans: d.orphans,
		LastEpoch: d.lastEpoch, FirstNumber: d.firstNumber, FinishedSplits: map[string][]string{},
	}
	if d.Manifest == nil {
		return r, nil
	}
	for i := range d.Manifest.Sources {
		source := &d.Manifest.Sources[i]
		ids, err := readFinished(ctx, l.store, source)
		if err != nil {
			return Recovered{}, fmt.Errorf("checkpoint: finished splits of source %q: %w", source.UID, err)
		}
		r.FinishedSplits[source.UID] = ids
	}
	return r, nil
}
