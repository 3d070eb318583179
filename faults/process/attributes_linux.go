package process

import "syscall"

// attributes put the child into a group of its own, and have the kernel kill it
// where this process dies.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
