package wasm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"
)

// A module may be made so that compiling it takes all memory of a machine, or
// breaks the compiler. So a process of its own compiles it, within limits that
// the system holds, and hands the result over by the compile cache.

// Variables that ask a process to be a compiler.
const (
	compilerDirectory = "TURGO_COMPILER_DIRECTORY"
	compilerBytes     = "TURGO_COMPILER_BYTES"
	compilerSeconds   = "TURGO_COMPILER_SECONDS"
)

// compilerRefuses is the exit code of a compiler whose module is not valid.
const compilerRefuses = 3

// compilerTextMax bounds what is read of what a compiler says.
const compilerTextMax = 4 << 10

// servesCompiler tells that this program can be started as a compiler.
var servesCompiler atomic.Bool

// CompileIfAsked makes this process a compiler of modules where an engine of
// the same program has started it as one. A program calls it first thing: from
// then on its engines compile in processes of their own. Others compile within
// themselves, where only the bounds of a module's shape hold.
func CompileIfAsked() {
	if os.Getenv(compilerDirectory) == "" {
		servesCompiler.Store(true)
		return
	}
	if err := serveCompiler(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(compilerRefuses)
	}
	os.Exit(0)
}

// serveCompiler compiles the module that it reads into the compile cache.
func serveCompiler(in io.Reader) error {
	bytesMax, err := strconv.ParseInt(os.Getenv(compilerBytes), 10, 64)
	if err != nil {
		return err
	}
	seconds, err := strconv.ParseInt(os.Getenv(compilerSeconds), 10, 64)
	if err != nil {
		return err
	}
	debug.SetMemoryLimit(bytesMax / 4 * 3)
	if err := limitProcess(bytesMax, seconds); err != nil {
		return err
	}
	data, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	cache, err := wazero.NewCompilationCacheWithDir(os.Getenv(compilerDirectory))
	if err != nil {
		return err
	}
	ctx := experimental.WithCompilationWorkers(context.Background(), compilationWorkers())
	_, err = wazero.NewRuntimeWithConfig(ctx, runtimeConfig().WithCompilationCache(cache)).CompileModule(ctx, data)
	return err
}

// compilationWorkers is how many functions are compiled at once. With one
// worker the compiler would not look at the context.
func compilationWorkers() int { return max(2, runtime.GOMAXPROCS(0)) }

// compileApart has another process compile a module into the cache, unless one
// has done so before. An error is the module's fault unless it is a *hostFault.
func (e *Engine) compileApart(ctx context.Context, data []byte) error {
	sum := sha256.Sum256(data)
	done := filepath.Join(e.cacheDir, "compiled-"+hex.EncodeToString(sum[:]))
	if _, err := os.Stat(done); err == nil {
		return nil
	}
	program, err := os.Executable()
	if err != nil {
		return &hostFault{err}
	}
	limit := e.limits.CompileDuration
	compileContext, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	command := exec.CommandContext(compileContext, program)
	command.Stdin = bytes.NewReader(data)
	text := &boundedText{}
	command.Stderr = text
	command.Env = []string{compilerDirectory + "=" + e.cacheDir, "GOTRACEBACK=none",
		compilerBytes + "=" + strconv.FormatInt(e.limits.CompileBytes, 10),
		// Of all processors together, should this process not be there to end it.
		compilerSeconds + "=" + strconv.Itoa(1+int(limit/time.Second)*compilationWorkers())}
	command.WaitDelay = time.Second
	err = command.Run()
	if command.ProcessState != nil {
		e.compilerPeak.Store(peakBytes(command.ProcessState))
	}
	switch exit := (*exec.ExitError)(nil); {
	case err == nil:
		if err := os.WriteFile(done, []byte("1\n"), 0o600); err != nil {
			return &hostFault{fmt.Errorf("compile cache: %w", err)}
		}
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case compileContext.Err() != nil:
		return fmt.Errorf("%w %s", errCompileTime, limit)
	case !errors.As(err, &exit):
		return &hostFault{fmt.Errorf("starting the compiler: %w", err)}
	case exit.ExitCode() == compilerRefuses:
		return fmt.Errorf("module is not valid: %s", text)
	case strings.Contains(text.String(), "out of memory") || strings.Contains(text.String(), "cannot allocate memory"):
		return fmt.Errorf("compiling takes more than %d bytes of memory", e.limits.CompileBytes)
	}
	return fmt.Errorf("the compiler failed on the module: %v: %s", err, text)
}

// boundedText keeps the start of what is written to it.
type boundedText struct{ kept []byte }

// Write implements io.Writer.
func (b *boundedText) Write(p []byte) (int, error) {
	b.kept = append(b.kept, p[:min(len(p), compilerTextMax-len(b.kept))]...)
	return len(p), nil
}

func (b *boundedText) String() string {
	return strings.ToValidUTF8(strings.TrimSpace(string(b.kept)), "\uFFFD")
}
