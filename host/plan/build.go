package plan

import (
	"fmt"

	"github.com/turgo-stream/turgo/abi"
)

// Describe tells what the operator of a step is: the entry of that name in the
// description of the step's module. The step has its defaults, and its module
// an absolute path.
type Describe func(step *Step) (*abi.OperatorDescription, error)

// Build validates a job and makes its plan. All problems that are found are
// told at once, in an *InvalidError. The job is left as it is.
func Build(job *Job, describe Describe) (*Plan, error) {
	b := &builder{
		job:      withDefaults(job),
		problems: problems{text: job.text},
		byUID:    map[string]*node{},
	}
	b.checkJob()
	b.checkSteps()
	resolve(b.job)
	b.describeAll(describe)
	b.connect()
	b.checkConsumers()
	b.checkCycles()
	if err := b.problems.err(); err != nil {
		return nil, err
	}
	b.checkWatermarks()
	if err := b.problems.err(); err != nil {
		return nil, err
	}
	return b.plan(), nil
}

type builder struct {
	problems
	job   *Job
	nodes []*node
	byUID map[string]*node
	notes []string
}

// node is a step while the plan is made.
type node struct {
	*Step
	path        string // of the step in the job
	description *abi.OperatorDescription
	in          []*link
	out         []*link

	// chained links: at most one in and one out.
	previous *link
	next     *link
}

// link is an edge between two steps.
type link struct {
	kind     EdgeKind
	explicit bool
	path     string // of the input in the job
	from     *node
	output   int
	letters  bool // output is that of dead letters
	to       *node
	input    int
}

// describeAll asks for the descriptions of all operators that can have one.
func (b *builder) describeAll(describe Describe) {
	for _, n := range b.nodes {
		if n.Kind != Operator || n.Module == "" {
			continue
		}
		description, err := describe(n.Step)
		if err != nil {
			b.addCause(n.path+".module", err, "operator %q: %v", n.UID, err)
			continue
		}
		if declares(description, DeadLettersOutput) {
			b.add(n.path+".module", "operator %q has an output of the name %s, which is that of its dead letters: rename it in the module", n.UID, DeadLettersOutput)
			continue
		}
		n.description = description
	}
}

// known tells whether the step's inputs and outputs are known.
func (n *node) known() bool { return n.Kind != Operator || n.description != nil }

// connect makes the links of all steps.
func (b *builder) connect() {
	for _, n := range b.nodes {
		b.connectInputs(n)
	}
}

func (b *builder) connectInputs(n *node) {
	if n.Kind == Source {
		if len(n.Inputs) > 0 {
			b.add(n.path+".input", "source %q has an input: a source reads from its connector only", n.UID)
		}
		return
	}
	if len(n.Inputs) == 0 {
		b.add(n.path, "%s %q has no input: name the step that it reads from, as in \"input: %s\"", n.Kind, n.UID, b.suggestion(n))
		return
	}
	if len(n.Inputs) > inputsMax {
		b.add(n.path+".input", "%s %q has %d inputs: at most %d are allowed", n.Kind, n.UID, len(n.Inputs), inputsMax)
		return
	}
	numbers := b.numberInputs(n)
	for i := range n.Inputs {
		b.connectInput(n, i, numbers[i])
	}
}

// suggestion is the uid of the step before a step, for advice.
func (b *builder) suggestion(n *node) string {
	for i, other := range b.nodes {
		if other == n && i > 0 && b.nodes[i-1].Kind != Sink {
			return b.nodes[i-1].UID
		}
	}
	return "UID"
}

// numberInputs tells for each edge into a step which of its inputs it feeds;
// -1 where that is not known.
func (b *builder) numberInputs(n *node) []int {
	numbers := make([]int, len(n.Inputs))
	if n.Kind == Sink {
		for i := range n.Inputs {
			if n.Inputs[i].To != "" {
				b.add(b.inputPath(n, i)+".to", "sink %q has one input without a name: leave \"to\" out", n.UID)
			}
		}
		return numbers
	}
	if n.description == nil {
		for i := range numbers {
			numbers[i] = -1
		}
		return numbers
	}
	named := 0
	for i := range n.Inputs {
		if n.Inputs[i].To != "" {
			named++
		}
	}
	if named == 0 {
		b.numberInOrder(n, numbers)
	} else {
		b.numberByName(n, numbers)
	}
	return numbers
}

