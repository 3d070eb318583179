//go:build !linux

package native

import (
	"os"
	"syscall"
)

func ownExecutable() (string, error) { return os.Executable() }

// diesWithParent has nothing to offer here: the child watches its lifeline.
func diesWithParent() *syscall.SysProcAttr { return nil }
