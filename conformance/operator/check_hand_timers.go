package operator

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/turgo-stream/turgo/abi"
)

// fireByKey ends time, and lists what timers emit by the key of the timer that it
// says it came from.
func (i *instance) fireByKey() (map[string][]string, error) {
	i.watermark = abi.WatermarkMax
	byKey := map[string][]string{}
	started := time.Now()
	fired := 0
	for more := true; more && fired < firedMax && time.Since(started) < firingTimeMax; {
		var n int
		var err error
		if n, more, err = i.fire(fireSlice); err != nil {
			return nil, i.subject.faultOf(err, false, "timers fired after records with different keys, at the watermark "+showTime(i.watermark))
		}
		fired += n
		for _, out := range i.emitted {
			key := i.state.fired[out.origin].key
			byKey[key] = append(byKey[key], fmt.Sprintf("output %d: %s", out.output, out.record))
		}
	}
	return byKey, nil
}

// movedFired tells how timers emitted records with the origins of others.
func movedFired(alone, together map[string][]string) string {
	var all, got []string
	of := map[string]string{} // the key whose timer makes it alone
	for key, lines := range alone {
		all = append(all, lines...)
		for _, line := range lines {
			of[line] = key
		}
	}
	for _, lines := range together {
		got = append(got, lines...)
	}
	if !slices.Equal(sorted(all), sorted(got)) {
		return ""
	}
	for _, key := range slices.Sorted(maps.Keys(together)) {
		for _, line := range together[key] {
			if !slices.Contains(alone[key], line) {
				return fmt.Sprintf("what the timer of key %s makes came out with that of key %s as its origin: %s", show([]byte(of[line])), show([]byte(key)), line)
			}
		}
	}
	return ""
}

// lacksEntry tells that of what a key has in state alone there is an entry of which
// it has none together with others.
func lacksEntry(alone, together string) bool {
	if alone == "" {
		return false
	}
	has := map[string]bool{}
	for _, line := range strings.Split(together, "; ") {
		name, _, _ := strings.Cut(line, " = ")
		has[name] = true
	}
	for _, line := range strings.Split(alone, "; ") {
		if name, _, entry := strings.Cut(line, " = "); entry && !has[name] {
			return true
		}
	}
	return false
}
