package native

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/turgo-stream/turgo/connectors"
)

// ManifestName is the file that makes a folder below the plugin folder a
// connector: PLUGINS/NAME/connector.json.
const ManifestName = "connector.json"

const manifestBytesMax = 64 << 10

// Manifest describes a connector that is an executable of its own.
type Manifest struct {
	// Name is the connector's name, and that of its folder.
	Name    string `json:"name"`
	Version string `json:"version"`
	// Executable is the program's path, relative to the manifest.
	Executable string   `json:"executable"`
	Arguments  []string `json:"arguments,omitempty"`
	// SHA256 is the program's checksum, in hex.
	SHA256 string `json:"sha256"`
	// Environment names the variables of the host that the process gets.
	Environment []string `json:"environment,omitempty"`
	Source      bool     `json:"source"`
	Sink        bool     `json:"sink"`

	path string
}

// readManifest reads the manifest of a connector; found is false where the
// plugin folder has none of that name.
func readManifest(folder, name string) (m Manifest, found bool, err error) {
	if folder == "" || name == "" || name != filepath.Base(name) || strings.HasPrefix(name, ".") {
		return m, false, nil
	}
	path := filepath.Join(folder, name, ManifestName)
	m, found, err = ParseManifest(path)
	if err != nil || !found {
		return m, false, err
	}
	return m, true, m.validate(name)
}

// ParseManifest reads a manifest that may be incomplete still; found is false
// where there is no such file.
func ParseManifest(path string) (m Manifest, found bool, err error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return m, false, nil
	}
	if err != nil {
		return m, false, fmt.Errorf("native: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, manifestBytesMax+1))
	if err != nil {
		return m, false, fmt.Errorf("native: %w", err)
	}
	if len(text) > manifestBytesMax {
		return m, false, fmt.Errorf("native: %s has more than %d bytes", path, manifestBytesMax)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&m); err != nil {
		return m, false, fmt.Errorf("native: %s: %w", path, err)
	}
	m.path = path
	return m, true, nil
}

func (m *Manifest) validate(name string) error {
	sum, err := hex.DecodeString(m.SHA256)
	switch {
	case m.Name != name:
		return fmt.Errorf("native: %s: name: %q is not the name of its folder, %q", m.path, m.Name, name)
	case m.Executable == "":
		return fmt.Errorf("native: %s: executable: is missing", m.path)
	case err != nil || len(sum) != sha256.Size:
		return fmt.Errorf("native: %s: sha256: %q is not 64 hex digits", m.path, m.SHA256)
	case !m.Source && !m.Sink:
		return fmt.Errorf("native: %s: set source or sink to true, or both", m.path)
	}
	return nil
}

// executable checks the program against its checksum and tells how to run it.
func (m *Manifest) executable() (executable, error) {
	path := m.Executable
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(m.path), path)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return executable{}, fmt.Errorf("native: %w", err)
	}
	got, err := Checksum(path)
	if err != nil {
		return executable{}, fmt.Errorf("native: %s: executable: %w", m.path, err)
	}
	if got != strings.ToLower(m.SHA256) {
		return executable{}, &ChecksumError{Executable: path, Got: got, Wanted: strings.ToLower(m.SHA256), ManifestPath: m.path}
	}
	return executable{path: path, arguments: m.Arguments, environment: inheritedEnvironment(m.Environment)}, nil
}

// manifestNames lists the connectors of a plugin folder, sorted.
func manifestNames(folder string) []string {
	if folder == "" {
		return nil
	}
	paths, err := filepath.Glob(filepath.Join(folder, "*", ManifestName))
	if err != nil {
		return nil
	}
	names := make([]string, len(paths))
	for i, path := range paths {
		names[i] = filepath.Base(filepath.Dir(path))
	}
	slices.Sort(names)
	return names
}

// everyProcessGets is the environment that no connector can do without.
var everyProcessGets = []string{"LANG", "TMPDIR", "TZ"}

// builtinEnvironment is what the process of a built-in connector gets: the
// secrets that job files name, too.
func builtinEnvironment() []string {
	environment := inheritedEnvironment(nil)
	for _, variable := range os.Environ() {
		if strings.HasPrefix(variable, connectors.SecretPrefix) {
			environment = append(environment, variable)
		}
	}
	return environment
}

// inheritedEnvironment gives the named variables, where the host has them.
func inheritedEnvironment(names []string) []string {
	var environment []string
	for _, name := range slices.Concat(everyProcessGets, names) {
		if value, found := os.LookupEnv(name); found {
			environment = append(environment, name+"="+value)
		}
	}
	return environment
}
