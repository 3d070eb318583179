package toolchain

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// goOldest is the oldest Go that makes modules of the reactor kind.
var goOldest = version{1, 24}

var goAdvice = []Advice{
	{"Debian", "apt-get install golang-go, where it is new enough (go version)"},
	{"macOS", "brew install go"},
	{"anywhere", "https://go.dev/dl"},
}

// goTool is a go command, and the flags that the user gives all builds.
type goTool struct{ path, flags string }

// findGo finds a go command that is new enough for the project.
func (p *project) findGo(ctx context.Context) (*goTool, error) {
	path, found := lookUp("go", "/usr/local/go/bin", "/opt/homebrew/bin")
	if !found {
		return nil, &MissingError{Language: Go, Tool: "go", Advice: goAdvice}
	}
	answer, err := p.ask(ctx, path, "env", "GOVERSION", "GOFLAGS")
	if err != nil {
		return nil, fmt.Errorf("toolchain: go: %s env: %w", path, err)
	}
	release, flags, _ := strings.Cut(answer, "\n")
	if v, known := parseVersion(release); known && v.before(goOldest) {
		return nil, &MissingError{
			Language: Go, Tool: "Go " + goOldest.String() + " or later", Reason: path + " is " + release, Advice: goAdvice,
		}
	}
	return &goTool{path, flags}, nil
}

// build compiles the project's package. Paths, the repository's state and build
// IDs stay out of what is built; flags of the user's come later, so they win.
func (g *goTool) build(ctx context.Context, p *project, out string, environment []string, flags ...string) error {
	arguments := append([]string{"build"}, flags...)
	_, err := p.run(ctx, command{
		path:        g.path,
		arguments:   append(arguments, "-ldflags=-s -w -buildid=", "-o", out, "."),
		environment: append(environment, "GOFLAGS="+strings.TrimSpace("-trimpath -buildvcs=false "+g.flags)),
	})
	return err
}

func buildGo(ctx context.Context, p *project, out string) error {
	tool, err := p.findGo(ctx)
	if err != nil {
		return err
	}
	return tool.build(ctx, p, out, []string{"GOOS=wasip1", "GOARCH=wasm"}, "-buildmode=c-shared")
}

// buildProgram builds a program for this machine, without a library of C unless
// the user wants one.
func buildProgram(ctx context.Context, p *project, out string) error {
	tool, err := p.findGo(ctx)
	if err != nil {
		return err
	}
	var environment []string
	if os.Getenv("CGO_ENABLED") == "" {
		environment = []string{"CGO_ENABLED=0"}
	}
	return tool.build(ctx, p, out, environment)
}

// SettleModules has a Go project's go.mod name what the packages that it imports
// need, where that has changed. In a folder without a go.mod it does nothing.
func SettleModules(ctx context.Context, folder string, log io.Writer) error {
	if _, err := os.Stat(filepath.Join(folder, "go.mod")); err != nil {
		return nil
	}
	p := &project{folder: folder, language: Go, log: log}
	tool, err := p.findGo(ctx)
	if err != nil {
		return err
	}
	_, err = p.run(ctx, command{path: tool.path, arguments: []string{"list", "-mod=mod", "-deps", "-test", "."}, answers: true})
	return err
}
