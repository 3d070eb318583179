package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/turgo-stream/turgo/faults/poison/records"
	"github.com/turgo-stream/turgo/faults/process"
	"github.com/turgo-stream/turgo/host/job"
	"github.com/turgo-stream/turgo/host/letter"
)

// settings are what the command line says.
type settings struct {
	records, kills int
	seed           uint64
	guest          records.Guest
	keep           bool
	out            io.Writer
}

const (
	keys             = 1000
	poisonPerMille   = 100
	endlessPerMille  = 5
	interval         = "100ms"
	endAt            = 2 * time.Minute
	pollEvery        = 50 * time.Millisecond
	mendedMax        = 500
	unmendedMax      = 50
	killsOfMending   = 5 // one of so many kills comes while letters are tried again
	standstillKills  = 6 // kills in a row without a new checkpoint that are one too many
	parallelismFinal = 2
)

// outcome is what a run ended with.
type outcome struct {
	first, last *records.Report // before letters were tried again, and after
	kills       int
	mended      int
	again       int // letters that failed a second time
}

// exact reports whether all is as it should be.
func (o *outcome) exact() bool { return o.first.OK() && o.last.OK() }

// harness is one run.
type harness struct {
	settings
	folder, turgo, module string
	payments              []records.Record
	given                 int // payments that are in the input
	outcome               outcome
	epoch                 uint64 // newest checkpoint at the last kill
	still                 int    // kills since it rose
}

// run does a whole run.
func run(ctx context.Context, s settings) (o *outcome, err error) {
	h := &harness{settings: s}
	if h.folder, err = os.MkdirTemp("", "turgo-poison-"); err != nil {
		return nil, fmt.Errorf("poison: %w", err)
	}
	defer func() {
		if err == nil && h.outcome.exact() && !s.keep {
			err = os.RemoveAll(h.folder)
			return
		}
		fmt.Fprintf(s.out, "input, output, checkpoints and log: %s\n", h.folder)
	}()
	if err := h.setUp(ctx); err != nil {
		return nil, err
	}
	kills := schedule(s.seed, s.kills)
	while := len(kills) / killsOfMending
	if len(kills) > 0 {
		while = max(while, 1)
	}
	if err := h.process(ctx, kills[:len(kills)-while]); err != nil {
		return nil, err
	}
	if h.outcome.first, err = h.compare(ctx, nil, false); err != nil {
		return nil, err
	}
	h.tell("before letters are tried again", h.outcome.first)
	mended, err := h.tryAgain(ctx, kills[len(kills)-while:])
	if err != nil {
		return nil, err
	}
	if h.outcome.last, err = h.compare(ctx, mended, true); err != nil {
		return nil, err
	}
	h.tell("at the end", h.outcome.last)
	return &h.outcome, nil
}

func (h *harness) say(format string, arguments ...any) { fmt.Fprintf(h.out, format+"\n", arguments...) }

// tell prints what is wrong.
func (h *harness) tell(when string, r *records.Report) {
	h.say("%s: %d inputs, %d outputs, %d dead letters, %d lost, %d doubled, %d wrong", when, r.Inputs, r.Outputs, r.DeadLetters, r.Lost, r.Doubled, r.Wrong)
	for _, finding := range r.Findings {
		h.say("  %s", finding)
	}
}

func (h *harness) setUp(ctx context.Context) (err error) {
	h.payments, err = records.Make(records.Plan{Seed: h.seed, Count: h.records, Keys: min(keys, h.records), Poison: poisonPerMille, Endless: endlessPerMille})
	if err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(h.folder, "input"), 0o755); err != nil {
		return fmt.Errorf("poison: %w", err)
	}
	if h.turgo, err = process.BuildTurgo(ctx, h.folder); err != nil {
		return err
	}
	h.module, err = records.BuildGuest(ctx, h.guest, h.folder)
	return err
}

// start starts the host for a kill, or for good where there is none.
func (h *harness) start(k *kill, follow bool) (*process.Host, error) {
	o := process.Options{
		Program: h.turgo, Job: filepath.Join(h.folder, "job.yaml"), Log: filepath.Join(h.folder, "log"),
		Environment: []string{"TURGO_CACHE=" + filepath.Join(h.folder, "cache")},
	}
	parallelism := parallelismFinal
	if k != nil {
		o.CrashAt, o.CrashCount, parallelism = k.Point, k.Count, k.Parallelism
	}
	description := records.Job{Guest: h.guest, Module: h.module, Parallelism: parallelism, Interval: interval, Follow: follow}
	if err := os.WriteFile(o.Job, description.File(), 0o644); err != nil {
		return nil, fmt.Errorf("poison: %w", err)
	}
	return process.Start(o)
}

