// Package builtin lists the connectors that come with turgo.
package builtin

import (
	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/connectors/blackhole"
	"github.com/turgo-stream/turgo/connectors/file"
	"github.com/turgo-stream/turgo/connectors/generator"
	"github.com/turgo-stream/turgo/connectors/kafka"
	"github.com/turgo-stream/turgo/connectors/stdout"
)

// Connectors gives the built-in connectors, sorted by name.
func Connectors() []connectors.Connector {
	return []connectors.Connector{
		blackhole.Connector(),
		file.Connector(),
		generator.Connector(),
		kafka.Connector(),
		stdout.Connector(),
	}
}
