package connectors

import (
	"os"
	"sync/atomic"
)

var hostOutput atomic.Pointer[os.File]

// HostOutput is the standard output of the host. In a connector's own process
// it is not os.Stdout, which carries the handshake there.
func HostOutput() *os.File {
	if file := hostOutput.Load(); file != nil {
		return file
	}
	return os.Stdout
}

// SetHostOutput names the file that reaches the host's standard output. What
// serves connectors in their own process calls it before any of them is used.
func SetHostOutput(file *os.File) { hostOutput.Store(file) }
