package plan

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ReadFile reads a job file, with variables from the environment. Relative
// paths of the job start from the file's folder.
func ReadFile(path string) (*Job, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, &InvalidError{Problems: []*Problem{{File: path, Message: "cannot read the job file: " + reason(err), Cause: err}}}
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, contentBytesMax+1))
	if err != nil {
		return nil, &InvalidError{Problems: []*Problem{{File: path, Message: "cannot read the job file: " + reason(err), Cause: err}}}
	}
	folder, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("plan: job file %s: %w", path, err)
	}
	job, err := Read(path, content, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	job.BaseDir = folder
	return job, nil
}

// reason is what the system said, without the path.
func reason(err error) string {
	var pathError *os.PathError
	if errors.As(err, &pathError) {
		return pathError.Err.Error()
	}
	return err.Error()
}

// Read reads a job from YAML. The file's name is for messages only. All that
// is wrong with the form of the file is told at once, in an *InvalidError.
func Read(file string, content []byte, lookup func(string) (string, bool)) (*Job, error) {
	t := newText(file, content)
	r := &reader{problems: problems{text: t}}
	root, err := parse(content, lookup)
	if err != nil {
		r.addPlaced(err)
		return nil, r.err()
	}
	job := &Job{text: t}
	r.readJob(job, root)
	if err := r.err(); err != nil {
		return nil, err
	}
	return job, nil
}

// Locate makes a problem of an error that was found later, at a path of the
// job such as StepPath(uid)+".config.path".
func (j *Job) Locate(path string, err error) *Problem {
	p := &Problem{Path: path, Message: err.Error(), Cause: err}
	j.text.locate(p)
	return p
}

// StepPath is the path of the step with that uid.
func (j *Job) StepPath(uid string) string {
	for i := range j.Flow {
		if j.Flow[i].UID == uid {
			return fmt.Sprintf("flow[%d]", i)
		}
	}
	return "flow"
}

// reader fills a job from values.
type reader struct{ problems }

func (r *reader) addPlaced(err error) {
	var placed *placedError
	p := &Problem{Message: err.Error(), File: r.text.file}
	if errors.As(err, &placed) && placed.at.line > 0 {
		r.text.locateAt(p, placed.at)
	}
	r.list = append(r.list, p)
}

// setter reads the value of one field.
type setter struct {
	name string
	read func(path string, v *value)
}

// readFields reads a map strictly: each field has its setter, or is an error.
func (r *reader) readFields(path, what string, v *value, setters []setter) {
	r.text.places[path] = v.at
	if v.kind != mapValue {
		r.add(path, "%s must be a map of fields, not %s", what, v.kind)
		return
	}
	for _, f := range v.fields {
		fieldPath := f.name
		if path != "" {
			fieldPath = path + "." + f.name
		}
		set := findSetter(setters, f.name)
		if set == nil {
			r.text.places[fieldPath] = f.at
			r.add(fieldPath, "unknown field %q in %s: the fields are %s", f.name, what, setterNames(setters))
			continue
		}
		if f.value.isNull() && f.name != "config" {
			r.text.places[fieldPath] = f.at
			r.add(fieldPath, "field %q has no value: give one, or leave the field out", f.name)
			continue
		}
		r.text.places[fieldPath] = f.value.at
		set(fieldPath, f.value)
	}
}

func findSetter(setters []setter, name string) func(string, *value) {
	for _, s := range setters {
		if s.name == name {
			return s.read
		}
	}
	return nil
}

func setterNames(setters []setter) string {
	names := make([]string, len(setters))
	for i, s := range setters {
		names[i] = s.name
	}
	return strings.Join(names, ", ")
}

func (r *reader) readJob(job *Job, v *value) {
	r.readFields("", "the job", v, []setter{
		{"name", r.word(&job.Name)},
		{"parallelism", r.positive(&job.Parallelism)},
		{"max_parallelism", r.positive(&job.MaxParallelism)},
		{"checkpoint", func(path string, v *value) { r.readCheckpoint(&job.Checkpoint, path, v) }},
		{"restart", func(path string, v *value) { r.readRestart(&job.Restart, path, v) }},
		{"state", func(path string, v *value) {
			r.readFields(path, "state", v, []setter{
				{"directory", r.word(&job.State.Directory)},
				{"cache", r.size(&job.State.Cache)},
			})
		}},
		{"dead_letters", func(path string, v *value) { r.readDeadLetters(&job.DeadLetters, path, v) }},
		{"flow", func(path string, v *value) { r.readFlow(job, path, v) }},
	})
}