// process gives the job its input in as many portions as there are kills and one
// more, and kills the host while it works on each but the last.
func (h *harness) process(ctx context.Context, kills []kill) error {
	for i := range kills {
		if err := h.give(len(h.payments) * (i + 1) / (len(kills) + 1)); err != nil {
			return err
		}
		if err := h.killOnce(ctx, &kills[i]); err != nil {
			return err
		}
	}
	if err := h.give(len(h.payments)); err != nil {
		return err
	}
	host, err := h.start(nil, true)
	if err != nil {
		return err
	}
	if err := h.await(ctx, host, h.allGiven); err != nil {
		return errors.Join(err, host.Kill())
	}
	return host.Stop(endAt)
}

// give adds payments to the input, up to a number of them in all.
func (h *harness) give(upTo int) error {
	err := records.Append(filepath.Join(h.folder, "input"), h.payments[h.given:upTo])
	h.given = upTo
	return err
}

// allGiven reports whether all input has become output or letters.
func (h *harness) allGiven(ctx context.Context) (bool, error) {
	outputs, err := records.ReadOutputs(filepath.Join(h.folder, "output"))
	if err != nil {
		return false, err
	}
	letters, err := h.countLetters(ctx)
	return len(outputs)+letters >= len(h.payments), err
}

// await waits until a condition holds.
func (h *harness) await(ctx context.Context, host *process.Host, holds func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, endAt)
	defer cancel()
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		done, err := holds(ctx)
		if err != nil || done {
			return err
		}
		select {
		case <-poll.C:
		case <-host.Done():
			return fmt.Errorf("poison: the host ended: %w", host.Explain())
		case <-ctx.Done():
			return fmt.Errorf("poison: %v were not enough: %w", endAt, context.Cause(ctx))
		}
	}
}

// killOnce starts the host, and sees it killed as the schedule says.
func (h *harness) killOnce(ctx context.Context, k *kill) error {
	host, err := h.start(k, true)
	if err != nil {
		return err
	}
	if k.Point == "" {
		err = h.killLater(ctx, host, k)
	} else {
		select {
		case <-host.Done():
		case <-time.After(endAt):
			err = errors.Join(fmt.Errorf("poison: the host did not come to %s in %v", k.Point, endAt), host.Kill())
		case <-ctx.Done():
			err = errors.Join(context.Cause(ctx), host.Kill())
		}
	}
	if err != nil {
		return err
	}
	if !host.Killed() {
		return fmt.Errorf("poison: the host was to be killed %s, but ended: %w", k, host.Explain())
	}
	h.outcome.kills++
	return h.progress(ctx, k)
}

