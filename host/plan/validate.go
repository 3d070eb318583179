package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/turgo-stream/turgo/abi"
)

// Bounds of a job.
const (
	maxParallelismMax = 32768 // key groups are 16-bit numbers
	stepsMax          = 1000
	inputsMax         = 64
	tasksMax          = 100_000
	configBytesMax    = 256 << 10
	retainedMax       = 1000
	intervalMin       = 10 * time.Millisecond
	cacheMin          = 1 << 20
)

// namePattern is what a job and a uid may be called: they stand in file names
// and in the ids of transactions.
var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

const nameRule = "use 1 to 64 of a-z, 0-9, _ and -, beginning with a letter or a digit"

// checkJob checks all that belongs to the job as a whole.
func (b *builder) checkJob() {
	j := b.job
	switch {
	case j.Name == "":
		b.add("name", "the job has no name: give \"name\"")
	case !namePattern.MatchString(j.Name):
		b.add("name", "bad name %q: %s", j.Name, nameRule)
	}
	if j.MaxParallelism < 1 || j.MaxParallelism > maxParallelismMax {
		b.add("max_parallelism", "max_parallelism is %d: it must be from 1 to %d", j.MaxParallelism, maxParallelismMax)
	} else {
		b.checkParallelism("parallelism", "", j.Parallelism)
	}
	b.checkCheckpoint(&j.Checkpoint)
	b.checkRestart(&j.Restart)
	b.checkDeadLetters(&j.DeadLetters)
	if j.State.Cache < cacheMin {
		b.add("state.cache", "cache is %s: it must be at least %s", FormatSize(j.State.Cache), FormatSize(cacheMin))
	}
}

func (b *builder) checkCheckpoint(c *Checkpoint) {
	if c.Interval < intervalMin {
		b.add("checkpoint.interval", "interval is %v: it must be at least %v", c.Interval, intervalMin)
	}
	b.atLeast("checkpoint.timeout", c.Timeout, intervalMin)
	b.atLeast("checkpoint.minimum_pause", c.MinimumPause, 0)
	if c.Retained < 1 || c.Retained > retainedMax {
		b.add("checkpoint.retained", "retained is %d: it must be from 1 to %d", c.Retained, retainedMax)
	}
	b.checkCount("checkpoint.tolerable_failures", c.TolerableFailures)
}

func (b *builder) checkRestart(r *Restart) {
	b.atLeast("restart.delay_initial", r.DelayInitial, time.Millisecond)
	if r.DelayMax < r.DelayInitial {
		b.add("restart.delay_max", "delay_max is %v: it must be at least delay_initial, %v", r.DelayMax, r.DelayInitial)
	}
	if !(r.Multiplier >= 1 && r.Multiplier <= 1000) {
		b.add("restart.multiplier", "multiplier is %v: it must be from 1 to 1000", r.Multiplier)
	}
	b.checkCount("restart.attempts_max", r.AttemptsMax)
	b.atLeast("restart.reset_after", r.ResetAfter, time.Millisecond)
}

func (b *builder) atLeast(path string, d, minimum time.Duration) {
	if d < minimum {
		b.add(path, "%s is %v: it must be at least %v", lastField(path), d, minimum)
	}
}

func (b *builder) checkCount(path string, n int) {
	if n < None {
		b.add(path, "%s is %d: it must be a count, none or unlimited", lastField(path), n)
	}
}

func (b *builder) checkParallelism(path, who string, parallelism int) {
	if parallelism < 1 {
		b.add(path, "%sparallelism is %d: it must be at least 1", who, parallelism)
	} else if limit := b.job.MaxParallelism; parallelism > limit && limit >= 1 && limit <= maxParallelismMax {
		b.add(path, "%sparallelism is %d: it must be at most max_parallelism, %d", who, parallelism, limit)
	}
}

// checkSteps checks each step by itself and makes its node.
func (b *builder) checkSteps() {
	if len(b.job.Flow) == 0 {
		b.add("flow", "the job has no steps: give \"flow\", a list of sources, operators and sinks")
		return
	}
	if len(b.job.Flow) > stepsMax {
		b.add("flow", "the job has %d steps: at most %d are allowed", len(b.job.Flow), stepsMax)
		return
	}
	sources, tasks := 0, 0
	for i := range b.job.Flow {
		n := &node{Step: &b.job.Flow[i], path: fmt.Sprintf("flow[%d]", i)}
		b.checkStep(n)
		if first, found := b.byUID[n.UID]; found && n.UID != "" {
			b.add(n.path+"."+string(n.Kind), "uid %q is used twice: it is the uid of %s%s already", n.UID, first.Kind, b.placeOf(first))
			continue
		}
		b.byUID[n.UID] = n
		b.nodes = append(b.nodes, n)
		tasks += max(n.Parallelism, 0)
		if n.Kind == Source {
			sources++
		}
	}
	if sources == 0 {
		b.add("flow", "the job has no source")
	}
	if tasks > tasksMax {
		b.add("flow", "the job has %d subtasks in all: at most %d are allowed", tasks, tasksMax)
	}
}

