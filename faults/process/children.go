package process

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Connectors gives the pids of the host's connector processes, in order.
func (h *Host) Connectors() ([]int, error) { return children(h.PID()) }

// KillConnector ends one connector process with SIGKILL.
func (h *Host) KillConnector(pid int) error {
	now, err := h.Connectors()
	if err != nil {
		return err
	}
	if !slices.Contains(now, pid) {
		return fmt.Errorf("process: %d is no child of the host (any more)", pid)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return fmt.Errorf("process: kill %d: %w", pid, err)
	}
	return nil
}

// children are the processes whose parent is this one. Dead ones that wait to be
// collected are left out.
func children(parent int) ([]int, error) {
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, fmt.Errorf("process: %w", err)
	}
	if len(paths) == 0 {
		return childrenByPS(parent)
	}
	var pids []int
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// pid (name) state ppid …, where the name may hold anything.
		end := bytes.LastIndexByte(content, ')')
		if end < 0 {
			continue
		}
		fields := strings.Fields(string(content[end+1:]))
		if len(fields) < 2 || fields[0] == "Z" || fields[1] != strconv.Itoa(parent) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids, nil
}

// childrenByPS is for systems without /proc.
func childrenByPS(parent int) ([]int, error) {
	output, err := exec.Command("ps", "-A", "-o", "pid=,ppid=,stat=").Output()
	if err != nil {
		return nil, fmt.Errorf("process: ps: %w", withStderr(err))
	}
	var pids []int
	for line := range strings.Lines(string(output)) {
		fields := strings.Fields(line)
		if len(fields) < 3 || fields[1] != strconv.Itoa(parent) || strings.HasPrefix(fields[2], "Z") {
			continue
		}
		if pid, err := strconv.Atoi(fields[0]); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids, nil
}
