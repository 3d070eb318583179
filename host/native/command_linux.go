package native

import "syscall"

// ownExecutable runs this very program, even where its file was replaced since.
func ownExecutable() (string, error) { return "/proc/self/exe", nil }

// diesWithParent has the kernel kill the child when this process dies, whether
// or not the child watches its lifeline.
func diesWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
