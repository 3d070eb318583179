package task

import (
	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/exchange"
)

// Step does one bounded piece of work and reports whether there was any. Where
// there was none, the next call is due after Wake, or at Deadline. An error is
// final.
func (t *Task) Step() (worked bool, err error) {
	worked = t.mailbox.Run()
	if t.sink != nil {
		t.fail(t.sink.failure)
	}
	if t.failure == nil && t.room() {
		if t.work() {
			worked = true
		}
		t.askForSplits()
	}
	t.letters.ahead(t.config.Context)
	t.linger()
	return worked, t.failure
}

// Deadline is the time at which Step has work even if nobody wakes the task, in
// milliseconds since the epoch, or Never.
func (t *Task) Deadline() int64 {
	deadline := int64(Never)
	if t.lingerMS != Never {
		deadline = t.lingerMS + LingerMS
	}
	if t.pausedBy != nil {
		return min(deadline, t.pausedUntilMS)
	}
	for i := range t.steps {
		deadline = min(deadline, t.steps[i].timerMS)
	}
	if t.source != nil && t.source.config.Watermarks.IdleTimeoutMS > 0 && !t.source.ended() && !t.idle {
		deadline = min(deadline, t.config.NowMS()+t.source.config.Watermarks.IdleTimeoutMS)
	}
	return deadline
}

// room reports whether every way out takes the output of one more call.
func (t *Task) room() bool {
	room := (t.sink == nil || t.sink.room()) && t.letters.room()
	for _, out := range t.outs {
		if !out.Room() {
			room = false
		}
	}
	return room
}

// work takes the first of what there is to do, in order of urgency.
func (t *Task) work() bool {
	nowMS := t.config.NowMS()
	switch {
	case t.backlogged > 0:
		t.resume(nowMS)
		return true
	case len(t.trigger) > 0 && !t.firing.late:
		epoch := t.trigger[0]
		t.trigger = t.trigger[1:]
		t.barrier(epoch)
		return true
	case t.paused(nowMS):
		return t.takeBarrier()
	case t.resubmits.idleAgain:
		t.resubmits.idleAgain = false
		t.send(exchange.Element{Kind: exchange.Idle})
		return true
	case t.firing.active:
		t.fireSlice(nowMS)
		return true
	case t.fireProcessingTimers(nowMS):
		return true
	case t.resubmitDue() && t.resubmit(nowMS):
		return true
	case t.source != nil:
		return t.readSource(nowMS) || t.resubmit(nowMS)
	}
	event, ok := t.config.Inbox.Next()
	if ok {
		t.handle(event, nowMS)
	}
	return ok || t.resubmit(nowMS)
}

func (t *Task) handle(event exchange.Event, nowMS int64) {
	switch event.Kind {
	case exchange.Batch:
		t.idle = false
		t.counters.in.Add(int64(event.Buffer.Batch.Count()))
		t.places = event.Buffer.Places
		t.process(0, event.Input, event.Buffer.Batch, nowMS)
		event.Buffer.Release()
		t.fireLate()
	case exchange.Watermark:
		t.idle = false
		t.advance(event.Value)
	case exchange.Idle:
		t.idle = true
		t.send(event.Element)
	case exchange.Barrier:
		t.barrier(epochOf(event.Element))
	case exchange.End:
		t.end()
	}
}

// process runs one batch through a step and, by emit, through those behind it.
func (t *Task) process(index, input int, batch record.Batch, nowMS int64) {
	if t.failure != nil {
		return
	}
	s := &t.steps[index]
	if s.Operator == nil {
		t.counters.out.Add(int64(batch.Count()))
		t.count(s, batch.Count(), nowMS)
		t.sink.write(batch)
		return
	}
	t.run(s, input, batch, nowMS)
}

// emit sends one batch of a step's output on all its ways.
func (t *Task) emit(index, output int, batch record.Batch) {
	if output >= len(t.steps[index].Routes) {
		return // nobody reads this output
	}
	if t.source != nil && index == 1 && t.source.config.ObserveOutput && !t.resubmits.trying {
		t.observe(batch)
	}
	for _, route := range t.steps[index].Routes[output] {
		if route.Chained {
			t.process(index+1, route.Input, batch, t.config.NowMS())
			continue
		}
		t.counters.out.Add(int64(batch.Count()))
		if err := route.Outbox.Add(batch, t.traceOf(&t.steps[index], batch)); err != nil {
			t.failUnsent(&t.steps[index], batch, err)
		}
	}
}

// send puts an element behind all output so far, on every way out.
func (t *Task) send(e exchange.Element) {
	for _, out := range t.outs {
		out.Send(e)
	}
	t.lingerMS = Never
}

