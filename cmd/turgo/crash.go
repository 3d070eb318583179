package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/turgo-stream/turgo/host/job"
)

// crashVariable names the environment variable that makes `turgo run` kill
// itself with SIGKILL: POINT:COUNT, where the count-th time at this point is
// the last. Tests use it, and whoever wants to see a recovery.
const crashVariable = "TURGO_CRASH_AT"

// crashPoint gives the observer that the environment asks for; nil = none.
func crashPoint() (func(job.Point), error) {
	value := os.Getenv(crashVariable)
	if value == "" {
		return nil, nil
	}
	name, digits, _ := strings.Cut(value, ":")
	count, err := strconv.ParseInt(digits, 10, 32)
	if err != nil || count < 1 || !slices.Contains(job.Points, job.Point(name)) {
		return nil, badInput(fmt.Errorf("bad %s %q: it must be POINT:COUNT, with a point out of %q", crashVariable, value, job.Points))
	}
	var seen atomic.Int64
	return func(p job.Point) {
		if string(p) != name || seen.Add(1) != count {
			return
		}
		if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
			panic(err)
		}
		select {} // the signal ends the process before anything else happens
	}, nil
}