// killLater kills the host some time after it started, or told its first output.
func (h *harness) killLater(ctx context.Context, host *process.Host, k *kill) error {
	folder := filepath.Join(h.folder, "output")
	if !k.Starting {
		before, err := countFiles(folder)
		if err != nil {
			return errors.Join(err, host.Kill())
		}
		err = h.await(ctx, host, func(context.Context) (bool, error) {
			now, err := countFiles(folder)
			return now > before || h.given == 0, err
		})
		if err != nil {
			return errors.Join(err, host.Kill())
		}
	}
	timer := time.NewTimer(k.Delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return errors.Join(host.Kill(), context.Cause(ctx))
}

func countFiles(folder string) (int, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	return len(entries), err
}

// progress fails where kill after kill no checkpoint completes.
func (h *harness) progress(ctx context.Context, k *kill) error {
	desk, done, err := h.desk(ctx)
	if err != nil {
		return err
	}
	defer done()
	epoch := uint64(0)
	if desk.Manifest != nil {
		epoch = uint64(desk.Manifest.Epoch)
	}
	if epoch > h.epoch {
		h.epoch, h.still = epoch, 0
	} else if h.still++; h.still > standstillKills {
		return fmt.Errorf("poison: no checkpoint has completed since %d kills", h.still)
	}
	h.say("kill %d %s; newest checkpoint %d", h.outcome.kills, k, epoch)
	return nil
}

// tryAgain mends letters, resubmits them and others that it did not mend, is
// killed meanwhile, and lets the input end. It returns what was mended.
func (h *harness) tryAgain(ctx context.Context, kills []kill) (map[int]bool, error) {
	list, err := h.letters(ctx, letter.Waiting)
	if err != nil {
		return nil, err
	}
	good := list[:min(len(list), mendedMax)]
	bad := list[len(good):min(len(list), len(good)+unmendedMax)]
	mended := map[int]bool{}
	for _, f := range good {
		mended[f.record] = true
	}
	if err := h.order(ctx, good, bad); err != nil {
		return nil, err
	}
	for i := range kills {
		if i == 0 {
			kills[i].Point, kills[i].Count = job.InResubmission, 1+len(good)/2
		}
		// All letters may have been tried by now: no new output may come any more.
		if kills[i].Starting = kills[i].Point == ""; kills[i].Point == job.InCommits || kills[i].Point == job.AfterCommits {
			kills[i].Point = job.AfterManifest
		}
		if err := h.killOnce(ctx, &kills[i]); err != nil {
			return nil, err
		}
	}
	host, err := h.start(nil, true)
	if err != nil {
		return nil, err
	}
	if err := h.await(ctx, host, func(ctx context.Context) (bool, error) { return h.tried(ctx, good, bad) }); err != nil {
		return nil, errors.Join(err, host.Kill())
	}
	if err := host.Stop(endAt); err != nil {
		return nil, err
	}
	h.outcome.mended, h.outcome.again = len(good), len(bad)
	return mended, h.end(ctx)
}

// order mends the good ones and resubmits all.
func (h *harness) order(ctx context.Context, good, bad []found) error {
	desk, done, err := h.desk(ctx)
	if err != nil {
		return err
	}
	defer done()
	if err := mend(ctx, desk, good, h.payments); err != nil {
		return err
	}
	for _, list := range [][]found{good, bad} {
		if len(list) > 0 {
			if err := resubmit(ctx, desk, list); err != nil {
				return err
			}
		}
	}
	return nil
}

// tried reports whether all resubmitted letters were tried: the good ones took
// effect, the bad ones failed again.
func (h *harness) tried(ctx context.Context, good, bad []found) (bool, error) {
	desk, done, err := h.desk(ctx)
	if err != nil {
		return false, err
	}
	defer done()
	now := map[string]letter.Item{}
	for _, item := range desk.Items(func(*letter.Item) bool { return true }) {
		now[item.ID] = item
	}
	for _, f := range good {
		// A settled letter may be gone from the book.
		if item, there := now[f.id]; there && item.Status != letter.Done {
			return false, nil
		}
	}
	for _, f := range bad {
		item, there := now[f.id]
		if !there {
			return false, fmt.Errorf("poison: letter %s is gone, but nobody settled it", f.id)
		}
		if item.Status != letter.Waiting || item.Attempts <= f.item.Attempts {
			return false, nil
		}
	}
	return true, nil
}

// end lets the job read to the end of its input, where the totals come.
func (h *harness) end(ctx context.Context) error {
	host, err := h.start(nil, false)
	if err != nil {
		return err
	}
	select {
	case <-host.Done():
	case <-ctx.Done():
		return errors.Join(context.Cause(ctx), host.Kill())
	case <-time.After(endAt):
		return errors.Join(fmt.Errorf("poison: the job did not finish in %v", endAt), host.Kill())
	}
	if host.ExitCode() != 0 {
		return fmt.Errorf("poison: the job did not finish: %w", host.Explain())
	}
	return nil
}

// compare compares what the job has made of its input so far.
func (h *harness) compare(ctx context.Context, mended map[int]bool, ended bool) (*records.Report, error) {
	result := records.Result{Mended: mended, Ended: ended}
	var err error
	if result.Outputs, err = records.ReadOutputs(filepath.Join(h.folder, "output")); err != nil {
		return nil, err
	}
	letters, err := h.letters(ctx, letter.Waiting, letter.Ordered)
	if err != nil {
		return nil, err
	}
	for _, l := range letters {
		result.Letters = append(result.Letters, l.record)
	}
	return records.Check(h.payments, result), nil
}
