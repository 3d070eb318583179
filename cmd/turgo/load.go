package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/connectors/builtin"
	"github.com/turgo-stream/turgo/host/job"
	"github.com/turgo-stream/turgo/host/native"
	"github.com/turgo-stream/turgo/host/plan"
)

// loaded is a job that was read, and whose modules were loaded.
type loaded struct {
	job    *plan.Job
	plan   *plan.Plan
	engine *job.Engine
	close  func() error
}

// load reads a job file, loads its modules and builds its plan.
func load(ctx context.Context, path, connectorFolder string, logger *slog.Logger) (*loaded, error) {
	described, err := plan.ReadFile(path)
	if err != nil {
		return nil, err
	}
	ceilings, err := readCeilings()
	if err != nil {
		return nil, err
	}
	launch := launcher{&native.Launcher{Builtins: builtin.Connectors(), Folder: connectorFolder, Logger: logger}}
	engine, err := job.NewEngine(job.EngineConfig{CacheDir: compileCacheDir(), Launcher: launch, Logger: logger, Ceilings: *ceilings})
	if err != nil {
		return nil, errors.Join(err, launch.Close())
	}
	l := &loaded{job: described, engine: engine, close: func() error { return errors.Join(engine.Close(), launch.Close()) }}
	l.plan, err = plan.Build(described, func(step *plan.Step) (*abi.OperatorDescription, error) {
		return engine.Describe(ctx, step)
	})
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

// checkConnectors asks each connector whether its config is right. Nothing is
// written by that. What may go away by itself, such as a broker that does not
// answer, is given to away, and is no error; where away is nil it is one.
func (l *loaded) checkConnectors(ctx context.Context, away func(uid string, err error)) error {
	invalid := &plan.InvalidError{}
	for _, step := range l.plan.Steps() {
		if step.Kind == plan.Operator {
			continue
		}
		err := l.engine.Check(ctx, step, connectors.Config{
			Job: l.plan.Job, UID: step.UID, Parallelism: step.Parallelism, BaseDir: l.plan.BaseDir, Settings: step.Config,
		})
		switch {
		case err == nil:
		case away != nil && connectors.Retryable(err) && ctx.Err() == nil:
			away(step.UID, err)
		default:
			invalid.Problems = append(invalid.Problems, l.problem(step, err))
		}
	}
	if len(invalid.Problems) > 0 {
		return invalid
	}
	return nil
}

// problem places a connector's error in the job file.
func (l *loaded) problem(step *plan.ChainedStep, err error) *plan.Problem {
	path := l.job.StepPath(step.UID)
	var config *connectors.ConfigError
	switch {
	case !errors.As(err, &config):
		path += ".connector"
	case config.Field == "":
		path += ".config"
	default:
		path += ".config." + elementPattern.ReplaceAllString(config.Field, "[$1]")
	}
	p := l.job.Locate(path, err)
	p.Message = string(step.Kind) + " " + step.UID + ": " + p.Message
	return p
}

// elementPattern matches the elements of lists in a connector's field: those of
// "paths.0" are those of "paths[0]" in the job's.
var elementPattern = regexp.MustCompile(`\.([0-9]+)\b`)

// connectorsFlag adds the flag that names the folder of connectors that are not
// built in.
func connectorsFlag(command *cobra.Command) *string {
	return command.Flags().String("connectors", os.Getenv("TURGO_CONNECTORS"),
		"`folder` of connectors that are not built in (default: the environment's TURGO_CONNECTORS)")
}

// readCeilings reads the file that TURGO_CEILINGS names: what jobs may ask for
// on this machine. Without it the defaults hold.
func readCeilings() (*plan.Limits, error) {
	path := os.Getenv("TURGO_CEILINGS")
	if path == "" {
		return &plan.Limits{}, nil
	}
	return plan.ReadCeilings(path)
}

// compileCacheDir is where compiled modules are kept: TURGO_CACHE, or the
// user's folder for caches. It is empty, so that nothing is kept, where there is
// neither.
func compileCacheDir() string {
	if dir := os.Getenv("TURGO_CACHE"); dir != "" {
		return filepath.Join(dir, "modules")
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "turgo", "modules")
}
