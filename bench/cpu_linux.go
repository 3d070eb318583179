package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// ticksPerSecond is the kernel's unit in /proc/PID/stat.
const ticksPerSecond = 100

// cpuOf is what processes have used, in seconds; those that are gone count nothing.
func cpuOf(pids ...int) (seconds float64) {
	for _, pid := range pids {
		content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		// pid (name) state …; user and system time are the 12th and 13th behind the name.
		fields := bytes.Fields(content[bytes.LastIndexByte(content, ')')+1:])
		if len(fields) < 13 {
			continue
		}
		for _, field := range fields[11:13] {
			ticks, err := strconv.ParseInt(string(field), 10, 64)
			if err == nil {
				seconds += float64(ticks) / ticksPerSecond
			}
		}
	}
	return seconds
}
