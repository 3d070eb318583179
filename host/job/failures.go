package job

import "github.com/turgo-stream/turgo/host/task"

// failureList adds up what the tasks of a job could not handle, by step.
type failureList []StepFailures

func failuresOf(earlier []StepFailures) failureList { return append(failureList(nil), earlier...) }

func (l *failureList) add(stats []task.FailureStats) {
	for _, s := range stats {
		f := l.of(s.UID)
		f.Failed += s.Failed
		f.DeadLettered += s.DeadLettered
		f.Dropped += s.Dropped
		f.PausedUntilMS = max(f.PausedUntilMS, s.PausedUntilMS)
	}
}

func (l *failureList) of(uid string) *StepFailures {
	for i := range *l {
		if (*l)[i].UID == uid {
			return &(*l)[i]
		}
	}
	*l = append(*l, StepFailures{UID: uid})
	return &(*l)[len(*l)-1]
}

// ended are the failures of an attempt that has ended: nothing pauses any more.
func ended(failures []StepFailures) []StepFailures {
	for i := range failures {
		failures[i].PausedUntilMS = 0
	}
	return failures
}
