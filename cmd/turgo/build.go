package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/turgo-stream/turgo/host/native"
	"github.com/turgo-stream/turgo/scaffold"
	"github.com/turgo-stream/turgo/toolchain"
)

type buildFlags struct {
	language  string
	out       string
	updateSDK bool
}

func newBuild() *cobra.Command {
	var flags buildFlags
	command := &cobra.Command{
		Use:   "build [FOLDER]",
		Short: "Build an operator's module, or a connector",
		Long: `Build the project in FOLDER (default: the current one): an operator becomes one
Wasm module, NAME.wasm; a connector becomes a program, NAME, and its manifest,
connector.json. What is built is checked as "turgo run" checks it.

The language is found by the files in the folder. A tool that is missing is named,
with the ways to get it. The same source gives the same bytes.`,
		Args: func(command *cobra.Command, arguments []string) error {
			if len(arguments) > 1 {
				return badInput(fmt.Errorf("turgo build takes one folder, and got %d: see turgo build --help", len(arguments)))
			}
			return nil
		},
		RunE: func(command *cobra.Command, arguments []string) error {
			folder := "."
			if len(arguments) == 1 {
				folder = arguments[0]
			}
			return build(command, folder, flags)
		},
	}
	command.Flags().StringVar(&flags.language, "lang", "", "`language`, where the folder does not tell it")
	command.Flags().StringVar(&flags.out, "out", "", "`file` to write (default: NAME.wasm or NAME in the folder)")
	command.Flags().BoolVar(&flags.updateSDK, "update-sdk", false, "first replace the project's copy of the SDK by that of this turgo")
	return command
}

// untilInterrupted gives a context that ends with the first Ctrl-C or SIGTERM.
func untilInterrupted(command *cobra.Command) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(command.Context())
	received := make(chan os.Signal, 1)
	signal.Notify(received, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-received:
			cancel(errStopped)
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(received)
		cancel(nil)
	}
}

func build(command *cobra.Command, folder string, flags buildFlags) error {
	ctx, release := untilInterrupted(command)
	defer release()
	if info, err := os.Stat(folder); err != nil {
		return badInput(fmt.Errorf("cannot build %s: there is no such folder", folder))
	} else if !info.IsDir() {
		return badInput(fmt.Errorf("cannot build %s: it is no folder; name the one that holds it", folder))
	}
	if flags.updateSDK {
		if err := scaffold.UpdateSDK(ctx, folder); err != nil {
			return err
		}
		if err := toolchain.SettleModules(ctx, folder, command.ErrOrStderr()); err != nil {
			return err
		}
	}
	options := toolchain.Options{Folder: folder, Out: flags.out, Log: command.ErrOrStderr()}
	var info builtInfo
	var err error
	if flags.language == "" && toolchain.IsConnector(folder) {
		err = info.buildConnector(ctx, options)
	} else {
		options.Language = toolchain.Language(flags.language)
		err = info.buildOperator(ctx, options)
	}
	if err != nil {
		return err
	}
	if wantsJSON(command) {
		return writeJSON(command.OutOrStdout(), info)
	}
	return info.write(command.OutOrStdout())
}

// builtInfo is what build tells.
type builtInfo struct {
	Kind       string             `json:"kind"` // operator, connector
	Language   toolchain.Language `json:"language"`
	File       string             `json:"file"`
	Bytes      int64              `json:"bytes"`
	Digest     string             `json:"digest"` // SHA-256
	Operators  []string           `json:"operators,omitempty"`
	Connector  string             `json:"connector,omitempty"` // its name
	Manifest   string             `json:"manifest,omitempty"`
	DurationMS int64              `json:"duration_ms"`
	module     *moduleInfo
}

func (b *builtInfo) fill(kind string, result *toolchain.Result) {
	b.Kind, b.Language, b.File, b.Bytes = kind, result.Language, result.Module, result.Bytes
	b.DurationMS = result.Duration.Milliseconds()
}

func (b *builtInfo) buildOperator(ctx context.Context, options toolchain.Options) error {
	options.Check = func(ctx context.Context, built string) (err error) {
		data, err := readModule(built)
		if err == nil {
			b.module, err = inspect(ctx, filepath.Base(built), data)
		}
		return err
	}
	result, err := toolchain.Build(ctx, options)
	if err != nil {
		return err
	}
	b.fill("operator", result)
	b.Digest = b.module.Digest
	for i := range b.module.Description.Operators {
		b.Operators = append(b.Operators, b.module.Description.Operators[i].Name)
	}
	return nil
}

