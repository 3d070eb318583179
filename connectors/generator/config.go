package generator

import (
	"fmt"
	"math"

	"github.com/turgo-stream/turgo/connectors"
)

const (
	kindCounter = "counter"
	kindRandom  = "random"
	kindNexmark = "nexmark"

	splitsDefault     = 4
	splitsMax         = 1024
	keysMax           = 1 << 40
	valueBytesMax     = 1 << 20
	eventRateDefault  = 10000
	eventRateMax      = 1_000_000_000
	batchBytesDefault = 64 << 10
	batchBytesMin     = 1 << 10
	batchBytesMax     = 16 << 20
	// countMax leaves event times within an int64 and numbers within a split.
	countMax = 1 << 50
)

// settings is the config of a generator.
type settings struct {
	// Kind is counter, random or nexmark.
	Kind string `json:"kind"`
	// Count is how many events there are in all; without it they never end.
	Count *uint64 `json:"count"`
	// Rate is events per second over all splits; 0 (default) is flat out.
	Rate uint64 `json:"rate"`
	// Splits is into how many parts the events are dealt, 50 in a row to each.
	Splits uint64 `json:"splits"`
	// Seed starts the random numbers (default 1).
	Seed uint64 `json:"seed"`
	// EventRate is events per second of event time: event n has the timestamp
	// 1436918400000 + n*1000/event_rate.
	EventRate uint64 `json:"event_rate"`
	// Keys is how many keys there are: in turns for counter (default: no key),
	// drawn for random (default 1000).
	Keys *uint64 `json:"keys"`
	// HotKeys of the keys take HotPercent of the random events.
	HotKeys    uint64 `json:"hot_keys"`
	HotPercent uint64 `json:"hot_percent"`
	// ValueBytes is the size of a random value (default 100).
	ValueBytes *int `json:"value_bytes"`
	BatchBytes int  `json:"batch_bytes"`
}

func configError(field, format string, args ...any) error {
	return &connectors.ConfigError{Field: field, Reason: fmt.Sprintf(format, args...)}
}

func readSettings(config connectors.Config) (settings, error) {
	s := settings{Splits: splitsDefault, Seed: 1, EventRate: eventRateDefault, BatchBytes: batchBytesDefault}
	if err := connectors.DecodeSettings(config, &s); err != nil {
		return s, err
	}
	return s, s.validate()
}

func (s *settings) validate() error {
	switch s.Kind {
	case kindCounter, kindRandom, kindNexmark:
	case "":
		return configError("kind", "choose counter, random or nexmark")
	default:
		return configError("kind", "%q is none of counter, random, nexmark", s.Kind)
	}
	switch {
	case s.Count != nil && *s.Count > countMax:
		return configError("count", "%d is above %d", *s.Count, uint64(countMax))
	case s.Splits < 1 || s.Splits > splitsMax:
		return configError("splits", "%d is not in 1..%d", s.Splits, splitsMax)
	case s.EventRate < 1 || s.EventRate > eventRateMax:
		return configError("event_rate", "%d is not in 1..%d", s.EventRate, eventRateMax)
	case s.Rate > eventRateMax:
		return configError("rate", "%d is above %d", s.Rate, eventRateMax)
	case s.BatchBytes < batchBytesMin || s.BatchBytes > batchBytesMax:
		return configError("batch_bytes", "%d is not in %d..%d", s.BatchBytes, batchBytesMin, batchBytesMax)
	}
	return s.validateKeys()
}

func (s *settings) validateKeys() error {
	switch {
	case s.Kind == kindNexmark && s.Keys != nil:
		return configError("keys", "nexmark events have no key")
	case s.Keys != nil && (*s.Keys < 1 || *s.Keys > keysMax):
		return configError("keys", "%d is not in 1..%d", *s.Keys, uint64(keysMax))
	case s.Kind != kindRandom && s.ValueBytes != nil:
		return configError("value_bytes", "is for kind: random")
	case s.ValueBytes != nil && (*s.ValueBytes < 0 || *s.ValueBytes > valueBytesMax):
		return configError("value_bytes", "%d is not in 0..%d", *s.ValueBytes, valueBytesMax)
	case s.Kind != kindRandom && s.HotKeys != 0:
		return configError("hot_keys", "is for kind: random")
	case s.HotPercent > 100:
		return configError("hot_percent", "%d is above 100", s.HotPercent)
	case (s.HotKeys == 0) != (s.HotPercent == 0):
		return configError("hot_keys", "hot_keys and hot_percent go together")
	case s.HotKeys > s.keys():
		return configError("hot_keys", "%d is above keys, %d", s.HotKeys, s.keys())
	}
	return nil
}

// keys is the number of keys; 0 = events have none.
func (s *settings) keys() uint64 {
	switch {
	case s.Keys != nil:
		return *s.Keys
	case s.Kind == kindRandom:
		return 1000
	}
	return 0
}

// end is the number after the last event.
func (s *settings) end() uint64 {
	if s.Count != nil {
		return *s.Count
	}
	return math.MaxInt64
}

func (s *settings) valueBytes() int {
	if s.ValueBytes != nil {
		return *s.ValueBytes
	}
	return 100
}
