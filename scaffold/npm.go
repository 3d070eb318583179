package scaffold

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/turgo-stream/turgo"
)

// The SDK in AssemblyScript, as an npm package.
const (
	npmFolder = "guest-sdk/assemblyscript"
	npmName   = "@turgo/operator"
)

// npmLock is a package-lock.json. Its packages stay as npm wrote them.
type npmLock struct {
	Name            string                    `json:"name"`
	Version         string                    `json:"version"`
	LockfileVersion int                       `json:"lockfileVersion"`
	Requires        bool                      `json:"requires"`
	Packages        map[string]map[string]any `json:"packages"`
}

// sdkLock is the lock file of the SDK itself.
func sdkLock() (*npmLock, error) {
	text, err := turgo.Sources.ReadFile(npmFolder + "/package-lock.json")
	if err != nil {
		return nil, err
	}
	lock := &npmLock{}
	return lock, json.Unmarshal(text, lock)
}

// compilerVersion is the version of the compiler that the SDK is tested with.
func compilerVersion() string {
	lock, err := sdkLock()
	if err != nil {
		panic(err) // it was compiled in
	}
	return lock.Packages["node_modules/assemblyscript"]["version"].(string)
}

// npmFiles are the files of a project that follow from the SDK's: the lock file,
// so that each install gives the packages that the SDK is tested with.
func npmFiles(name string) (map[string][]byte, error) {
	lock, err := sdkLock()
	if err != nil {
		return nil, fmt.Errorf("scaffold: the SDK's lock file: %w", err)
	}
	sdk := maps.Clone(lock.Packages[""])
	compiler := map[string]any{"assemblyscript": compilerVersion()}
	delete(sdk, "devDependencies")
	lock.Name, lock.Version = name, "0.1.0"
	lock.Packages[""] = map[string]any{
		"name": name, "version": lock.Version, "dependencies": map[string]any{npmName: "file:" + sdkFolder}, "devDependencies": compiler,
	}
	lock.Packages["node_modules/"+npmName] = map[string]any{"resolved": sdkFolder, "link": true}
	lock.Packages[sdkFolder] = sdk
	text, err := indented(lock)
	return map[string][]byte{"package-lock.json": text}, err
}

// withoutDevelopment takes away what only the SDK's own tests need: in a project
// nobody installs it.
func withoutDevelopment(files map[string][]byte) error {
	var manifest map[string]any
	if err := json.Unmarshal(files["package.json"], &manifest); err != nil {
		return fmt.Errorf("scaffold: the SDK's package.json: %w", err)
	}
	delete(manifest, "devDependencies")
	delete(manifest, "scripts")
	text, err := indented(manifest)
	files["package.json"] = text
	return err
}

// indented writes JSON as npm does.
func indented(value any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, fmt.Errorf("scaffold: %w", err)
	}
	return b.Bytes(), nil
}
