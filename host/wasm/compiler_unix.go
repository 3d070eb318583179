//go:build unix

package wasm

import (
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// peakBytes is the most memory that an ended process had.
func peakBytes(state *os.ProcessState) int64 {
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return usage.Maxrss
	}
	return usage.Maxrss << 10 // elsewhere it is in KiB
}

// limitProcess bounds this process's memory that can be written to, and its
// processor time.
func limitProcess(bytes, seconds int64) error {
	if err := setLimit(unix.RLIMIT_DATA, bytes); err != nil {
		return err
	}
	return setLimit(unix.RLIMIT_CPU, seconds)
}

func setLimit(resource int, limit int64) error {
	var l unix.Rlimit
	if err := unix.Getrlimit(resource, &l); err != nil {
		return err
	}
	l.Cur = min(uint64(limit), l.Max)
	return unix.Setrlimit(resource, &l)
}
