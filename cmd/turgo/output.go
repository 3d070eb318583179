package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/turgo-stream/turgo/host/plan"
)

// writeJSON writes one value, indented.
func writeJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// sizeText writes a size for people: three digits and a binary unit.
func sizeText(bytes int64) string {
	if bytes < 1<<10 {
		return fmt.Sprintf("%d B", bytes)
	}
	value, units := float64(bytes), []string{"KiB", "MiB", "GiB", "TiB"}
	unit := ""
	for _, unit = range units {
		value /= 1 << 10
		if value < 1000 {
			break
		}
	}
	return fmt.Sprintf("%.3g %s", value, unit)
}

// countText writes a count for people: three digits and k, M or G.
func countText(n float64) string {
	for _, unit := range []struct {
		name string
		size float64
	}{{"G", 1e9}, {"M", 1e6}, {"k", 1e3}} {
		if n >= unit.size*9.995 || (unit.size > 1e3 && n >= unit.size) {
			return fmt.Sprintf("%.3g%s", n/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%.0f", n)
}

// limitText writes a limit in its job file form.
func limitText(bytes int64) string { return plan.FormatSize(bytes) }

// millisText writes a time that is given in milliseconds since the Unix epoch.
func millisText(ms int64) string {
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
}
