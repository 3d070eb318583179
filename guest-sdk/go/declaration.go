package turgo

// Declaration collects what an operator declares. Inputs, outputs, states,
// timers and metrics are numbered in the order of the calls.
type Declaration struct {
	instance *instance

	inputs            []input
	outputs           []*output
	states            []*state
	aggregations      []aggregator
	timers            []timer
	metrics           []metric
	assignsTimestamps bool
	configSchema      string
}

type input struct {
	name        string
	process     func(*Batch)
	changes     []Kind
	aggregation string // that takes its records; empty = none
}

type timer struct {
	name   string
	domain string
	fire   func(*Batch)
}

type metric struct {
	name string
	kind string
}

// Input declares an input and who handles its batches. changes are the change
// kinds that it accepts; none = inserts only.
func (d *Declaration) Input(name string, process func(*Batch), changes ...Kind) {
	for i := range d.inputs {
		unique("input", d.inputs[i].name, name)
	}
	d.inputs = append(d.inputs, input{name: name, process: process, changes: changes})
}

// Output declares an output.
func (d *Declaration) Output(name string) Output {
	for _, o := range d.outputs {
		unique("output", o.name, name)
	}
	o := newOutput(d.instance, name, uint32(len(d.outputs)))
	d.outputs = append(d.outputs, o)
	return Output{o}
}

// EventTimer declares a timer that fires when the watermark reaches its time.
// The records of a batch of fired timers hold the key, and the time as timestamp.
func (d *Declaration) EventTimer(name string, fire func(*Batch)) Timer {
	return d.timer(name, "event", fire)
}

// ProcessingTimer declares a timer that fires when the clock reaches its time.
func (d *Declaration) ProcessingTimer(name string, fire func(*Batch)) Timer {
	return d.timer(name, "processing", fire)
}

func (d *Declaration) timer(name, domain string, fire func(*Batch)) Timer {
	for i := range d.timers {
		unique("timer", d.timers[i].name, name)
	}
	d.timers = append(d.timers, timer{name: name, domain: domain, fire: fire})
	return Timer{instance: d.instance, index: uint32(len(d.timers) - 1)}
}

// Counter declares a metric that only grows.
func (d *Declaration) Counter(name string) Counter {
	return Counter{instance: d.instance, index: d.metric(name, "counter")}
}

// Gauge declares a metric that is set.
func (d *Declaration) Gauge(name string) Gauge {
	return Gauge{instance: d.instance, index: d.metric(name, "gauge")}
}

func (d *Declaration) metric(name, kind string) uint32 {
	for i := range d.metrics {
		unique("metric", d.metrics[i].name, name)
	}
	d.metrics = append(d.metrics, metric{name: name, kind: kind})
	return uint32(len(d.metrics) - 1)
}

func (d *Declaration) state(s *state, name, kind string) {
	for _, other := range d.states {
		unique("state", other.name, name)
	}
	s.instance, s.name, s.kind, s.index = d.instance, name, kind, uint32(len(d.states))
	d.states = append(d.states, s)
}

// finish numbers the states that hold accumulators: they stand behind all others.
func (d *Declaration) finish() {
	for i, a := range d.aggregations {
		s := a.declared()
		for _, other := range d.states {
			unique("state", other.name, s.name)
		}
		s.index = uint32(len(d.states) + i)
		s.number = s.index
	}
}

// AssignsTimestamps declares that the operator gives records their timestamps,
// so that watermarks are made after it.
func (d *Declaration) AssignsTimestamps() { d.assignsTimestamps = true }

// ConfigSchema declares the JSON Schema of the operator's config.
func (d *Declaration) ConfigSchema(schema string) { d.configSchema = schema }

func unique(what, name, other string) {
	if name == other {
		panic("turgo: " + what + " " + name + " is declared twice")
	}
}

// Timer sets and deletes timers of one declaration, for the key of the record
// in hand. There is one timer for each declaration, key and timestamp.
type Timer struct {
	instance *instance
	index    uint32
}

// Set sets a timer, in milliseconds since the epoch.
func (t Timer) Set(timestamp int64) { t.instance.host.TimerSet(t.index, timestamp) }

// Delete removes a timer. Removing one that is not set does nothing.
func (t Timer) Delete(timestamp int64) { t.instance.host.TimerDelete(t.index, timestamp) }

// Counter is a metric that only grows.
type Counter struct {
	instance *instance
	index    uint32
}

// Add adds to the counter.
func (c Counter) Add(n int64) { c.instance.host.Metric(c.index, n) }

// Gauge is a metric that is set.
type Gauge struct {
	instance *instance
	index    uint32
}

// Set sets the gauge.
func (g Gauge) Set(value int64) { g.instance.host.Metric(g.index, value) }
