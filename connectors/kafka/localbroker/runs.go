package localbroker

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Runs reports whether a process is a broker of this folder: its number alone
// may belong to another process by now.
func Runs(pid int, folder string) (bool, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return false, fmt.Errorf("localbroker: %w", err)
	}
	if err := syscall.Kill(pid, 0); errors.Is(err, syscall.ESRCH) {
		return false, nil
	}
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		// Not every system has /proc.
		line, err = exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
		var ended *exec.ExitError
		if errors.As(err, &ended) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("localbroker: what is process %d: %w", pid, err)
		}
	}
	text := string(bytes.ReplaceAll(line, []byte{0}, []byte{' '}))
	return strings.Contains(text, brokerClass+" "+filepath.Join(folder, propertiesName)), nil
}
