// Package file reads lines from files and writes lines to files that appear
// only when their checkpoint commits.
package file

import (
	"fmt"

	"github.com/turgo-stream/turgo/connectors"
)

// Connector is the connector "file".
func Connector() connectors.Connector {
	return connectors.Connector{
		Name: "file", Version: "1",
		Source: func() connectors.Source { return &source{} },
		Sink:   func() connectors.Sink { return &sink{} },
	}
}

const (
	formatLines     = "lines"
	formatJSONLines = "json_lines"

	// lineBytesDefault and lineBytesMax bound a line. The largest leaves room
	// for a batch around it.
	lineBytesDefault = 16 << 20
	lineBytesMax     = 60 << 20

	batchBytesDefault = 64 << 10
	batchBytesMin     = 1 << 10
	batchBytesMax     = 16 << 20
)

func configError(field, format string, args ...any) error {
	return &connectors.ConfigError{Field: field, Reason: fmt.Sprintf(format, args...)}
}
