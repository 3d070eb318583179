package plan

import "github.com/turgo-stream/turgo/abi"

// Plan is a valid job with all defaults applied, cut into vertices.
type Plan struct {
	Job            string // name of the job
	BaseDir        string
	MaxParallelism int
	Checkpoint     Checkpoint
	Restart        Restart
	State          State
	DeadLetters    DeadLetters
	// Vertices are in topological order: each after all that it reads from.
	Vertices []Vertex
	// Notes tell what is allowed and perhaps not meant.
	Notes []string
}

// Vertex is a chain of steps that runs as one task in each subtask.
type Vertex struct {
	UID         string // of the first step
	Parallelism int
	Chain       []ChainedStep
	// WatermarkStep is the index in Chain of the step behind which the source's
	// watermark is made: 0, the source, or 1 where the operator behind it assigns
	// timestamps. It is -1 where the chain does not begin with a source.
	WatermarkStep int
	In            []Edge // into the first step, in the order of the job
	Out           []Edge // from any step of the chain, in the order of the job
}

// ChainedStep is one step of a chain. All but the first read one output of
// the step before them, as their input 0.
type ChainedStep struct {
	Step
	// PreviousOutput is the output of the step before that this one reads. It has
	// no meaning in the first step.
	PreviousOutput int
	// KeyedOutputs tells, by the number of the output, which ones a key edge leaves.
	KeyedOutputs []bool
	// Description is the operator's; nil in sources and sinks.
	Description *abi.OperatorDescription
}

// Outputs is the number of the step's outputs, without that of dead letters.
func (s *ChainedStep) Outputs() int { return declaredOutputs(s.Kind, s.Description) }

// Edge connects two vertices.
type Edge struct {
	Kind EdgeKind
	From From
	To   To
	// FromParallelism and ToParallelism are the subtasks at both ends.
	FromParallelism int
	ToParallelism   int
}

// From is the end of an edge that records leave.
type From struct {
	Vertex string
	Step   int // index in the vertex's chain
	UID    string
	Output int
}

// To is the end of an edge that records reach: the first step of a vertex.
type To struct {
	Vertex string
	Input  int
}

// Vertex finds a vertex by its uid.
func (p *Plan) Vertex(uid string) (*Vertex, bool) {
	for i := range p.Vertices {
		if p.Vertices[i].UID == uid {
			return &p.Vertices[i], true
		}
	}
	return nil, false
}

// VertexOf finds the vertex whose chain holds a step, and the step's index in it.
func (p *Plan) VertexOf(uid string) (*Vertex, int, bool) {
	for i := range p.Vertices {
		for j := range p.Vertices[i].Chain {
			if p.Vertices[i].Chain[j].UID == uid {
				return &p.Vertices[i], j, true
			}
		}
	}
	return nil, 0, false
}

// Steps lists all steps, vertex by vertex.
func (p *Plan) Steps() []*ChainedStep {
	var steps []*ChainedStep
	for i := range p.Vertices {
		for j := range p.Vertices[i].Chain {
			steps = append(steps, &p.Vertices[i].Chain[j])
		}
	}
	return steps
}

// Tasks is the number of tasks in all.
func (p *Plan) Tasks() int {
	tasks := 0
	for i := range p.Vertices {
		tasks += p.Vertices[i].Parallelism
	}
	return tasks
}
