package native

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/turgo-stream/turgo/connectors/wire"
)

// Describe starts a program that serves one connector, asks what it is, and lets
// it end. The manifest that it gives holds the answers, the program's path and
// its checksum. The program runs with nothing of this process's environment but
// what every connector gets, and the named variables.
func (l *Launcher) Describe(ctx context.Context, program string, environment []string) (Manifest, error) {
	sum, err := Checksum(program)
	if err != nil {
		return Manifest{}, fmt.Errorf("native: %w", err)
	}
	p, err := l.start(ctx, "", executable{path: program, environment: inheritedEnvironment(environment)})
	if err != nil {
		return Manifest{}, err
	}
	defer l.stop(p)
	answer, err := wire.Describe(ctx, p.connection, p.explain)
	if err != nil {
		return Manifest{}, err
	}
	name := answer.GetName()
	switch {
	case name == "" || name != filepath.Base(name):
		return Manifest{}, &StartError{Connector: name, Reason: fmt.Sprintf("it calls itself %q, which cannot name a folder", name)}
	case !answer.GetSource() && !answer.GetSink():
		return Manifest{}, &StartError{Connector: name, Reason: "it serves neither a source nor a sink"}
	}
	return Manifest{
		Name: name, Version: answer.GetVersion(), Executable: program, SHA256: sum, Source: answer.GetSource(), Sink: answer.GetSink(),
	}, nil
}

// Checksum is the SHA-256 of a file in hex, as manifests hold it.
func Checksum(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
