package main

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/turgo-stream/turgo/host/plan"
)

func newCheck() *cobra.Command {
	command := &cobra.Command{
		Use:   "check JOB",
		Short: "Check a job without running it",
		Long: `Check a job without running it: the job file, its modules, and the config of its
connectors with what it names. Prints the plan: the vertices, their chains of
steps, and the edges between them.`,
		Args: exactly("JOB"),
	}
	folder := connectorsFlag(command)
	command.RunE = func(command *cobra.Command, arguments []string) error {
		checked, err := check(command, arguments[0], *folder)
		if wantsJSON(command) {
			return writeCheck(command, checked, err)
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(command.OutOrStdout(), "%s%s: ok\n", checked, arguments[0])
		return err
	}
	return command
}

func check(command *cobra.Command, path, connectorFolder string) (*plan.Plan, error) {
	logger := slog.New(slog.NewTextHandler(command.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	l, err := load(command.Context(), path, connectorFolder, logger)
	if err != nil {
		return nil, err
	}
	return l.plan, errors.Join(l.checkConnectors(command.Context(), nil), l.close())
}

// checkResult is what --json tells.
type checkResult struct {
	OK       bool           `json:"ok"`
	Problems []checkProblem `json:"problems,omitempty"`
	Job      string         `json:"job,omitempty"`
	Vertices []checkVertex  `json:"vertices,omitempty"`
	Notes    []string       `json:"notes,omitempty"`
}

type checkProblem struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Path    string `json:"path,omitempty"` // of the field in the job
	Message string `json:"message"`
}

type checkVertex struct {
	UID         string      `json:"uid"`
	Parallelism int         `json:"parallelism"`
	Steps       []string    `json:"steps"`
	Out         []checkEdge `json:"out,omitempty"`
}

type checkEdge struct {
	Kind plan.EdgeKind `json:"kind"`
	From string        `json:"from"` // uid of the step
	To   string        `json:"to"`   // uid of the vertex
}

// writeCheck writes the result as JSON; an error is told there, and only there.
func writeCheck(command *cobra.Command, p *plan.Plan, err error) error {
	result := checkResult{OK: err == nil}
	if err != nil {
		result.Problems = checkProblems(err)
	} else {
		result.Job, result.Notes = p.Job, p.Notes
		for i := range p.Vertices {
			result.Vertices = append(result.Vertices, checkVertexOf(&p.Vertices[i]))
		}
	}
	if writeErr := writeJSON(command.OutOrStdout(), result); writeErr != nil || err == nil {
		return writeErr
	}
	return fmt.Errorf("%w: %w", errTold, err)
}

func checkProblems(err error) []checkProblem {
	var invalid *plan.InvalidError
	if !errors.As(err, &invalid) {
		return []checkProblem{{Message: err.Error()}}
	}
	var problems []checkProblem
	for _, p := range invalid.Problems {
		problems = append(problems, checkProblem{File: p.File, Line: p.Line, Column: p.Column, Path: p.Path, Message: p.Message})
	}
	return problems
}

func checkVertexOf(v *plan.Vertex) checkVertex {
	vertex := checkVertex{UID: v.UID, Parallelism: v.Parallelism}
	for i := range v.Chain {
		vertex.Steps = append(vertex.Steps, v.Chain[i].UID)
	}
	for _, e := range v.Out {
		vertex.Out = append(vertex.Out, checkEdge{Kind: e.Kind, From: e.From.UID, To: e.To.Vertex})
	}
	return vertex
}
