// Package kafka reads from and writes to Apache Kafka: the source keeps its
// positions in Turgo's checkpoints, the sink commits transactions with them.
package kafka

import (
	"fmt"

	"github.com/turgo-stream/turgo/connectors"
)

// Connector is the connector "kafka".
func Connector() connectors.Connector {
	return connectors.Connector{
		Name: "kafka", Version: "1",
		Source: func() connectors.Source { return newSource() },
		Sink:   func() connectors.Sink { return &sink{} },
	}
}

func configError(field, format string, args ...any) error {
	return &connectors.ConfigError{Field: field, Reason: fmt.Sprintf(format, args...)}
}
