package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/host/wasm"
)

func newModule() *cobra.Command {
	module := &cobra.Command{
		Use:   "module",
		Short: "Look at operator modules",
		Args:  noCommand,
		RunE:  func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	module.AddCommand(&cobra.Command{
		Use:   "inspect FILE",
		Short: "Tell what a module is: digest, operators, state, imports, exports, limits",
		Long: `Tell what a module is: digest, operators with their inputs, outputs, states and
timers, imports, exports, and the limits it would run within. The module is
checked as "turgo run" checks it, but no operator is opened.`,
		Args: exactly("FILE"),
		RunE: func(command *cobra.Command, arguments []string) error {
			info, err := inspectModule(command.Context(), arguments[0])
			if err != nil {
				return err
			}
			if wantsJSON(command) {
				return writeJSON(command.OutOrStdout(), info)
			}
			return info.write(command.OutOrStdout())
		},
	})
	return module
}

// moduleInfo is what inspect tells.
type moduleInfo struct {
	File        string           `json:"file"`
	Bytes       int64            `json:"bytes"`
	Digest      string           `json:"digest"` // SHA-256
	Description *abi.Description `json:"description"`
	wasm.Interface
	Limits limitsInfo `json:"limits"`
}

type limitsInfo struct {
	MemoryBytes     int64 `json:"memory_bytes"`
	CallMS          int64 `json:"time_per_call_ms"`
	OutputBytes     int64 `json:"output_bytes_per_call"`
	OutputRecords   int64 `json:"output_records_per_call"`
	StateBytes      int64 `json:"state_bytes_per_call"`
	StateWrites     int64 `json:"state_writes_per_call"`
	CallDepthBytes  int64 `json:"call_depth_bytes"`
	TableElements   int64 `json:"table_elements"`
	ModuleBytes     int64 `json:"module_bytes"`
	LogLinesPerSec  int   `json:"log_lines_per_second"`
	LogBytesPerSec  int   `json:"log_bytes_per_second"`
	LogLineMaxBytes int   `json:"log_line_bytes"`
}

func inspectModule(ctx context.Context, path string) (*moduleInfo, error) {
	data, err := readModule(path)
	if err != nil {
		return nil, err
	}
	return inspect(ctx, path, data)
}

// inspect checks a module of that name.
func inspect(ctx context.Context, path string, data []byte) (*moduleInfo, error) {
	engine, err := wasm.NewEngine(wasm.Config{CacheDir: compileCacheDir()})
	if err != nil {
		return nil, err
	}
	defer engine.Close()
	module, err := engine.Load(ctx, path, data)
	if err != nil {
		return nil, err
	}
	defer module.Close()
	info := &moduleInfo{File: path, Bytes: int64(len(data)), Digest: module.Digest(), Description: module.Description(), Limits: limits()}
	info.Interface, err = wasm.Inspect(path, data)
	return info, err
}

func limits() limitsInfo {
	l := wasm.LimitsDefault()
	return limitsInfo{
		MemoryBytes: int64(l.MemoryPages) << 16, CallMS: l.CallDuration.Milliseconds(),
		OutputBytes: l.OutputBytes, OutputRecords: l.OutputRecords, StateBytes: l.StateBytes, StateWrites: l.StateWrites,
		CallDepthBytes: l.DepthBytes, TableElements: int64(l.TableElements), ModuleBytes: wasm.ModuleBytesMax,
		LogLinesPerSec: l.LogLinesPerSecond, LogBytesPerSec: l.LogBytesPerSecond, LogLineMaxBytes: l.LogLineBytes,
	}
}

// readModule reads a module's file, up to the largest size that one may have.
func readModule(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, badInput(fmt.Errorf("cannot read the module: %w", err))
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, wasm.ModuleBytesMax+1))
	if err != nil {
		return nil, badInput(fmt.Errorf("cannot read the module: %w", err))
	}
	return data, nil
}

func (m *moduleInfo) write(w io.Writer) error {
	var b strings.Builder
	d := m.Description
	fmt.Fprintf(&b, "module   %s\nsize     %s\ndigest   sha256:%s\nabi      %s\n", m.File, sizeText(m.Bytes), m.Digest, d.ABI)
	if d.SDK != "" || d.Language != "" {
		fmt.Fprintf(&b, "built    %s\n", strings.Trim(d.Language+", SDK "+d.SDK, ", "))
	}
	if len(d.Requires) > 0 {
		fmt.Fprintf(&b, "requires %s\n", strings.Join(d.Requires, ", "))
	}
	for i := range d.Operators {
		writeOperator(&b, &d.Operators[i])
	}
	fmt.Fprintf(&b, "\nimports\n")
	for _, item := range m.Imports {
		fmt.Fprintf(&b, "  %s.%s %s\n", item.Module, item.Name, item.Type)
	}
	fmt.Fprintf(&b, "exports\n")
	for _, item := range m.Exports {
		fmt.Fprintf(&b, "  %s %s%s\n", item.Name, item.Type, strings.TrimPrefix(item.Kind, "function"))
	}
	l := &m.Limits
	fmt.Fprintf(&b, "limits, where the job gives no others\n")
	fmt.Fprintf(&b, "  memory %s, call depth %s, table %d elements\n", limitText(l.MemoryBytes), limitText(l.CallDepthBytes), l.TableElements)
	fmt.Fprintf(&b, "  each call: %d ms, %s in %d records of output, %s in %d writes of state\n", l.CallMS, limitText(l.OutputBytes), l.OutputRecords, limitText(l.StateBytes), l.StateWrites)
	_, err := io.WriteString(w, b.String())
	return err
}

func writeOperator(b *strings.Builder, o *abi.OperatorDescription) {
	fmt.Fprintf(b, "\noperator %s\n", o.Name)
	for _, input := range o.Inputs {
		fmt.Fprintf(b, "  input  %s", input.Name)
		if len(input.Changes) > 0 {
			fmt.Fprintf(b, " (%s)", strings.Join(input.Changes, ", "))
		}
		b.WriteByte('\n')
	}
	for _, output := range o.Outputs {
		fmt.Fprintf(b, "  output %s\n", output.Name)
	}
	for _, state := range o.States {
		fmt.Fprintf(b, "  state  %s: %s, schema version %d", state.Name, state.Kind, state.SchemaVersion)
		if state.TimeToLiveMS > 0 {
			fmt.Fprintf(b, ", kept %d ms", state.TimeToLiveMS)
		}
		b.WriteByte('\n')
	}
	for _, timer := range o.Timers {
		fmt.Fprintf(b, "  timer  %s: %s time\n", timer.Name, timer.Domain)
	}
	for _, metric := range o.Metrics {
		fmt.Fprintf(b, "  metric %s: %s\n", metric.Name, metric.Kind)
	}
	if o.AssignsTimestamps {
		fmt.Fprintf(b, "  assigns timestamps\n")
	}
	if len(o.ConfigSchema) > 0 {
		fmt.Fprintf(b, "  config %s\n", o.ConfigSchema)
	}
}