// linger sends records that have waited long enough.
func (t *Task) linger() {
	pending := false
	for _, out := range t.outs {
		pending = pending || out.Pending()
	}
	if !pending {
		t.lingerMS = Never
		return
	}
	nowMS := t.config.NowMS()
	if t.lingerMS == Never {
		t.lingerMS = nowMS
		return
	}
	if nowMS-t.lingerMS < LingerMS {
		return
	}
	for _, out := range t.outs {
		out.Flush()
	}
	t.lingerMS = Never
}

// advance begins to take a watermark through the chain. The input waits until
// all timers have fired; a barrier may come between slices.
func (t *Task) advance(watermark int64) {
	if watermark <= t.watermark {
		return
	}
	t.watermark = watermark
	t.firing = firing{active: true, target: watermark}
}

// takeBarrier takes a barrier that can be reached without taking anything else.
func (t *Task) takeBarrier() bool {
	if t.config.Inbox == nil {
		return false
	}
	event, ok := t.config.Inbox.NextBarrier()
	if ok {
		t.barrier(epochOf(event.Element))
	}
	return ok
}

// fireSlice fires some timers of the step that the watermark has reached, or
// takes a barrier that waits.
func (t *Task) fireSlice(nowMS int64) {
	if !t.firing.late && t.takeBarrier() {
		return
	}
	for t.firing.step < len(t.steps) {
		s := &t.steps[t.firing.step]
		s.watermark = t.firing.target
		if s.Operator != nil && t.fire(s, nowMS) || t.backlogged > 0 {
			return
		}
		t.firing.step++
	}
	t.firing.active, t.firing.late = false, false
	t.counters.watermark.Store(t.firing.target)
	t.send(exchange.Element{Kind: exchange.Watermark, Value: t.firing.target})
	if t.source != nil && t.source.ended() && t.firing.target == abi.WatermarkMax {
		t.end()
	}
}

func (t *Task) fireProcessingTimers(nowMS int64) bool {
	for i := range t.steps {
		if s := &t.steps[i]; s.timerMS <= nowMS {
			t.fire(s, nowMS)
			return true
		}
	}
	return false
}

func (t *Task) refreshTimer(s *step) {
	if !s.ProcessingTimers {
		return
	}
	next, found, err := s.Operator.NextProcessingTimer()
	if err != nil {
		t.fail(err)
	}
	s.timerMS = Never
	if found {
		s.timerMS = next
	}
}

// readSource takes what the source has delivered.
func (t *Task) readSource(nowMS int64) bool {
	if t.ended || t.final {
		return false
	}
	d, err := t.source.poll()
	if err != nil {
		t.fail(err)
		return false
	}
	if d == nil {
		if t.source.ended() && t.watermark < abi.WatermarkMax {
			if t.resubmits.endHeld || len(t.resubmits.queue) > 0 {
				return false
			}
			t.advance(abi.WatermarkMax)
			return true
		}
		return t.sourceWatermark(nowMS)
	}
	t.source.current = t.source.splits[d.splitID]
	t.source.place = &exchange.Place{Source: t.source.config.UID, Split: d.splitID, Position: d.position}
	t.failUndecodable(d, nowMS)
	if d.buffer != nil {
		t.idle = false
		t.counters.in.Add(int64(d.buffer.Batch.Count()))
		if !t.source.config.ObserveOutput {
			t.observe(d.buffer.Batch)
		}
		t.deliver(d.buffer.Batch, nowMS)
		d.buffer.Release()
	}
	t.source.processed(d)
	t.counters.lag.Store(t.source.lag())
	if t.backlogged == 0 {
		t.sourceWatermark(nowMS)
	}
	return true
}

// deliver gives a source's batch to the steps behind it.
func (t *Task) deliver(batch record.Batch, nowMS int64) {
	t.steps[0].emit(0, batch)
}

// observe notes the timestamps of the split that is being processed.
func (t *Task) observe(batch record.Batch) {
	if t.source.config.Watermarks.Enabled {
		t.source.current.watermark.observe(batch, t.config.NowMS())
	}
}

// sourceWatermark begins an advance where the source's watermark rose.
func (t *Task) sourceWatermark(nowMS int64) bool {
	value, idle := t.source.watermark(nowMS)
	if idle {
		if t.idle {
			return false
		}
		t.idle = true
		t.send(exchange.Element{Kind: exchange.Idle})
		return true
	}
	if value <= t.watermark {
		return false
	}
	t.idle = false
	t.advance(value)
	return true
}

func (t *Task) askForSplits() {
	if t.source == nil || t.final {
		return
	}
	if n := t.source.wants(); n > 0 {
		t.config.Listener.SplitsWanted(t.config.ID, t.source.config.UID, n)
	}
}

// end passes the end of the input on. The task lives on: barriers still come.
func (t *Task) end() {
	if t.ended {
		return
	}
	t.ended = true
	t.send(exchange.Element{Kind: exchange.End})
	t.config.Listener.Ended(t.config.ID)
}
