package toolchain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const rustTarget = "wasm32-unknown-unknown"

// rustOldest is the oldest Rust that the SDK is written for: Debian 12 has it.
var rustOldest = version{1, 63}

var rustAdvice = []Advice{
	{"rustup", "rustup target add " + rustTarget + " (https://rustup.rs gets rustup)"},
	{"Debian", "apt-get install cargo rustc libstd-rust-dev-wasm32 lld"},
	{"macOS", "brew install rustup && rustup default stable && rustup target add " + rustTarget},
}

// rustPair is a cargo and the rustc that it calls.
type rustPair struct {
	cargo, rustc string
	linker       string // empty = rustc brings its own
}

// systemRust is the pair of Debian and others, which a rustup may hide.
var systemRust = rustPair{cargo: "/usr/bin/cargo", rustc: "/usr/bin/rustc"}

// findRust finds a pair that has the target: the user's own first, then that of
// the system, since a rustup without the target may hide it.
func (p *project) findRust(ctx context.Context) (*rustPair, error) {
	cargo, haveCargo := lookUp("cargo")
	rustc, haveRustc := lookUp("rustc")
	var reasons []string
	for _, pair := range []rustPair{{cargo: cargo, rustc: rustc}, systemRust} {
		if !isFile(pair.cargo) || !isFile(pair.rustc) {
			continue
		}
		reason, err := p.checkRust(ctx, &pair)
		if err != nil {
			return nil, err
		}
		if reason == "" {
			return &pair, nil
		}
		if !slices.Contains(reasons, reason) {
			reasons = append(reasons, reason)
		}
	}
	missing := &MissingError{Language: Rust, Tool: "cargo and rustc with the target " + rustTarget, Advice: rustAdvice, Reason: strings.Join(reasons, ", ")}
	if haveCargo != haveRustc {
		missing.Reason = "only one of the two is on the PATH"
	}
	return nil, missing
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

var rustReleasePattern = regexp.MustCompile(`(?m)^release: (\S+)`)

// checkRust tells why a pair does not serve, and finds its linker where it does.
func (p *project) checkRust(ctx context.Context, pair *rustPair) (reason string, err error) {
	about, err := p.ask(ctx, pair.rustc, "-vV")
	if err != nil {
		return fmt.Sprintf("%s does not run", pair.rustc), ctx.Err()
	}
	if release := rustReleasePattern.FindStringSubmatch(about); release != nil {
		if v, known := parseVersion(release[1]); known && v.before(rustOldest) {
			return fmt.Sprintf("%s is %s, older than %s", pair.rustc, release[1], rustOldest), nil
		}
	}
	sysroot, err := p.ask(ctx, pair.rustc, "--print", "sysroot")
	if err != nil {
		return fmt.Sprintf("%s does not run", pair.rustc), ctx.Err()
	}
	if _, err := os.Stat(filepath.Join(sysroot, "lib", "rustlib", rustTarget, "lib")); err != nil {
		return fmt.Sprintf("%s has no target %s", pair.rustc, rustTarget), nil
	}
	own, err := filepath.Glob(filepath.Join(sysroot, "lib", "rustlib", "*", "bin", "rust-lld"))
	if err == nil && len(own) > 0 {
		return "", nil
	}
	major, _ := llvmMajor(about)
	pair.linker, err = p.findLinker(ctx, major, []Advice{
		{"Debian", fmt.Sprintf("apt-get install lld-%d", major)},
		{"macOS", "brew install lld"},
		{"rustup", "has a linker of its own: https://rustup.rs"},
	})
	return "", err
}

func buildRust(ctx context.Context, p *project, out string) error {
	pair, err := p.findRust(ctx)
	if err != nil {
		return err
	}
	// Paths of this machine stay out of the module.
	flags := []string{"-Cstrip=symbols", "--remap-path-prefix=" + p.folder + "=."}
	if home := cargoHome(); home != "" {
		flags = append(flags, "--remap-path-prefix="+home+"=cargo")
	}
	arguments := []string{"build", "--release", "--target", rustTarget, "--message-format=json-render-diagnostics"}
	environment := []string{"RUSTC=" + pair.rustc}
	if pair.linker != "" {
		environment = append(environment, "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER="+pair.linker)
	}
	if own := os.Getenv("RUSTFLAGS"); own != "" {
		// Those of the user would otherwise replace ours.
		flags = append(strings.Fields(own), flags...)
		environment = append(environment, "CARGO_ENCODED_RUSTFLAGS="+strings.Join(flags, "\x1f"))
	} else {
		list, err := json.Marshal(flags)
		if err != nil {
			return fmt.Errorf("toolchain: rust: %w", err)
		}
		arguments = append(arguments, "--config", "target."+rustTarget+".rustflags="+string(list))
	}
	answer, err := p.run(ctx, command{path: pair.cargo, arguments: arguments, environment: environment, answers: true})
	if err != nil {
		return err
	}
	module, err := p.cargoModule(answer)
	if err != nil {
		return err
	}
	return copyFile(module, out)
}

// cargoHome is where cargo keeps the sources of dependencies.
func cargoHome() string {
	if home := os.Getenv("CARGO_HOME"); home != "" {
		return home
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".cargo")
}

// cargoModule finds the module of the project's own package in cargo's messages,
// one object of JSON a line.
func (p *project) cargoModule(messages []byte) (string, error) {
	var modules []string
	decoder := json.NewDecoder(bytes.NewReader(messages))
	for {
		var message struct {
			Reason       string   `json:"reason"`
			ManifestPath string   `json:"manifest_path"`
			Filenames    []string `json:"filenames"`
		}
		err := decoder.Decode(&message)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", fmt.Errorf("toolchain: rust: cargo's messages: %w", err)
		}
		if message.Reason != "compiler-artifact" || filepath.Dir(message.ManifestPath) != p.folder {
			continue
		}
		for _, name := range message.Filenames {
			if filepath.Ext(name) == ".wasm" {
				modules = append(modules, name)
			}
		}
	}
	if len(modules) != 1 {
		return "", fmt.Errorf("toolchain: rust: %s makes %d modules, want 1: Cargo.toml needs [lib] with crate-type = [\"cdylib\"] and no other Wasm target",
			filepath.Join(p.folder, "Cargo.toml"), len(modules))
	}
	return modules[0], nil
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o644)
	}
	if err != nil {
		return fmt.Errorf("toolchain: %w", err)
	}
	return nil
}