func (r *reader) readCheckpoint(c *Checkpoint, path string, v *value) {
	r.readFields(path, "checkpoint", v, []setter{
		{"store", r.word(&c.Store)},
		{"interval", r.positiveDuration(&c.Interval)},
		{"timeout", r.positiveDuration(&c.Timeout)},
		{"minimum_pause", r.duration(&c.MinimumPause)},
		{"retained", r.positive(&c.Retained)},
		{"tolerable_failures", r.count(&c.TolerableFailures)},
	})
}

func (r *reader) readRestart(c *Restart, path string, v *value) {
	r.readFields(path, "restart", v, []setter{
		{"delay_initial", r.positiveDuration(&c.DelayInitial)},
		{"delay_max", r.positiveDuration(&c.DelayMax)},
		{"multiplier", r.number(&c.Multiplier)},
		{"attempts_max", r.count(&c.AttemptsMax)},
		{"reset_after", r.positiveDuration(&c.ResetAfter)},
	})
}

func (r *reader) readFlow(job *Job, path string, v *value) {
	if v.kind != listValue {
		r.add(path, "flow must be a list of steps, not %s", v.kind)
		return
	}
	if len(v.items) > stepsMax {
		r.add(path, "the job has %d steps: at most %d are allowed", len(v.items), stepsMax)
		return
	}
	for i, item := range v.items {
		var step Step
		r.readStep(&step, fmt.Sprintf("%s[%d]", path, i), item)
		job.Flow = append(job.Flow, step)
	}
}

func (r *reader) readStep(s *Step, path string, v *value) {
	r.text.places[path] = v.at
	if v.kind != mapValue {
		r.add(path, "a step must be a map of fields, not %s", v.kind)
		return
	}
	kinds := 0
	for _, kind := range []StepKind{Source, Operator, Sink} {
		if v.find(string(kind)) != nil {
			s.Kind = kind
			kinds++
		}
	}
	if kinds != 1 {
		r.add(path, "a step needs exactly one of the fields source, operator, sink; its value is the step's uid")
		return
	}
	setters := []setter{{string(s.Kind), r.word(&s.UID)}}
	if s.Kind != Source {
		setters = append(setters, setter{"input", func(path string, v *value) { r.readInputs(s, path, v) }})
	}
	setters = append(setters, setter{"parallelism", r.positive(&s.Parallelism)})
	if s.Kind == Operator {
		setters = append(setters,
			setter{"module", r.word(&s.Module)},
			setter{"entry", r.word(&s.Entry)},
			setter{"limits", func(path string, v *value) { r.readLimits(&s.Limits, path, v) }})
	} else {
		setters = append(setters,
			setter{"connector", r.word(&s.Connector)},
			setter{"placement", r.word((*string)(&s.Placement))})
	}
	if s.Kind == Source {
		setters = append(setters, setter{"watermark", func(path string, v *value) { r.readWatermark(&s.Watermark, path, v) }})
	}
	setters = append(setters, setter{"on_failure", func(path string, v *value) { r.readOnFailure(&s.OnFailure, path, v) }})
	setters = append(setters, setter{"config", func(path string, v *value) { r.readConfig(s, path, v) }})
	r.readFields(path, "a step of kind "+string(s.Kind), v, setters)
}

func (r *reader) readInputs(s *Step, path string, v *value) {
	if v.kind != listValue {
		s.Inputs = append(s.Inputs, r.readInput(path, v))
		return
	}
	for i, item := range v.items {
		if i == inputsMax {
			r.add(path, "more than %d inputs", inputsMax)
			return
		}
		s.Inputs = append(s.Inputs, r.readInput(fmt.Sprintf("%s[%d]", path, i), item))
	}
}

// readInput reads one edge: a uid, or a map.
func (r *reader) readInput(path string, v *value) Input {
	var input Input
	r.text.places[path] = v.at
	switch v.kind {
	case scalarValue:
		r.word(&input.From)(path, v)
	case mapValue:
		r.readFields(path, "input", v, []setter{
			{"from", r.word(&input.From)},
			{"output", r.word(&input.Output)},
			{"to", r.word(&input.To)},
			{"edge", r.word((*string)(&input.Edge))},
		})
	default:
		r.add(path, "an input must be a uid or a map of fields, not %s", v.kind)
	}
	return input
}