// buildConnector builds a connector's program, asks it what it is, and writes
// its manifest beside it. What the manifest said of arguments and environment
// stays.
func (b *builtInfo) buildConnector(ctx context.Context, options toolchain.Options) error {
	var manifest, written native.Manifest
	out := options.Out
	if out == "" {
		out = filepath.Join(options.Folder, "connector")
	}
	b.Manifest = filepath.Join(filepath.Dir(out), native.ManifestName)
	written, _, err := native.ParseManifest(b.Manifest)
	if err != nil {
		return badInput(err)
	}
	options.Check = func(ctx context.Context, built string) (err error) {
		launcher := &native.Launcher{Logger: slog.New(slog.NewTextHandler(options.Log, nil))}
		defer func() { err = errors.Join(err, launcher.Close()) }()
		manifest, err = launcher.Describe(ctx, built, written.Environment)
		return err
	}
	result, err := toolchain.BuildConnector(ctx, options)
	if err != nil {
		return err
	}
	if home := filepath.Base(filepath.Dir(result.Module)); home != manifest.Name {
		fmt.Fprintf(options.Log, "note: the connector calls itself %s and stands in a folder %s: hosts find it in a folder of its name only\n", manifest.Name, home)
	}
	manifest.Executable = filepath.Base(result.Module)
	manifest.Arguments, manifest.Environment = written.Arguments, written.Environment
	if err := replaceManifest(b.Manifest, &manifest); err != nil {
		return err
	}
	b.fill("connector", result)
	b.Digest, b.Connector = manifest.SHA256, manifest.Name
	return nil
}

// replaceManifest replaces a manifest as a whole: a host may read it meanwhile.
func replaceManifest(path string, manifest *native.Manifest) error {
	text, err := json.MarshalIndent(manifest, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	// A folder of its own: no link that stands there already leads elsewhere.
	scratch, err := os.MkdirTemp(filepath.Dir(path), ".turgo-build-")
	if err != nil {
		return fmt.Errorf("cannot write the manifest: %w", err)
	}
	defer os.RemoveAll(scratch)
	written := filepath.Join(scratch, native.ManifestName)
	if err := os.WriteFile(written, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("cannot write the manifest: %w", err)
	}
	if err := os.Rename(written, path); err != nil {
		return fmt.Errorf("cannot write the manifest: %w", err)
	}
	return nil
}

func (b *builtInfo) write(w io.Writer) error {
	var text strings.Builder
	if b.Kind == "connector" {
		fmt.Fprintf(&text, "program   %s\nmanifest  %s\n", shortPath(b.File), shortPath(b.Manifest))
	} else {
		fmt.Fprintf(&text, "module    %s\n", shortPath(b.File))
	}
	fmt.Fprintf(&text, "size      %s\ndigest    sha256:%s\n", sizeText(b.Bytes), b.Digest)
	if b.module != nil {
		for i := range b.module.Description.Operators {
			fmt.Fprintf(&text, "operator  %s\n", operatorText(b.module, i))
		}
	} else {
		fmt.Fprintf(&text, "connector %s: turgo run JOB --connectors %s\n", b.Connector, shortPath(filepath.Dir(filepath.Dir(b.File))))
	}
	fmt.Fprintf(&text, "time      %.1f s\n", float64(b.DurationMS)/1000)
	_, err := io.WriteString(w, text.String())
	return err
}

// operatorText tells an operator's name and what goes in and out.
func operatorText(m *moduleInfo, index int) string {
	o := &m.Description.Operators[index]
	var inputs, outputs []string
	for _, input := range o.Inputs {
		inputs = append(inputs, input.Name)
	}
	for _, output := range o.Outputs {
		outputs = append(outputs, output.Name)
	}
	text := fmt.Sprintf("%s: %s -> %s", o.Name, strings.Join(inputs, ", "), strings.Join(outputs, ", "))
	for _, part := range []struct {
		count int
		name  string
	}{{len(o.States), "state"}, {len(o.Aggregations), "aggregation"}, {len(o.Timers), "timer"}, {len(o.Metrics), "metric"}} {
		if part.count == 1 {
			text += "; 1 " + part.name
		} else if part.count > 1 {
			text += fmt.Sprintf("; %d %ss", part.count, part.name)
		}
	}
	return text
}

// shortPath is a path as one would type it from here.
func shortPath(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	relative, err := filepath.Rel(here, path)
	if err != nil || strings.HasPrefix(relative, filepath.Join("..", "..")) {
		return path
	}
	return relative
}
