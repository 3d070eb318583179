package toolchain

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// waitMax bounds what a test waits for.
const waitMax = 30 * time.Second

// await tries until it succeeds.
func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(waitMax); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for %s", waitMax, what)
		}
	}
}

// awaitChild reads the number of a process from a pipe that its parent makes.
func awaitChild(t *testing.T, pipe string) int {
	t.Helper()
	await(t, pipe, func() bool {
		_, err := os.Stat(pipe)
		return err == nil
	})
	text, err := os.ReadFile(pipe)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return number
}

// awaitEnd waits until a process is gone, or only its remains are left.
func awaitEnd(t *testing.T, process int) {
	t.Helper()
	await(t, "the end of process "+strconv.Itoa(process), func() bool {
		if errors.Is(syscall.Kill(process, 0), syscall.ESRCH) {
			return true
		}
		status, err := os.ReadFile("/proc/" + strconv.Itoa(process) + "/stat")
		return err == nil && strings.Contains(string(status), ") Z ")
	})
}
