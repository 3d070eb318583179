package toolchain

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// nodeOldest is the oldest Node that runs the compiler: Debian 12 has it.
var nodeOldest = version{18, 0}

var nodeAdvice = []Advice{
	{"Debian", "apt-get install nodejs npm"},
	{"macOS", "brew install node"},
	{"anywhere", "https://nodejs.org"},
}

// assemblyScriptCompiler is the compiler's program within node_modules.
var assemblyScriptCompiler = filepath.Join("node_modules", "assemblyscript", "bin", "asc.js")

// findNode finds a node that is new enough.
func (p *project) findNode(ctx context.Context) (string, error) {
	path, found := lookUp("node")
	if !found {
		return "", &MissingError{Language: AssemblyScript, Tool: "node", Advice: nodeAdvice}
	}
	answer, err := p.ask(ctx, path, "--version")
	if err != nil {
		return "", fmt.Errorf("toolchain: assemblyscript: %s --version: %w", path, err)
	}
	if v, known := parseVersion(answer); known && v.before(nodeOldest) {
		return "", &MissingError{
			Language: AssemblyScript, Tool: "Node " + nodeOldest.String() + " or later", Reason: path + " is " + answer, Advice: nodeAdvice,
		}
	}
	return path, nil
}

// installPackages fills the project's node_modules, unless the compiler is in
// them, or in those of a folder above: exactly as the lock file says, where there
// is one.
func (p *project) installPackages(ctx context.Context) (compiler string, err error) {
	// Two builds of a folder at once would install into each other's way.
	manifest, err := os.Open(filepath.Join(p.folder, "package.json"))
	if err != nil {
		return "", fmt.Errorf("toolchain: assemblyscript: the project has no package.json: %w", err)
	}
	defer manifest.Close()
	if err := p.lock(ctx, manifest); err != nil {
		return "", err
	}
	if compiler, found := p.compilerAbove(); found {
		return compiler, nil
	}
	npm, found := lookUp("npm")
	if !found {
		return "", &MissingError{Language: AssemblyScript, Tool: "npm", Advice: nodeAdvice}
	}
	how := "install"
	if _, err := os.Stat(filepath.Join(p.folder, "package-lock.json")); err == nil {
		how = "ci"
	}
	packages := filepath.Join(p.folder, "node_modules")
	_, missing := os.Lstat(packages)
	if _, err := p.run(ctx, command{path: npm, arguments: []string{how, "--no-audit", "--no-fund", "--prefer-offline"}}); err != nil {
		// Half an installation may hold a compiler that does not run, and the next
		// build would take it. What stood there before "ci" has removed already.
		if missing != nil || how == "ci" {
			err = errors.Join(err, os.RemoveAll(packages))
		}
		return "", err
	}
	compiler, found = p.compilerAbove()
	if !found {
		return "", fmt.Errorf("toolchain: assemblyscript: %s does not name assemblyscript among its dependencies: npm install --save-dev assemblyscript",
			filepath.Join(p.folder, "package.json"))
	}
	return compiler, nil
}

// lockPause is how long to wait before a lock is tried again.
const lockPause = 100 * time.Millisecond

// lock waits until no other build holds the file. Closing it ends the lock.
func (p *project) lock(ctx context.Context, file *os.File) error {
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return fmt.Errorf("toolchain: assemblyscript: cannot lock %s: %w", file.Name(), err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("toolchain: assemblyscript: stopped: %w", context.Cause(ctx))
		case <-time.After(lockPause):
		}
	}
}

// compilerAbove looks for the compiler as node does, from the project's folder
// upwards.
func (p *project) compilerAbove() (compiler string, found bool) {
	for folder := p.folder; ; folder = filepath.Dir(folder) {
		compiler := filepath.Join(folder, assemblyScriptCompiler)
		if info, err := os.Stat(compiler); err == nil && info.Mode().IsRegular() {
			return compiler, true
		}
		if folder == filepath.Dir(folder) {
			return "", false
		}
	}
}

// assemblyScriptFlags are for projects without an asconfig.json. A module may not
// import abort; the runtime without a collector of cycles is enough where memory is
// set back.
var assemblyScriptFlags = []string{"assembly/index.ts", "-O3", "--noAssert", "--runtime", "minimal", "--use", "abort="}

func buildAssemblyScript(ctx context.Context, p *project, out string) error {
	node, err := p.findNode(ctx)
	if err != nil {
		return err
	}
	compiler, err := p.installPackages(ctx)
	if err != nil {
		return err
	}
	arguments := []string{compiler}
	if _, err := os.Stat(filepath.Join(p.folder, "asconfig.json")); err == nil {
		arguments = append(arguments, "--target", "release")
	} else {
		arguments = append(arguments, assemblyScriptFlags...)
	}
	// The compiler takes paths that stand relative to its folder only.
	relative, err := filepath.Rel(p.folder, out)
	if err != nil {
		return fmt.Errorf("toolchain: assemblyscript: %w", err)
	}
	arguments = append(arguments, "--outFile", strings.ReplaceAll(relative, string(filepath.Separator), "/"))
	_, err = p.run(ctx, command{path: node, arguments: arguments})
	return err
}