func (b *builder) numberInOrder(n *node, numbers []int) {
	described := n.description.Inputs
	if len(described) != len(n.Inputs) {
		b.add(n.path+".input", "operator %q has %s (%s), but %s here: give one edge for each, or name the input of each edge with \"to\"",
			n.UID, count(len(described), "input"), inputNames(n.description), count(len(n.Inputs), "edge"))
	}
	for i := range numbers {
		numbers[i] = i
		if i >= len(described) {
			numbers[i] = -1
		}
	}
}

func (b *builder) numberByName(n *node, numbers []int) {
	fed := make([]bool, len(n.description.Inputs))
	for i := range n.Inputs {
		numbers[i] = -1
		to := n.Inputs[i].To
		if to == "" {
			b.add(b.inputPath(n, i), "operator %q: this edge has no \"to\": name it on all edges of the step or on none (inputs: %s)",
				n.UID, inputNames(n.description))
			continue
		}
		for j, input := range n.description.Inputs {
			if input.Name == to {
				numbers[i], fed[j] = j, true
			}
		}
		if numbers[i] < 0 {
			b.add(b.inputPath(n, i)+".to", "operator %q has no input %q: it has %s", n.UID, to, inputNames(n.description))
		}
	}
	for j, input := range n.description.Inputs {
		if !fed[j] {
			b.add(n.path+".input", "operator %q: no edge leads to its input %q", n.UID, input.Name)
		}
	}
}

// connectInput makes the link of one edge.
func (b *builder) connectInput(n *node, i, number int) {
	input := &n.Inputs[i]
	path := b.inputPath(n, i)
	from, found := b.byUID[input.From]
	switch {
	case input.From == "":
		b.add(path, "%s %q: the edge does not say which step it comes from: give \"from\"", n.Kind, n.UID)
		return
	case !found:
		b.add(path+".from", "%s %q reads from %q: there is no such step%s", n.Kind, n.UID, input.From, b.nearest(input.From))
		return
	case from.Kind == Sink && input.Output != DeadLettersOutput:
		b.add(path+".from", "%s %q reads from %q: that is a sink, and has no output", n.Kind, n.UID, input.From)
		return
	}
	l := &link{kind: input.Edge, explicit: input.Edge != "", path: path, from: from, to: n, input: number}
	if !b.findOutput(l, input.Output) {
		return
	}
	b.setEdge(l)
	input.Edge = l.kind
	from.out = append(from.out, l)
	n.in = append(n.in, l)
}

// findOutput sets the output of a link by its name.
func (b *builder) findOutput(l *link, name string) bool {
	if name == DeadLettersOutput {
		return b.findDeadLetters(l)
	}
	if l.from.Kind == Source {
		if name != "" {
			b.add(l.path+".output", "source %q has one output without a name: leave \"output\" out", l.from.UID)
			return false
		}
		return true
	}
	if !l.from.known() {
		l.output = -1
		return true
	}
	outputs := l.from.description.Outputs
	if name == "" {
		if len(outputs) == 1 {
			return true
		}
		if len(outputs) == 0 {
			b.add(l.path, "%s %q reads from %q: that operator has no output", l.to.Kind, l.to.UID, l.from.UID)
			return false
		}
		b.add(l.path, "%s %q reads from %q, which has %d outputs: name one with \"output\" (%s)",
			l.to.Kind, l.to.UID, l.from.UID, len(outputs), outputNames(l.from.description))
		return false
	}
	for i, output := range outputs {
		if output.Name == name {
			l.output = i
			return true
		}
	}
	b.add(l.path+".output", "operator %q has no output %q: it has %s", l.from.UID, name, outputNames(l.from.description))
	return false
}

// setEdge gives a link its default kind and checks it.
func (b *builder) setEdge(l *link) {
	equal := l.from.Parallelism == l.to.Parallelism
	if l.kind == "" {
		l.kind = Rebalance
		if equal {
			l.kind = Forward
		}
	}
	switch l.kind {
	case Forward, Key, Rebalance, Broadcast:
	default:
		b.add(l.path+".edge", "unknown edge %q: the edges are forward, key, rebalance, broadcast", l.kind)
		return
	}
	if l.kind == Forward && !equal {
		b.add(l.path+".edge", "a forward edge needs equal parallelism: %q has %d, %q has %d: use rebalance, or make them equal",
			l.from.UID, l.from.Parallelism, l.to.UID, l.to.Parallelism)
	}
	if l.to.description != nil && l.to.description.Keyed() && l.kind != Key {
		b.add(l.path, "operator %q keeps state by key (%s), so this edge must be a key edge: use \"input: {from: %s, edge: key}\"",
			l.to.UID, keyedBy(l.to.description), l.from.UID)
	}
}

func (b *builder) inputPath(n *node, i int) string {
	return fmt.Sprintf("%s.input[%d]", n.path, i)
}
