package wasm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// privateDir makes sure that only the owner has access to a folder.
func privateDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("wasm: compile cache: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("wasm: compile cache: %w", err)
	}
	if mode := info.Mode() & fs.ModePerm; mode&0o077 != 0 {
		return fmt.Errorf("wasm: compile cache: %s has mode %04o, others could put code into it: run chmod 700 %s", dir, mode, dir)
	}
	return nil
}

// compile compiles a module, or takes it from the cache. Where the module is
// valid and only the cache is damaged, it empties the cache and compiles again.
func (e *Engine) compile(ctx context.Context, data []byte) (wazero.CompiledModule, error) {
	if e.apart {
		if err := e.compileApart(ctx, data); err != nil {
			return nil, err
		}
	}
	compiled, err := e.compileHere(ctx, data)
	if err == nil {
		return compiled, nil
	}
	if errors.Is(err, errCompileTime) || ctx.Err() != nil {
		return nil, err
	}
	if e.cache == nil || !e.apart && !isValid(ctx, data) {
		return nil, fmt.Errorf("module is not valid: %w", err)
	}
	if cleanError := emptyCache(e.cacheDir); cleanError != nil {
		return nil, &hostFault{fmt.Errorf("compile cache %s is damaged, delete it: %w", e.cacheDir, errors.Join(err, cleanError))}
	}
	if e.apart {
		if err := e.compileApart(ctx, data); err != nil {
			return nil, err
		}
	}
	compiled, err = e.compileHere(ctx, data)
	if err != nil {
		return nil, &hostFault{fmt.Errorf("compile cache %s is damaged, delete it: %w", e.cacheDir, err)}
	}
	return compiled, nil
}

var errCompileTime = errors.New("compiling takes longer than")

// compileHere compiles a module in this process.
func (e *Engine) compileHere(ctx context.Context, data []byte) (wazero.CompiledModule, error) {
	compileContext, cancel := context.WithTimeout(ctx, e.limits.CompileDuration)
	defer cancel()
	compileContext = experimental.WithCompilationWorkers(compileContext, compilationWorkers())
	compiled, err := e.runtime.CompileModule(compileContext, data)
	switch {
	case err == nil:
		return compiled, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case compileContext.Err() != nil:
		return nil, fmt.Errorf("%w %s", errCompileTime, e.limits.CompileDuration)
	}
	return nil, err
}

// isValid validates a module without the cache.
func isValid(ctx context.Context, data []byte) bool {
	plain := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(api.CoreFeaturesV2))
	_, err := plain.CompileModule(ctx, data)
	return errors.Join(err, plain.Close(ctx)) == nil
}

// emptyCache deletes the cache's files and keeps its folders.
func emptyCache(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil // another process was faster
	})
}