// placeOf says where in the file a step stands, where that is known.
func (b *builder) placeOf(n *node) string {
	var p Problem
	p.Path = n.path
	b.text.locate(&p)
	if p.Line == 0 {
		return ""
	}
	return fmt.Sprintf(" in line %d", p.Line)
}

func (b *builder) checkStep(n *node) {
	who := fmt.Sprintf("%s %q: ", n.Kind, n.UID)
	switch n.Kind {
	case Source, Operator, Sink:
	default:
		b.add(n.path, "unknown kind of step %q: the kinds are source, operator, sink", n.Kind)
		return
	}
	switch {
	case n.UID == "":
		b.add(n.path+"."+string(n.Kind), "the %s has no uid: write it as in \"%s: UID\"", n.Kind, n.Kind)
	case !namePattern.MatchString(n.UID):
		b.add(n.path+"."+string(n.Kind), "bad uid %q: %s", n.UID, nameRule)
	}
	b.checkParallelism(n.path+".parallelism", who, n.Parallelism)
	b.checkConfig(n, who)
	b.checkOnFailure(n, who)
	if n.Kind == Operator {
		b.checkOperator(n, who)
	} else {
		b.checkConnector(n, who)
	}
}

func (b *builder) checkConfig(n *node, who string) {
	if len(n.Config) > configBytesMax {
		b.add(n.path+".config", "%sconfig has %d bytes as JSON: at most %d are allowed", who, len(n.Config), configBytesMax)
	} else if !json.Valid(n.Config) || bytes.TrimSpace(n.Config)[0] != '{' {
		b.add(n.path+".config", "%sconfig must be an object", who)
	}
}

func (b *builder) checkOperator(n *node, who string) {
	if n.Module == "" {
		b.add(n.path, "%sno module: give \"module\", the path of a Wasm file", who)
	}
	b.refuse(n, who, "connector", n.Connector != "")
	b.refuse(n, who, "placement", n.Placement != "")
	b.refuse(n, who, "watermark", n.Watermark != Watermark{})
	n.Limits.check(func(field, format string, arguments ...any) {
		b.add(n.path+".limits."+field, "%s"+format, append([]any{who}, arguments...)...)
	})
}

func (b *builder) checkConnector(n *node, who string) {
	if n.Connector == "" {
		b.add(n.path, "%sno connector: give \"connector\", the name of one", who)
	}
	b.refuse(n, who, "module", n.Module != "")
	b.refuse(n, who, "entry", n.Entry != "")
	b.refuse(n, who, "limits", n.Limits != Limits{})
	if n.Placement != InProcess && n.Placement != InHost {
		b.add(n.path+".placement", "%sunknown placement %q: the placements are process and host", who, n.Placement)
	}
	if n.Kind == Sink {
		b.refuse(n, who, "watermark", n.Watermark != Watermark{})
		return
	}
	b.checkWatermark(n, who)
}

func (b *builder) checkWatermark(n *node, who string) {
	w, path := &n.Watermark, n.path+".watermark"
	switch w.Strategy {
	case NoWatermark, MonotonicWatermark:
		if w.OutOfOrderness != 0 {
			b.add(path+".out_of_orderness", "%sout_of_orderness belongs to the strategy bounded_out_of_orderness, not to %s", who, w.Strategy)
		}
	case BoundedWatermark:
		b.atLeast(path+".out_of_orderness", w.OutOfOrderness, 0)
	default:
		b.add(path+".strategy", "%sunknown strategy %q: the strategies are none, monotonic, bounded_out_of_orderness", who, w.Strategy)
	}
	b.atLeast(path+".idle_timeout", w.IdleTimeout, 0)
}

// refuse reports a field that does not belong to the step's kind.
func (b *builder) refuse(n *node, who, field string, set bool) {
	if set {
		b.add(n.path+"."+field, "%sthe field %q does not belong to a step of kind %s", who, field, n.Kind)
	}
}

// checkConsumers finds steps whose records nobody reads.
func (b *builder) checkConsumers() {
	named := map[string]bool{}
	for _, n := range b.nodes {
		for _, input := range n.Inputs {
			named[input.From] = true
		}
	}
	for _, n := range b.nodes {
		if n.Kind == Sink || named[n.UID] {
			b.noteUnread(n)
			continue
		}
		if n.Kind == Source || (n.description != nil && len(n.description.Outputs) > 0) {
			b.add(n.path, "%s %q: no step reads from it: add a step with \"input: %s\", or remove it", n.Kind, n.UID, n.UID)
		}
	}
}

