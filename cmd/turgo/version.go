package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/turgo-stream/turgo/abi"
)

// version is what `make build` sets; other builds tell what Go recorded.
var version string

type versionInfo struct {
	Version  string `json:"version"`
	ABI      string `json:"abi"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  exactly(),
		RunE: func(command *cobra.Command, _ []string) error {
			info := versionInfo{Version: buildVersion(), ABI: abi.ModuleName, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
			if wantsJSON(command) {
				return writeJSON(command.OutOrStdout(), info)
			}
			_, err := fmt.Fprintf(command.OutOrStdout(), "turgo %s, guest ABI %s, %s, %s\n", info.Version, info.ABI, info.Go, info.Platform)
			return err
		},
	}
}

func buildVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
}
