package job

import (
	"time"

	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/task"
)

// The methods below are task.Listener. The tasks call them on their own
// goroutines; each hands an event to the attempt's.

// BarrierTaken implements task.Listener.
func (a *Attempt) BarrierTaken(id checkpoint.TaskID, epoch checkpoint.Epoch) {
	a.mailbox.Post(func() { a.event(checkpoint.BarrierTaken{Epoch: epoch, Task: id}) })
}

// Acknowledged implements task.Listener.
func (a *Attempt) Acknowledged(epoch checkpoint.Epoch, snapshot checkpoint.TaskSnapshot) {
	a.mailbox.Post(func() { a.event(checkpoint.TaskAcknowledged{Epoch: epoch, Snapshot: snapshot}) })
}

// Declined implements task.Listener.
func (a *Attempt) Declined(epoch checkpoint.Epoch, id checkpoint.TaskID, committables []checkpoint.Committable, err error) {
	a.mailbox.Post(func() {
		a.event(checkpoint.TaskDeclined{Epoch: epoch, Task: id, Committables: committables, Err: err})
	})
}

// Ended implements task.Listener.
func (a *Attempt) Ended(id checkpoint.TaskID) {
	a.mailbox.Post(func() { a.event(checkpoint.TaskEnded{Task: id}) })
}

// SplitsWanted implements task.Listener.
func (a *Attempt) SplitsWanted(id checkpoint.TaskID, source string, count int) {
	a.mailbox.Post(func() { a.sources[source].enumerator.want(id, count) })
}

// Paused implements task.Listener.
func (a *Attempt) Paused(id checkpoint.TaskID, untilMS int64, reason *task.BreakerError) {
	a.config.Logger.Warn("paused by the circuit breaker of a step", "task", id.String(), "uid", reason.UID,
		"until", time.UnixMilli(untilMS).UTC(), "reason", reason)
}

// Resumed implements task.Listener.
func (a *Attempt) Resumed(id checkpoint.TaskID, uid string) {
	a.config.Logger.Info("the pause of a circuit breaker is over", "task", id.String(), "uid", uid)
}
