package connector

import (
	"fmt"
	"os"
	"syscall"
)

// ownExecutable is this very program, even where its file was replaced since,
// also for the child of a child.
func ownExecutable() (string, error) { return fmt.Sprintf("/proc/%d/exe", os.Getpid()), nil }

// newGroup starts a process in a group of its own, so that all that it starts
// can be killed with it. The kernel kills it when this process dies.
func newGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
