package wasm

import "sync/atomic"

// metric is one declared metric: what the running call makes of it, and what
// the last successful call left.
type metric struct {
	staged int64
	marked int64 // before the record in hand
	value  atomic.Int64
}

// metric (metric, value) adds to a counter or sets a gauge.
func (o *Operator) metric(stack []uint64) {
	o.enter("metric", inProcess)
	index := int(uint32(stack[0]))
	if index >= len(o.metrics) {
		o.abortRule(KindProtocol, RuleDeclared, "metric", "metric: metric %d is not declared, there are %d", index, len(o.metrics))
	}
	if hand := o.inHand(); uint64(hand) >= uint64(o.batch.Count()) {
		o.marked = noRecord // it belongs to no record
	} else if o.failed.has(hand) {
		return
	} else {
		o.mark(hand)
	}
	if o.description.Metrics[index].Kind == metricCounter {
		o.metrics[index].staged += int64(stack[1])
	} else {
		o.metrics[index].staged = int64(stack[1])
	}
}

// Metric is the value of one declared metric, by its index in the
// description. It may be called from any goroutine.
func (o *Operator) Metric(index int) int64 { return o.metrics[index].value.Load() }
