package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const buildLimit = 10 * time.Minute

const modulePath = "github.com/turgo-stream/turgo"

// Root is the folder of the repository that holds the working folder.
func Root() (string, error) {
	output, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", modulePath).Output()
	if err != nil {
		return "", fmt.Errorf("process: where is the repository: %w", withStderr(err))
	}
	return strings.TrimSpace(string(output)), nil
}

// BuildTurgo builds turgo into a folder and returns the program's path.
func BuildTurgo(ctx context.Context, folder string) (string, error) {
	path := filepath.Join(folder, "turgo")
	return path, build(ctx, nil, "-o", path, modulePath+"/cmd/turgo")
}

// BuildModule builds an operator's package, such as "faults/chaos/operator", into
// a Wasm module in a folder and returns its path.
func BuildModule(ctx context.Context, operator, folder, name string) (string, error) {
	path := filepath.Join(folder, name+".wasm")
	return path, build(ctx, []string{"GOOS=wasip1", "GOARCH=wasm"},
		"-buildmode=c-shared", "-ldflags=-s -w", "-o", path, modulePath+"/"+operator)
}

func build(ctx context.Context, environment []string, arguments ...string) error {
	ctx, cancel := context.WithTimeout(ctx, buildLimit)
	defer cancel()
	root, err := Root()
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, "go", append([]string{"build", "-buildvcs=false"}, arguments...)...)
	command.Dir = root
	command.Env = append(os.Environ(), environment...)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("process: go build %s: %w: %s", arguments[len(arguments)-1], err, output)
	}
	return nil
}

func withStderr(err error) error {
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		return fmt.Errorf("%w: %s", err, ended.Stderr)
	}
	return err
}
