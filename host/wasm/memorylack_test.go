package wasm

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/turgo-stream/turgo/abi/record"
)

// Where the machine has no memory left, the guest is not to blame, whatever it
// does about it: the call is undone, and fails as one of the host.
func TestAMachineWithoutMemoryBlamesNoGuest(t *testing.T) {
	operator := open(t, load(t, newEngine(t, Config{Limits: Limits{MemoryPages: 64}}), "eats-memory", assemble(t, "eats-memory")), OpenConfig{})
	// A shared mapping of a file that is open for reading only never becomes
	// writable, as memory that the system does not give.
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, make([]byte, 64*pageBytes), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	behind := operator.memory.reserved[32*pageBytes:]
	if _, err := unix.MmapPtr(int(file.Fd()), 0, unsafe.Pointer(&operator.memory.reserved[32*pageBytes]), uintptr(len(behind)), unix.PROT_NONE, unix.MAP_SHARED|unix.MAP_FIXED); err != nil {
		t.Fatal(err)
	}
	err = operator.Process(0, batchOf("a"), 0, 1, func(int, record.Batch) { t.Error("output") })
	var guest *GuestError
	if errors.As(err, &guest) || err == nil || !strings.Contains(err.Error(), "no memory for a guest") {
		t.Errorf("error %v; want one of the host", err)
	}
}
