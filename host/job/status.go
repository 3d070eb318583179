package job

import "time"

// State is what a job is at.
type State string

// The states of a job.
const (
	Starting   State = "starting"
	Running    State = "running"
	Stopping   State = "stopping"
	Restarting State = "restarting"
	Finished   State = "finished"
	Stopped    State = "stopped"
	Failed     State = "failed"
)

// Status is a reading of a running job, once a second.
type Status struct {
	Job      string `json:"job"`
	State    State  `json:"state"`
	Attempt  uint64 `json:"attempt"`
	Restarts int    `json:"restarts"`
	// UptimeMS is the time since Run began, in milliseconds.
	UptimeMS int64 `json:"uptime_ms"`
	// RecordsIn counts what sources delivered and RecordsOut what sinks took, since
	// this process started the job; the rates are those of the last second.
	RecordsIn           int64   `json:"records_in"`
	RecordsOut          int64   `json:"records_out"`
	RecordsInPerSecond  float64 `json:"records_in_per_second"`
	RecordsOutPerSecond float64 `json:"records_out_per_second"`
	// LagRecords estimates what is still to read; -1 = unknown.
	LagRecords int64 `json:"lag_records"`
	// WatermarkMS is the smallest watermark of all tasks, in milliseconds since the
	// epoch; nil before the first.
	WatermarkMS *int64 `json:"watermark_ms"`
	// Checkpoint is the newest complete checkpoint; nil before the first.
	Checkpoint *CheckpointStatus `json:"checkpoint"`
	// CheckpointFailure is why checkpoints fail since the last complete one.
	CheckpointFailure string `json:"checkpoint_failure,omitempty"`
	// DeadLetters counts the letters in the newest checkpoint that are not settled.
	DeadLetters int `json:"dead_letters"`
	// Failure is why the last attempt failed.
	Failure string `json:"failure,omitempty"`
	// Failures tell about the steps that could not handle something, since this
	// process started the job.
	Failures []StepFailures `json:"failures,omitempty"`
	// Tasks tell about each task.
	Tasks []TaskStatus `json:"tasks"`
}

// CheckpointStatus tells about one complete checkpoint.
type CheckpointStatus struct {
	Epoch      uint64    `json:"epoch"`
	Bytes      int64     `json:"bytes"` // of new tables
	DurationMS int64     `json:"duration_ms"`
	Taken      time.Time `json:"taken"`
}

// StepFailures tells what a step could not handle, over all its tasks.
type StepFailures struct {
	UID string `json:"uid"`
	// Failed counts records and timers; DeadLettered and Dropped what became of them.
	Failed       int64 `json:"failed"`
	DeadLettered int64 `json:"dead_lettered"`
	Dropped      int64 `json:"dropped"`
	// PausedUntilMS is until when the circuit breaker of the step holds a task, in
	// milliseconds since the epoch; left out where it holds none.
	PausedUntilMS int64 `json:"paused_until_ms,omitempty"`
}

// TaskStatus is a reading of one task.
type TaskStatus struct {
	Task       string `json:"task"`
	RecordsIn  int64  `json:"records_in"`
	RecordsOut int64  `json:"records_out"`
}
