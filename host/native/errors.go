package native

import (
	"fmt"
	"strings"
)

// UnknownConnectorError says that there is no connector of that name, or that
// it lacks the wanted side.
type UnknownConnectorError struct {
	Name  string
	Side  string // source, sink
	Known []string
}

func (e *UnknownConnectorError) Error() string {
	return fmt.Sprintf("native: no %s connector %q; there are %s", e.Side, e.Name, strings.Join(e.Known, ", "))
}

// StartError says why a connector's process did not start to serve.
type StartError struct {
	Connector string
	Reason    string
	State     string // how the process ended, empty where it did not start
	Stderr    string // the last lines that it wrote
}

func (e *StartError) Error() string {
	text := fmt.Sprintf("native: connector %q did not start: %s", e.Connector, e.Reason)
	if e.State != "" {
		text += " (" + e.State + ")"
	}
	return withLastLines(text, e.Stderr)
}

// ProtocolError says that a connector speaks another version of the wire.
type ProtocolError struct {
	Connector string
	Version   string // what it speaks
	Wanted    int
}

func (e *ProtocolError) Error() string {
	return fmt.Sprintf("native: connector %q speaks version %s of the connector protocol, this host speaks version %d: build the connector again, with the version of turgo that runs it", e.Connector, e.Version, e.Wanted)
}

// ChecksumError says that an executable is not the one its manifest means.
type ChecksumError struct {
	Executable   string
	Got, Wanted  string // hex SHA-256
	ManifestPath string
}

func (e *ChecksumError) Error() string {
	return fmt.Sprintf("native: %s has SHA-256 %s, %s wants %s: it was changed since; install the connector again", e.Executable, e.Got, e.ManifestPath, e.Wanted)
}

// ProcessDiedError says that a connector's process ended while it was in use.
type ProcessDiedError struct {
	Connector string
	UID       string // of the step, where it was opened
	PID       int
	State     string // such as "signal: killed"
	Stderr    string // the last lines that it wrote
}

func (e *ProcessDiedError) Error() string {
	text := fmt.Sprintf("native: process %d of connector %q", e.PID, e.Connector)
	if e.UID != "" {
		text += fmt.Sprintf(" (step %q)", e.UID)
	}
	return withLastLines(text+" died: "+e.State, e.Stderr)
}

// Retryable is true: another process may live longer.
func (e *ProcessDiedError) Retryable() bool { return true }

// RestartLimitError says that a source's process died too often.
type RestartLimitError struct {
	Restarts int
	Last     *ProcessDiedError
}

func (e *RestartLimitError) Error() string {
	return fmt.Sprintf("%v; it was started again %d times, which is the limit", e.Last, e.Restarts)
}

// Unwrap gives the last death, so the error is retryable for whoever counts
// restarts of the whole job.
func (e *RestartLimitError) Unwrap() error { return e.Last }

func withLastLines(text, lines string) string {
	if lines == "" {
		return text
	}
	return text + "; its last output:\n\t" + strings.ReplaceAll(lines, "\n", "\n\t")
}
