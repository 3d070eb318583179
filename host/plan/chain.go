package plan

// plan cuts the valid graph into vertices.
func (b *builder) plan() *Plan {
	b.chain()
	p := &Plan{
		Job:            b.job.Name,
		BaseDir:        b.job.BaseDir,
		MaxParallelism: b.job.MaxParallelism,
		Checkpoint:     b.job.Checkpoint,
		Restart:        b.job.Restart,
		State:          b.job.State,
		DeadLetters:    b.job.DeadLetters,
		Notes:          b.notes,
	}
	heads := map[*node]From{} // vertex and place of each step
	var order []*node
	for _, n := range b.topological() {
		if n.previous != nil {
			continue
		}
		order = append(order, n)
		for i, step := 0, n; step != nil; i++ {
			heads[step] = From{Vertex: n.UID, Step: i, UID: step.UID}
			step = step.successor()
		}
	}
	for _, n := range order {
		p.Vertices = append(p.Vertices, n.vertex(heads))
	}
	return p
}

func (n *node) successor() *node {
	if n.next == nil {
		return nil
	}
	return n.next.to
}

// chain picks the links that need no exchange: forward edges whose output has
// no other consumer and whose consumer has no other input. Of several outputs
// of a step only the first such one continues the chain, so that a vertex is a line.
func (b *builder) chain() {
	for _, n := range b.nodes {
		readers := map[int]int{}
		for _, l := range n.out {
			readers[l.output]++
		}
		for _, l := range n.out {
			if l.kind == Forward && !l.letters && readers[l.output] == 1 && len(l.to.in) == 1 && n.next == nil {
				n.next, l.to.previous = l, l
			}
		}
	}
}

// vertex makes the vertex that begins with this step.
func (n *node) vertex(places map[*node]From) Vertex {
	v := Vertex{UID: n.UID, Parallelism: n.Parallelism, WatermarkStep: -1}
	for step := n; step != nil; step = step.successor() {
		c := ChainedStep{Step: *step.Step, Description: step.description}
		if step.previous != nil {
			c.PreviousOutput = step.previous.output
		}
		c.KeyedOutputs = make([]bool, c.Outputs())
		for _, l := range step.out {
			if l.kind == Key {
				c.KeyedOutputs[l.output] = true
			}
		}
		v.Chain = append(v.Chain, c)
		for _, l := range step.out {
			if l != step.next {
				v.Out = append(v.Out, l.edge(places))
			}
		}
	}
	for _, l := range n.in {
		v.In = append(v.In, l.edge(places))
	}
	if n.Kind == Source {
		v.WatermarkStep = 0
		if len(v.Chain) > 1 && v.Chain[1].Description != nil && v.Chain[1].Description.AssignsTimestamps {
			v.WatermarkStep = 1
		}
	}
	return v
}

func (l *link) edge(places map[*node]From) Edge {
	from := places[l.from]
	from.Output = l.output
	return Edge{
		Kind:            l.kind,
		From:            from,
		To:              To{Vertex: places[l.to].Vertex, Input: l.input},
		FromParallelism: l.from.Parallelism,
		ToParallelism:   l.to.Parallelism,
	}
}

// topological orders the steps so that each comes after all that it reads
// from, and otherwise as the job has them. Steps of a cycle are left out.
func (b *builder) topological() []*node {
	waiting := map[*node]int{}
	for _, n := range b.nodes {
		waiting[n] = len(n.in)
	}
	var order []*node
	done := map[*node]bool{}
	for progress := true; progress; {
		progress = false
		for _, n := range b.nodes {
			if done[n] || waiting[n] > 0 {
				continue
			}
			done[n], progress = true, true
			order = append(order, n)
			for _, l := range n.out {
				waiting[l.to]--
			}
		}
	}
	return order
}
