package checkpoint

// Format is the version of the manifest's JSON body that this host writes.
const Format = 1

// Manifest is one completed checkpoint. Once it is durable, the checkpoint
// counts: its output may be committed, and a restart begins from it.
type Manifest struct {
	Format         int    `json:"format"`
	Job            string `json:"job"`
	JobUUID        string `json:"job_uuid"`
	Attempt        uint64 `json:"attempt"`
	Epoch          Epoch  `json:"epoch"`
	Number         uint64 `json:"number"`      // in the log, set by it
	Previous       string `json:"previous"`    // checksum of the entry before, set by the log
	TakenMS        int64  `json:"taken_ms"`    // milliseconds since the Unix epoch, when the barrier was sent
	DurationMS     int64  `json:"duration_ms"` // from the barrier to the last acknowledgement
	Bytes          int64  `json:"bytes"`       // of the tables that are new in this checkpoint
	MaxParallelism int    `json:"max_parallelism"`
	// Ended tells that all input had ended before this checkpoint: what is left
	// of the job is to commit Pending.
	Ended bool `json:"ended,omitempty"`
	// InputEnded tells that all input had ended at some time, though the job went
	// on after that with letters that were resubmitted: it reads nothing any more.
	InputEnded bool `json:"input_ended,omitempty"`
	// Finished tells that the input had ended and all output is committed.
	Finished bool `json:"finished,omitempty"`

	Operators []OperatorInfo   `json:"operators,omitempty"`
	Sources   []SourceSnapshot `json:"sources,omitempty"`
	// Tasks hold no committables here: those are in Pending. Nor do they hold letters.
	Tasks []TaskSnapshot `json:"tasks,omitempty"`
	// Pending lists all prepared output up to this epoch whose confirmation no
	// earlier manifest, nor this one, records. Whoever resumes commits it again.
	Pending []Committable `json:"pending,omitempty"`
	// Letters lists the segments that hold the job's dead letters.
	Letters []LetterSegment `json:"letters,omitempty"`
	// CommandsDeleted is up to which number commands for letters may have been
	// deleted: none of these numbers is used again.
	CommandsDeleted uint64 `json:"commands_deleted,omitempty"`
	// Confirmed lists the commits that were confirmed since the manifest before.
	Confirmed []CommittableName `json:"confirmed,omitempty"`
}

// CommittableName names a committable.
type CommittableName struct {
	Sink  string `json:"sink"`
	Epoch Epoch  `json:"epoch"`
	ID    string `json:"id"`
}

// Name is the committable's name.
func (c *Committable) Name() CommittableName {
	return CommittableName{Sink: c.Sink, Epoch: c.Epoch, ID: c.ID}
}

// OperatorInfo is what a manifest remembers of an operator, so that a resume
// can tell whether a changed module fits the state.
type OperatorInfo struct {
	UID      string      `json:"uid"`
	Vertex   string      `json:"vertex"`             // in whose chain it ran
	Operator string      `json:"operator,omitempty"` // name within the module
	Module   string      `json:"module,omitempty"`   // digest
	States   []StateInfo `json:"states,omitempty"`
	Timers   []TimerInfo `json:"timers,omitempty"`
}

// StateInfo is one declared keyed state. Its name identifies it for ever.
type StateInfo struct {
	Name          string `json:"name"`
	Kind          string `json:"kind"`
	SchemaVersion uint16 `json:"schema_version,omitempty"`
	TimeToLiveMS  int64  `json:"time_to_live_ms,omitempty"`
	// Dropped marks a state that the module no longer declares. What the tables
	// still hold of it would come back if a later module declared it again, so its
	// kind stays on record.
	Dropped bool `json:"dropped,omitempty"`
}

// TimerInfo is one declared timer.
type TimerInfo struct {
	Name    string `json:"name"`
	Domain  string `json:"domain"`
	Dropped bool   `json:"dropped,omitempty"`
}

// SourceSnapshot is what a manifest holds of a source beside the positions of
// the splits in work, which are in Tasks: the splits that were read to their
// end. Those of long ago are in objects of their own, so that a manifest's size
// follows what changed.
type SourceSnapshot struct {
	UID             string      `json:"uid"`
	FinishedCount   int         `json:"finished_count"`
	Finished        []string    `json:"finished,omitempty"`
	FinishedObjects []SplitList `json:"finished_objects,omitempty"`
}

// SplitList is an object that holds ids of finished splits.
type SplitList struct {
	Object   string `json:"object"`
	Count    int    `json:"count"`
	Bytes    int64  `json:"bytes"`
	Checksum string `json:"checksum"` // SHA-256, hex
}

// Attachment is an object that must be durable before the manifest that names it.
type Attachment struct {
	Name string
	Data []byte
}

// Claim is the log entry by which a coordinator takes over the job. It makes
// appends of every earlier coordinator fail.
type Claim struct {
	Format   int    `json:"format"`
	Job      string `json:"job"`
	JobUUID  string `json:"job_uuid"`
	Attempt  uint64 `json:"attempt"`
	Number   uint64 `json:"number"`   // in the log, set by it
	Previous string `json:"previous"` // checksum of the entry before, set by the log
	TakenMS  int64  `json:"taken_ms"`
	Host     string `json:"host"`
	PID      int    `json:"pid"`
	// AcceptDuplicatesFrom is the epoch that the user chose to resume from in
	// spite of a damaged newer checkpoint; 0 = none.
	AcceptDuplicatesFrom Epoch `json:"accept_duplicates_from,omitempty"`
}

// Discovered reports whether the splits of a source were discovered before the
// checkpoint was taken. A nil manifest knows no source.
func (m *Manifest) Discovered(source string) bool {
	if m == nil {
		return false
	}
	for i := range m.Sources {
		if m.Sources[i].UID == source {
			return true
		}
	}
	for i := range m.Tasks {
		if _, found := m.Tasks[i].Splits[source]; found {
			return true
		}
	}
	return false
}

// Objects lists the names of all objects that the manifest needs, each once.
func (m *Manifest) Objects() []string {
	var names []string
	seen := map[string]bool{}
	add := func(name string) {
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	for i := range m.Tasks {
		for j := range m.Tasks[i].Tables {
			add(m.Tasks[i].Tables[j].Object)
		}
	}
	for i := range m.Sources {
		for j := range m.Sources[i].FinishedObjects {
			add(m.Sources[i].FinishedObjects[j].Object)
		}
	}
	for i := range m.Letters {
		add(m.Letters[i].Object)
	}
	return names
}
