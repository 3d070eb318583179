package plan

import (
	"encoding/json"
	"path/filepath"
	"time"
)

// The defaults of a job. The limits of guests are those of package wasm.
const (
	defaultParallelism             = 1
	defaultMaxParallelism          = 128
	defaultInterval                = 10 * time.Second
	defaultCheckpointTimeout       = 10 * time.Minute
	defaultRetained                = 3
	defaultTolerableFailures       = 10
	defaultDelayInitial            = time.Second
	defaultDelayMax                = time.Minute
	defaultMultiplier              = 2.0
	defaultAttemptsMax             = 10
	defaultResetAfter              = 10 * time.Minute
	defaultCache             int64 = 64 << 20
)

// or sets a field that is at its zero value.
func or[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// withDefaults is the job with all defaults applied, but for those that need
// to know other steps. The job itself is left as it is.
func withDefaults(job *Job) *Job {
	j := *job
	or(&j.Parallelism, defaultParallelism)
	or(&j.MaxParallelism, defaultMaxParallelism)
	c := &j.Checkpoint
	or(&c.Store, filepath.Join("checkpoints", j.Name))
	or(&c.Interval, defaultInterval)
	or(&c.Timeout, defaultCheckpointTimeout)
	or(&c.Retained, defaultRetained)
	or(&c.TolerableFailures, defaultTolerableFailures)
	r := &j.Restart
	or(&r.DelayInitial, defaultDelayInitial)
	or(&r.DelayMax, max(defaultDelayMax, r.DelayInitial))
	or(&r.Multiplier, defaultMultiplier)
	or(&r.AttemptsMax, defaultAttemptsMax)
	or(&r.ResetAfter, defaultResetAfter)
	or(&j.State.Cache, defaultCache)
	j.DeadLetters.setDefaults()
	j.Flow = make([]Step, len(job.Flow))
	for i := range job.Flow {
		j.Flow[i] = stepWithDefaults(job.Flow[i], j.Parallelism)
	}
	return &j
}

func stepWithDefaults(s Step, parallelism int) Step {
	or(&s.Parallelism, parallelism)
	if len(s.Config) == 0 {
		s.Config = json.RawMessage("{}")
	}
	s.Inputs = append([]Input(nil), s.Inputs...)
	s.OnFailure.setDefaults()
	switch s.Kind {
	case Source:
		or(&s.Placement, InProcess)
		or(&s.Watermark.Strategy, NoWatermark)
	case Sink:
		or(&s.Placement, InProcess)
	case Operator:
		or(&s.Entry, s.UID)
	}
	return s
}

// resolve turns None into 0 and paths into absolute ones.
func resolve(j *Job) {
	j.Checkpoint.TolerableFailures = max(j.Checkpoint.TolerableFailures, 0)
	j.Restart.AttemptsMax = max(j.Restart.AttemptsMax, 0)
	j.Checkpoint.Store = under(j.BaseDir, j.Checkpoint.Store)
	if j.State.Directory != "" {
		j.State.Directory = under(j.BaseDir, j.State.Directory)
	}
	for i := range j.Flow {
		if s := &j.Flow[i]; s.Module != "" {
			s.Module = under(j.BaseDir, s.Module)
		}
	}
}

// StoreDirectory is the folder of the job's checkpoints.
func (j *Job) StoreDirectory() string {
	return under(j.BaseDir, withDefaults(j).Checkpoint.Store)
}

func under(base, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(base, path)
}