// noteUnread notes outputs of an operator that nobody reads, where others are read.
func (b *builder) noteUnread(n *node) {
	if n.description == nil {
		return
	}
	read := make([]bool, len(n.description.Outputs))
	for _, l := range n.out {
		if !l.letters {
			read[l.output] = true
		}
	}
	for i, output := range n.description.Outputs {
		if !read[i] {
			b.notes = append(b.notes, fmt.Sprintf("operator %q: no step reads its output %q: these records are dropped", n.UID, output.Name))
		}
	}
}

// checkCycles finds steps that read, in the end, from themselves.
func (b *builder) checkCycles() {
	ordered := map[*node]bool{}
	for _, n := range b.topological() {
		ordered[n] = true
	}
	told := map[*node]bool{}
	for _, n := range b.nodes {
		if ordered[n] || told[n] {
			continue
		}
		cycle := findCycle(n, ordered)
		fresh := true
		uids := make([]string, 0, len(cycle)+1)
		for _, member := range cycle {
			fresh = fresh && !told[member]
			told[member] = true
			uids = append(uids, member.UID)
		}
		if fresh {
			first := cycle[0]
			b.add(first.path+".input", "the steps form a cycle: %s -> %s: a step must not read from what it feeds", strings.Join(uids, " -> "), first.UID)
		}
	}
}

// findCycle walks upstream from a step that is in a cycle or behind one until
// a step repeats, and gives the cycle in the direction of the data.
func findCycle(n *node, ordered map[*node]bool) []*node {
	var path []*node
	seen := map[*node]int{}
	for {
		if at, found := seen[n]; found {
			path = path[at:]
			break
		}
		seen[n] = len(path)
		path = append(path, n)
		for _, l := range n.in {
			if !ordered[l.from] {
				n = l.from
				break
			}
		}
	}
	for i, j := 0, len(path)-1; i < j; i, j = i+1, j-1 {
		path[i], path[j] = path[j], path[i]
	}
	return path
}

// checkWatermarks finds operators that assign timestamps where the watermark
// was made before them.
func (b *builder) checkWatermarks() {
	b.chain()
	defer func() {
		for _, n := range b.nodes {
			n.previous, n.next = nil, nil
		}
	}()
	for _, n := range b.nodes {
		if n.description == nil || !n.description.AssignsTimestamps {
			continue
		}
		if n.previous != nil && n.previous.from.Kind == Source {
			continue
		}
		if source := watermarkedSource(n, map[*node]bool{}); source != nil {
			b.add(n.path, "operator %q assigns timestamps, but the watermark of source %q is made before it: let it read from the source alone, over a forward edge, as its only reader",
				n.UID, source.UID)
		}
	}
}

// watermarkedSource finds a source with a watermark upstream of a step.
func watermarkedSource(n *node, seen map[*node]bool) *node {
	if seen[n] {
		return nil
	}
	seen[n] = true
	if n.Kind == Source && n.Watermark.Strategy != NoWatermark {
		return n
	}
	for _, l := range n.in {
		if source := watermarkedSource(l.from, seen); source != nil {
			return source
		}
	}
	return nil
}

// nearest suggests the uid that was perhaps meant.
func (b *builder) nearest(uid string) string {
	best, bestDistance := "", 3
	for _, n := range b.nodes {
		if d := distance(uid, n.UID); d < bestDistance {
			best, bestDistance = n.UID, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// distance is the number of edits between two words, for words of at most 64 bytes.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			substitute := diagonal
			if a[i-1] != b[j-1] {
				substitute++
			}
			diagonal = row[j]
			row[j] = min(substitute, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}

func lastField(path string) string { return strings.TrimPrefix(filepath.Ext(path), ".") }

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func inputNames(d *abi.OperatorDescription) string {
	names := make([]string, len(d.Inputs))
	for i, input := range d.Inputs {
		names[i] = input.Name
	}
	return strings.Join(names, ", ")
}

func outputNames(d *abi.OperatorDescription) string {
	if len(d.Outputs) == 0 {
		return "none"
	}
	names := make([]string, len(d.Outputs))
	for i, output := range d.Outputs {
		names[i] = output.Name
	}
	return strings.Join(names, ", ")
}

// keyedBy names what makes an operator keyed.
func keyedBy(d *abi.OperatorDescription) string {
	var names []string
	for _, state := range d.States {
		names = append(names, "state "+state.Name)
	}
	for _, timer := range d.Timers {
		names = append(names, "timer "+timer.Name)
	}
	return strings.Join(names, ", ")
}
