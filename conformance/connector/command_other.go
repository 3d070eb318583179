//go:build !linux

package connector

import (
	"os"
	"syscall"
)

func ownExecutable() (string, error) { return os.Executable() }

// newGroup starts a process in a group of its own, so that all that it starts
// can be killed with it.
func newGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
