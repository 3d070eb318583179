package toolchain

import (
	"context"
	"fmt"
)

// goOldest is the oldest Go that makes modules of the reactor kind.
var goOldest = version{1, 24}

var goAdvice = []Advice{
	{"Debian", "apt-get install golang-go, where it is new enough (go version)"},
	{"macOS", "brew install go"},
	{"anywhere", "https://go.dev/dl"},
}

// findGo finds a go command that is new enough for the project.
func (p *project) findGo(ctx context.Context) (string, error) {
	path, found := lookUp("go", "/usr/local/go/bin", "/opt/homebrew/bin")
	if !found {
		return "", &MissingError{Language: Go, Tool: "go", Advice: goAdvice}
	}
	answer, err := p.ask(ctx, path, "env", "GOVERSION")
	if err != nil {
		return "", fmt.Errorf("toolchain: go: %s env GOVERSION: %w", path, err)
	}
	if v, known := parseVersion(answer); known && v.before(goOldest) {
		return "", &MissingError{
			Language: Go, Tool: "Go " + goOldest.String() + " or later", Reason: path + " is " + answer, Advice: goAdvice,
		}
	}
	return path, nil
}

// Paths, the repository's state and build IDs stay out of what is built.
var goFlags = []string{"-trimpath", "-buildvcs=false"}

const goLinkFlags = "-ldflags=-s -w -buildid="

func buildGo(ctx context.Context, p *project, out string) error {
	path, err := p.findGo(ctx)
	if err != nil {
		return err
	}
	_, err = p.run(ctx, command{
		path:        path,
		arguments:   append(append([]string{"build"}, goFlags...), "-buildmode=c-shared", goLinkFlags, "-o", out, "."),
		environment: []string{"GOOS=wasip1", "GOARCH=wasm"},
	})
	return err
}

// buildProgram builds a program for this machine.
func buildProgram(ctx context.Context, p *project, out string) error {
	path, err := p.findGo(ctx)
	if err != nil {
		return err
	}
	_, err = p.run(ctx, command{
		path:        path,
		arguments:   append(append([]string{"build"}, goFlags...), goLinkFlags, "-o", out, "."),
		environment: []string{"CGO_ENABLED=0"},
	})
	return err
}
