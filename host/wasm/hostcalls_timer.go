package wasm

// The host functions of timers and metrics.

func (o *Operator) declaredTimer(name string, timer uint64) int {
	o.enter(name, inProcess)
	index := int(uint32(timer))
	if index >= len(o.description.Timers) {
		o.abortRule(KindProtocol, RuleDeclared, name, "%s: timer %d is not declared, there are %d", name, index, len(o.description.Timers))
	}
	o.key(name)
	o.written(name, entryOverhead)
	return index
}

func (o *Operator) timerSet(stack []uint64) {
	timer := o.declaredTimer("timer_set", stack[0])
	if err := o.state.TimerSet(timer, int64(stack[1])); err != nil {
		o.abortState(err)
	}
}

func (o *Operator) timerDelete(stack []uint64) {
	timer := o.declaredTimer("timer_delete", stack[0])
	if err := o.state.TimerDelete(timer, int64(stack[1])); err != nil {
		o.abortState(err)
	}
}
