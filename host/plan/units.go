package plan

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// sizeUnits are the units of sizes, the longest names first.
var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
	{"B", 1},
}

// ParseSize reads a size with its unit, as in 64KiB, 1.5 GiB or 100 MB.
func ParseSize(s string) (int64, error) {
	text := strings.TrimSpace(s)
	for _, unit := range sizeUnits {
		number, found := strings.CutSuffix(text, unit.name)
		if !found {
			continue
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(value >= 0) || strings.ContainsAny(number, "xXpPnNiI_") {
			return 0, fmt.Errorf("bad size %q: write a number and a unit, as in 256MiB", s)
		}
		bytes := math.Round(value * float64(unit.bytes))
		if bytes >= math.MaxInt64 {
			return 0, fmt.Errorf("size %q is too large", s)
		}
		return int64(bytes), nil
	}
	return 0, fmt.Errorf("bad size %q: it needs a unit (B, KiB, MiB, GiB, kB, MB, GB), as in 256MiB", s)
}

// FormatSize writes a size in the largest binary unit that keeps it whole.
func FormatSize(bytes int64) string {
	for _, unit := range []struct {
		name  string
		bytes int64
	}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if bytes != 0 && bytes%unit.bytes == 0 {
			return strconv.FormatInt(bytes/unit.bytes, 10) + unit.name
		}
	}
	return strconv.FormatInt(bytes, 10) + "B"
}

// ParseDuration reads a duration with its unit, as in 500ms, 10s or 1h30m.
func ParseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(strings.TrimSpace(s))
	if err != nil {
		return 0, fmt.Errorf("bad duration %q: write a number and a unit (ms, s, m, h), as in 10s", s)
	}
	return d, nil
}
