package toolchain

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// The versions of LLVM whose clang and wasm-ld serve, newest first, as Debian
// names them: clang-19.
const (
	llvmNewest = 24
	llvmOldest = 14
)

// llvmFolders are where programs of LLVM stand that are not on the PATH.
var llvmFolders = []string{
	"/opt/homebrew/opt/llvm/bin", "/opt/homebrew/opt/lld/bin", "/usr/local/opt/llvm/bin", "/usr/local/opt/lld/bin",
}

var clangAdvice = []Advice{
	{"Debian", "apt-get install clang lld"},
	{"macOS", "brew install llvm lld (Apple's own clang makes no Wasm)"},
	{"anywhere", "https://releases.llvm.org"},
}

// llvmNames are the names that a program of LLVM may have.
func llvmNames(name string) []string {
	names := []string{name}
	for v := llvmNewest; v >= llvmOldest; v-- {
		names = append(names, fmt.Sprintf("%s-%d", name, v))
	}
	return names
}

// llvmPaths are the programs of that name that there are, on the PATH and in
// LLVM's own folders.
func llvmPaths(name string) []string {
	var paths []string
	for _, candidate := range llvmNames(name) {
		if path, found := lookUp(candidate); found {
			paths = append(paths, path)
		}
	}
	for _, folder := range llvmFolders {
		if path, found := lookUp(filepath.Join(folder, name)); found {
			paths = append(paths, path)
		}
	}
	return paths
}

var llvmMajorPattern = regexp.MustCompile(`(?:clang version|LLD|LLVM version:?) ([0-9]+)\.`)

// llvmMajor finds the major version in what a tool tells about itself.
func llvmMajor(text string) (major int, found bool) {
	numbers := llvmMajorPattern.FindStringSubmatch(text)
	if numbers == nil {
		return 0, false
	}
	major, err := strconv.Atoi(numbers[1])
	return major, err == nil
}

// findClang finds a clang that makes Wasm, and the major version of its LLVM.
func (p *project) findClang(ctx context.Context) (path string, major int, err error) {
	var reasons []string
	for _, path := range llvmPaths("clang") {
		text, err := p.ask(ctx, path, "--version")
		if err != nil {
			reasons = append(reasons, fmt.Sprintf("%s does not run (%v)", path, err))
			continue
		}
		major, known := llvmMajor(text)
		if !known || major < llvmOldest {
			reasons = append(reasons, fmt.Sprintf("%s is older than %d", path, llvmOldest))
			continue
		}
		if targets, err := p.ask(ctx, path, "--print-targets"); err != nil || !strings.Contains(targets, "wasm32") {
			reasons = append(reasons, path+" has no target wasm32")
			continue
		}
		return path, major, nil
	}
	if ctx.Err() != nil {
		return "", 0, ctx.Err()
	}
	return "", 0, &MissingError{
		Language: p.language, Tool: fmt.Sprintf("clang %d or later, with the target wasm32", llvmOldest),
		Reason: strings.Join(reasons, ", "), Advice: clangAdvice,
	}
}

// findLinker finds a wasm-ld, best of the same major version as the compiler's
// LLVM: an older one cannot always read what a newer compiler wrote, nor the
// other way round.
func (p *project) findLinker(ctx context.Context, major int, advice []Advice) (string, error) {
	best, bestDistance := "", 0
	for _, path := range llvmPaths("wasm-ld") {
		text, err := p.ask(ctx, path, "--version")
		if err != nil {
			continue
		}
		found, known := llvmMajor(text)
		if !known {
			continue
		}
		if distance := max(found-major, major-found); best == "" || distance < bestDistance {
			best, bestDistance = path, distance
		}
	}
	if best == "" {
		return "", &MissingError{Language: p.language, Tool: "wasm-ld, LLVM's linker of Wasm", Advice: advice}
	}
	return best, nil
}

// cFlags make a freestanding module. Without bulk memory the compiler calls
// memcpy, which a freestanding module does not have.
var cFlags = []string{
	"--target=wasm32", "-std=c11", "-O2", "-Wall", "-nostdlib", "-mbulk-memory", "-Wl,--no-entry", "-Wl,--strip-all",
}

func buildC(ctx context.Context, p *project, out string) error {
	files, err := sources(p.folder, ".c")
	if err != nil {
		return err
	}
	path, major, err := p.findClang(ctx)
	if err != nil {
		return err
	}
	linker, err := p.findLinker(ctx, major, clangAdvice)
	if err != nil {
		return err
	}
	arguments := append([]string{}, cFlags...)
	arguments = append(arguments, "-fuse-ld="+linker, "-ffile-prefix-map="+p.folder+"=.", "-o", out)
	_, err = p.run(ctx, command{path: path, arguments: append(arguments, files...)})
	return err
}
