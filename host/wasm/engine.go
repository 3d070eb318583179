// Package wasm runs operators that are WebAssembly modules: it loads and
// checks untrusted modules, calls them within limits, and makes each call a
// transaction over state, timers and output.
package wasm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/host/wasm/internal/instrument"
)

// Config sets up an Engine.
type Config struct {
	// CacheDir keeps compiled modules. It holds code that will be executed, so
	// nobody else may have access to it. Empty: nothing is kept.
	CacheDir string
	// Limits is the default of operators.
	Limits Limits
	// Ceilings is what an operator may ask for at most: a field of 0 takes the
	// default, see CeilingsDefault. They hold for loading a module too.
	Ceilings Limits
	// Now is the clock of the time limits; time.Now where nil.
	Now func() time.Time
	// Unmetered leaves fuel, depth and all checks out of the modules, to measure
	// what they cost. A guest that loops then stops the whole process.
	Unmetered bool
}

// Engine compiles modules. It may be used by many goroutines.
type Engine struct {
	limits   Limits // at most the ceilings
	ceilings Limits
	now      func() time.Time
	runtime  wazero.Runtime
	cache    wazero.CompilationCache // nil where there is none
	cacheDir string
	// temporary is the cache's folder where it lives as long as the engine.
	temporary string
	apart     bool // modules are compiled in processes of their own
	// compilerPeak is the most memory that the last of these had.
	compilerPeak atomic.Int64

	unmetered bool
}

// NewEngine starts an engine. Close it after all its operators.
func NewEngine(config Config) (*Engine, error) {
	ceilings := config.Ceilings.or(ceilingsDefault)
	if err := errors.Join(config.Ceilings.check(Limits{MemoryPages: memoryPagesMax}), config.Limits.check(ceilings)); err != nil {
		return nil, err
	}
	e := &Engine{ceilings: ceilings, limits: config.Limits.or(limitsDefault).atMost(ceilings), now: config.Now, unmetered: config.Unmetered}
	if e.now == nil {
		e.now = time.Now
	}
	if err := e.openCache(config.CacheDir); err != nil {
		return nil, err
	}
	withCache := runtimeConfig()
	if e.cache != nil {
		withCache = withCache.WithCompilationCache(e.cache)
	}
	ctx := context.Background()
	e.runtime = wazero.NewRuntimeWithConfig(ctx, withCache)
	if err := e.instantiateHost(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("wasm: host functions: %w", err), e.Close())
	}
	return e, nil
}

// runtimeConfig is that of all runtimes that share a compile cache.
func runtimeConfig() wazero.RuntimeConfig {
	return wazero.NewRuntimeConfigCompiler().WithCoreFeatures(api.CoreFeaturesV2).WithDebugInfoEnabled(false)
}

// openCache opens the compile cache. Where nothing is to be kept, a compiler
// apart needs one all the same, for as long as the engine lives.
func (e *Engine) openCache(dir string) error {
	e.apart = servesCompiler.Load()
	if dir == "" && e.apart {
		temporary, err := os.MkdirTemp("", "turgo-modules-")
		if err != nil {
			return fmt.Errorf("wasm: compile cache: %w", err)
		}
		dir, e.temporary = temporary, temporary
	}
	if dir == "" {
		return nil
	}
	if err := privateDir(dir); err != nil {
		return err
	}
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return fmt.Errorf("wasm: compile cache: %w", err)
	}
	e.cache, e.cacheDir = cache, dir
	return nil
}

// Close frees the engine and all that was made from it.
func (e *Engine) Close() error {
	err := e.runtime.Close(context.Background())
	if e.cache != nil {
		err = errors.Join(err, e.cache.Close(context.Background()))
	}
	if e.temporary != "" {
		err = errors.Join(err, os.RemoveAll(e.temporary))
	}
	return err
}

// Module is a loaded module: checked, compiled, described. It may be shared.
type Module struct {
	engine      *Engine
	name        string
	digest      string
	compiled    wazero.CompiledModule
	globals     []string
	opaque      bool
	memoryPages uint32 // at least, as the module says
	// tableElements is how many all tables have at their start.
	tableElements uint32
	description   abi.Description
	text          []byte // of the description, as the module gave it
}

// Description is what the module tells about itself.
func (m *Module) Description() *abi.Description { return &m.description }

// DescriptionText is the description as the module gave it.
func (m *Module) DescriptionText() []byte { return bytes.Clone(m.text) }

// Digest is the SHA-256 of the module's bytes, in hex.
func (m *Module) Digest() string { return m.digest }

// Load checks and compiles a module from untrusted bytes. The name is for
// messages. Errors that are the module's fault are *ModuleError.
func (e *Engine) Load(ctx context.Context, name string, data []byte) (*Module, error) {
	m, err := e.load(ctx, name, data)
	var guest *GuestError
	var fault *hostFault
	switch {
	case err == nil:
		return m, nil
	case errors.As(err, &fault), ctx.Err() != nil:
		return nil, fmt.Errorf("wasm: module %s: %w", name, err)
	case errors.As(err, &guest):
		failed := "turgo_describe"
		if started := (*startError)(nil); errors.As(err, &started) {
			failed = "starting the module (its data, its start function, _initialize)"
		}
		err = &partError{PartDescription, fmt.Errorf("%s failed: %s: %s", failed, guest.Kind, guest.Reason)}
	}
	part := PartFormat
	if told := (*partError)(nil); errors.As(err, &told) {
		part = told.part
	}
	return nil, &ModuleError{Module: name, Part: part, Err: err}
}

// startError marks an error of an instance that does not come up.
type startError struct{ error }

// Unwrap gives the error.
func (e *startError) Unwrap() error { return e.error }

// partError tells which part of a module is wrong, where it is not the format.
type partError struct {
	part Part
	error
}

// Unwrap gives the error.
func (e *partError) Unwrap() error { return e.error }

// hostFault marks an error for which no module is to blame.
type hostFault struct{ error }

// Unwrap gives the cause.
func (f *hostFault) Unwrap() error { return f.error }

func (e *Engine) load(ctx context.Context, name string, data []byte) (*Module, error) {
	if len(data) > ModuleBytesMax {
		return nil, fmt.Errorf("more than %d bytes", ModuleBytesMax)
	}
	parsed, err := instrument.Parse(data)
	if err != nil {
		if imported := (*instrument.ImportError)(nil); errors.As(err, &imported) {
			return nil, &partError{PartImports, err}
		}
		return nil, err
	}
	if err := checkInterface(parsed); err != nil {
		return nil, err
	}
	result, err := parsed.Instrument(instrument.Options{
		MemoryPages: e.ceilings.MemoryPages, TableElements: e.ceilings.TableElements, DepthBytes: e.limits.DepthBytes,
		Unmetered: e.unmetered,
	})
	if err != nil {
		return nil, err
	}
	compiled, err := e.compile(ctx, result.Bytes)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	m := &Module{engine: e, name: name, digest: hex.EncodeToString(sum[:]), compiled: compiled,
		globals: result.Globals, opaque: result.Opaque, memoryPages: parsed.MemoryPages(), tableElements: parsed.TableElements()}
	if err := m.describe(ctx, parsed); err != nil {
		if told := (*partError)(nil); !errors.As(err, &told) {
			err = &partError{PartDescription, err}
		}
		return nil, errors.Join(err, compiled.Close(ctx))
	}
	return m, nil
}

// Close frees the compiled code. No operator of the module may be open.
func (m *Module) Close() error { return m.compiled.Close(context.Background()) }
