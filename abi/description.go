package abi

import "encoding/json"

// Description is what a module tells about itself: the JSON that its
// turgo_describe export returns. It is the same bytes in every instance.
type Description struct {
	ABI       string                `json:"abi"` // ModuleName
	SDK       string                `json:"sdk,omitempty"`
	Language  string                `json:"language,omitempty"`
	Requires  []string              `json:"requires,omitempty"` // features; an unknown one is refused at load
	Operators []OperatorDescription `json:"operators"`
}

// OperatorDescription describes one operator of a module. Inputs, outputs,
// states, timers and metrics are numbered from 0 in the order given.
type OperatorDescription struct {
	Name              string                   `json:"name"`
	Inputs            []InputDescription       `json:"inputs"`
	Outputs           []OutputDescription      `json:"outputs"`
	States            []StateDescription       `json:"states,omitempty"`
	Aggregations      []AggregationDescription `json:"aggregations,omitempty"`
	Timers            []TimerDescription       `json:"timers,omitempty"`
	Metrics           []MetricDescription      `json:"metrics,omitempty"`
	AssignsTimestamps bool                     `json:"assigns_timestamps,omitempty"`
	ConfigSchema      json.RawMessage          `json:"config_schema,omitempty"` // JSON Schema
}

// Keyed reports whether the operator needs its input partitioned by key.
func (o *OperatorDescription) Keyed() bool { return len(o.States) > 0 || len(o.Timers) > 0 }

// InputDescription is one input. Changes lists the change kinds that it
// accepts (insert, update_before, update_after, delete); none given = insert.
type InputDescription struct {
	Name    string   `json:"name"`
	Changes []string `json:"changes,omitempty"`
	// Aggregation names the aggregation that takes the input's records.
	Aggregation string `json:"aggregation,omitempty"`
}

// OutputDescription is one output.
type OutputDescription struct {
	Name string `json:"name"`
}

// StateDescription is one keyed state.
type StateDescription struct {
	Name          string `json:"name"`
	Kind          string `json:"kind"` // value, list, map
	TimeToLiveMS  int64  `json:"time_to_live_ms,omitempty"`
	SchemaVersion uint16 `json:"schema_version,omitempty"`
	Prefetch      bool   `json:"prefetch,omitempty"`
}

// AggregationDescription is one keyed aggregation over the records of a batch.
// Its accumulators are a state of that name, of kind value, numbered behind those
// that are declared.
type AggregationDescription struct {
	Name          string `json:"name"`
	TimeToLiveMS  int64  `json:"time_to_live_ms,omitempty"`
	SchemaVersion uint16 `json:"schema_version,omitempty"`
}

// FeatureAggregate is what a module with aggregations requires.
const FeatureAggregate = "aggregate"

// TimerDescription is one kind of timer.
type TimerDescription struct {
	Name   string `json:"name"`
	Domain string `json:"domain"` // event, processing
}

// MetricDescription is one metric that the guest reports.
type MetricDescription struct {
	Name string `json:"name"`
	Kind string `json:"kind"` // counter, gauge
}