func (r *reader) readWatermark(w *Watermark, path string, v *value) {
	r.readFields(path, "watermark", v, []setter{
		{"strategy", r.word((*string)(&w.Strategy))},
		{"out_of_orderness", r.duration(&w.OutOfOrderness)},
		{"idle_timeout", r.duration(&w.IdleTimeout)},
	})
}

// readConfig takes any map. The places of its fields are kept for the
// connector's own errors.
func (r *reader) readConfig(s *Step, path string, v *value) {
	if v.isNull() {
		return
	}
	if v.kind != mapValue {
		r.add(path, "config must be a map of fields, not %s", v.kind)
		return
	}
	r.keepPlaces(path, v)
	var b bytes.Buffer
	if err := writeJSON(&b, v); err != nil {
		r.addPlaced(err)
		return
	}
	s.Config = b.Bytes()
}

func (r *reader) keepPlaces(path string, v *value) {
	r.text.places[path] = v.at
	for _, f := range v.fields {
		r.keepPlaces(path+"."+f.name, f.value)
	}
	for i, item := range v.items {
		r.keepPlaces(fmt.Sprintf("%s[%d]", path, i), item)
	}
}

// scalar gives the text of a single value, or tells what is wrong.
func (r *reader) scalar(path string, v *value) (string, bool) {
	if v.kind != scalarValue {
		r.add(path, "%s must be a single value, not %s", lastField("."+path), v.kind)
		return "", false
	}
	return v.text, true
}

func (r *reader) word(field *string) func(string, *value) {
	return func(path string, v *value) {
		text, ok := r.scalar(path, v)
		if ok && strings.TrimSpace(text) == "" {
			r.add(path, "%s is empty: give a value, or leave the field out", lastField("."+path))
		}
		if strings.ContainsRune(text, 0) {
			r.add(path, "%s holds a NUL byte", lastField("."+path))
		}
		*field = text
	}
}

func (r *reader) positive(field *int) func(string, *value) {
	return func(path string, v *value) {
		if text, ok := r.scalar(path, v); ok {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 || n > Unlimited {
				r.add(path, "%s is %q: it must be a number of at least 1", lastField("."+path), text)
			}
			*field = n
		}
	}
}

// long reads a number that may be large.
func (r *reader) long(field *int64) func(string, *value) {
	return func(path string, v *value) {
		if text, ok := r.scalar(path, v); ok {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil || n < 1 {
				r.add(path, "%s is %q: it must be a number of at least 1", lastField("."+path), text)
			}
			*field = n
		}
	}
}

// count reads a number, none or unlimited.
func (r *reader) count(field *int) func(string, *value) {
	return func(path string, v *value) {
		text, ok := r.scalar(path, v)
		if !ok {
			return
		}
		switch n, err := strconv.Atoi(text); {
		case text == "unlimited":
			*field = Unlimited
		case text == "none" || (err == nil && n == 0):
			*field = None
		case err != nil || n < 0 || n > Unlimited:
			r.add(path, "%s is %q: it must be a number, none or unlimited", lastField("."+path), text)
		default:
			*field = n
		}
	}
}

func (r *reader) number(field *float64) func(string, *value) {
	return func(path string, v *value) {
		if text, ok := r.scalar(path, v); ok {
			f, err := strconv.ParseFloat(text, 64)
			if err != nil || !(f > 0) {
				r.add(path, "%s is %q: it must be a positive number", lastField("."+path), text)
			}
			*field = f
		}
	}
}

func (r *reader) duration(field *time.Duration) func(string, *value) {
	return func(path string, v *value) {
		if text, ok := r.scalar(path, v); ok {
			d, err := ParseDuration(text)
			if err != nil {
				r.add(path, "%s: %v", lastField("."+path), err)
			} else if d < 0 {
				r.add(path, "%s is %v: it must not be negative", lastField("."+path), d)
			}
			*field = d
		}
	}
}

func (r *reader) positiveDuration(field *time.Duration) func(string, *value) {
	return func(path string, v *value) {
		known := len(r.list)
		r.duration(field)(path, v)
		if len(r.list) == known && *field == 0 {
			r.add(path, "%s is 0: it must be positive", lastField("."+path))
		}
	}
}

func (r *reader) size(field *int64) func(string, *value) {
	return func(path string, v *value) {
		if text, ok := r.scalar(path, v); ok {
			n, err := ParseSize(text)
			if err != nil {
				r.add(path, "%s: %v", lastField("."+path), err)
			} else if n == 0 {
				r.add(path, "%s is 0: it must be positive", lastField("."+path))
			}
			*field = n
		}
	}
}
