package plan

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// String writes the plan as text to read: the settings of the job, then each
// vertex with its chain and the edges that leave it.
func (p *Plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "job %s: %s, %s, max parallelism %d\n", p.Job, vertices(len(p.Vertices)), count(p.Tasks(), "task"), p.MaxParallelism)
	c := &p.Checkpoint
	fmt.Fprintf(&b, "checkpoint: store %s, interval %s, timeout %s, minimum pause %s, retained %d, tolerable failures %s\n",
		p.relative(c.Store), short(c.Interval), short(c.Timeout), short(c.MinimumPause), c.Retained, limit(c.TolerableFailures))
	r := &p.Restart
	fmt.Fprintf(&b, "restart: delay %s to %s, multiplier %g, attempts %s, reset after %s\n",
		short(r.DelayInitial), short(r.DelayMax), r.Multiplier, limit(r.AttemptsMax), short(r.ResetAfter))
	directory := "temporary"
	if p.State.Directory != "" {
		directory = p.relative(p.State.Directory)
	}
	fmt.Fprintf(&b, "state: directory %s, cache %s\n", directory, FormatSize(p.State.Cache))
	for i := range p.Vertices {
		p.writeVertex(&b, &p.Vertices[i])
	}
	for _, note := range p.Notes {
		fmt.Fprintf(&b, "note: %s\n", note)
	}
	return b.String()
}

func (p *Plan) writeVertex(b *strings.Builder, v *Vertex) {
	fmt.Fprintf(b, "vertex %s x%d\n", v.UID, v.Parallelism)
	for i := range v.Chain {
		s := &v.Chain[i]
		arrow := "  "
		if i > 0 {
			arrow = "  -> "
			if name := v.Chain[i-1].outputName(s.PreviousOutput); name != "" {
				arrow = "  -" + name + "-> "
			}
		}
		fmt.Fprintf(b, "%s%s\n", arrow, p.stepText(s))
		if i == v.WatermarkStep {
			p.writeWatermark(b, &v.Chain[0].Watermark)
		}
	}
	for _, e := range v.Out {
		s := &v.Chain[e.From.Step]
		from := e.From.UID
		if name := s.outputName(e.From.Output); name != "" {
			from += "." + name
		}
		to := e.To.Vertex
		if target, found := p.Vertex(to); found && len(target.In) > 1 {
			if d := target.Chain[0].Description; d != nil {
				to += "." + d.Inputs[e.To.Input].Name
			}
		}
		fmt.Fprintf(b, "  %s %s => %s\n", e.Kind, from, to)
	}
}

func (p *Plan) stepText(s *ChainedStep) string {
	if s.Kind != Operator {
		text := fmt.Sprintf("%s %s: connector %s, placement %s", s.Kind, s.UID, s.Connector, s.Placement) + failureText(&s.OnFailure)
		return text + configText(s.Config)
	}
	text := fmt.Sprintf("operator %s: module %s", s.UID, p.relative(s.Module))
	if s.Entry != s.UID {
		text += ", entry " + s.Entry
	}
	if s.Description != nil && s.Description.Keyed() {
		text += ", keyed (" + keyedBy(s.Description) + ")"
	}
	if limits := s.Limits.String(); limits != "" {
		text += ", limits " + limits
	}
	return text + failureText(&s.OnFailure) + configText(s.Config)
}

func configText(config []byte) string {
	if string(config) == "{}" {
		return ""
	}
	return ", config " + string(hideSecrets(config))
}

// secretNames are the fields whose text is not shown, and the ends of such names.
var secretNames = []string{"password", "secret", "token"}

// hideSecrets replaces texts that are nobody's business. Config without any stays
// as it is written.
func hideSecrets(config []byte) []byte {
	var value any
	if err := json.Unmarshal(config, &value); err != nil || !hideIn(value) {
		return config
	}
	hidden, err := json.Marshal(value)
	if err != nil {
		return config
	}
	return hidden
}

// hideIn hides what is secret within a value, and reports whether there was any.
func hideIn(value any) (found bool) {
	switch v := value.(type) {
	case []any:
		for i := range v {
			found = hideIn(v[i]) || found
		}
	case map[string]any:
		for name := range v {
			secret := slices.ContainsFunc(secretNames, func(s string) bool { return name == s || strings.HasSuffix(name, "_"+s) })
			if text, isText := v[name].(string); secret && isText && text != "" {
				v[name], found = "(hidden)", true
			} else {
				found = hideIn(v[name]) || found
			}
		}
	}
	return found
}

func (p *Plan) writeWatermark(b *strings.Builder, w *Watermark) {
	if w.Strategy == NoWatermark {
		return
	}
	fmt.Fprintf(b, "  watermark %s", w.Strategy)
	if w.Strategy == BoundedWatermark {
		fmt.Fprintf(b, " by %s", short(w.OutOfOrderness))
	}
	if w.IdleTimeout > 0 {
		fmt.Fprintf(b, ", idle after %s", short(w.IdleTimeout))
	}
	b.WriteByte('\n')
}

func (s *ChainedStep) outputName(output int) string {
	if s.OnFailure.Policy == DeadLetterOnFailure && output == declaredOutputs(s.Kind, s.Description) {
		return DeadLettersOutput
	}
	if s.Description == nil || output < 0 || output >= len(s.Description.Outputs) {
		return ""
	}
	return s.Description.Outputs[output].Name
}

// relative shortens a path that lies under the job's folder.
func (p *Plan) relative(path string) string {
	if rel, err := filepath.Rel(p.BaseDir, path); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	return path
}

// limit writes a count that may be without limit.
func limit(n int) string {
	if n == Unlimited {
		return "unlimited"
	}
	return strconv.Itoa(n)
}

// short writes a duration without units that are zero.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

func vertices(n int) string {
	if n == 1 {
		return "1 vertex"
	}
	return strconv.Itoa(n) + " vertices"
}
