package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/turgo-stream/turgo/host/letter"
)

const (
	// waitInterval is the time between two looks for answers.
	waitInterval = 300 * time.Millisecond
	// waitHint is after how long without an answer the user hears what may be wrong.
	waitHint = 10 * time.Second
)

// waitForAnswers waits until no resubmission of these letters is open.
func waitForAnswers(command *cobra.Command, desk *letterDesk, list []chosen, result *orderResult) error {
	ctx, stop := signal.NotifyContext(command.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	out := command.ErrOrStderr()
	ticker := time.NewTicker(waitInterval)
	defer ticker.Stop()
	started, hinted, told := time.Now(), false, -1
	before := make(map[string]int, len(list))
	for _, c := range list {
		before[c.ID] = c.Attempts
	}
	for {
		if err := desk.Refresh(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		effect, failed, other, open := outcomes(desk, list, before)
		if open == 0 {
			result.TookEffect, result.FailedAgain, result.Other = &effect, &failed, &other
			return tellOutcomes(command, result)
		}
		if answered := len(list) - open; answered != told {
			told = answered
			fmt.Fprintf(out, "%d of %d answered\n", answered, len(list))
		}
		if !hinted && told == 0 && time.Since(started) > waitHint {
			hinted = true
			fmt.Fprintf(out, "no answer yet: they are tried while \"turgo run %s\" runs, and answered by its next checkpoint\n", command.Flags().Arg(0))
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			fmt.Fprintln(out, "what is ordered stays ordered")
			return errWaitEnded
		}
	}
}

// outcomes counts what came of letters. One that the book has no more is
// answered, and was cleaned up since.
func outcomes(desk *letterDesk, list []chosen, before map[string]int) (effect, failed, other, open int) {
	for _, c := range list {
		item, err := desk.Item(c.ID)
		switch {
		case err != nil, item.Status == letter.Done:
			effect++
		case item.Status == letter.Discarded:
			other++
		case item.Attempts > before[c.ID]:
			failed++
		case item.Status == letter.Ordered:
			open++
		default:
			other++
		}
	}
	return effect, failed, other, open
}

func tellOutcomes(command *cobra.Command, result *orderResult) error {
	if wantsJSON(command) {
		if err := writeJSON(command.OutOrStdout(), result); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(command.OutOrStdout(), "%d letters resubmitted: %d took effect, %d failed again\n", result.Letters, *result.TookEffect, *result.FailedAgain)
		if *result.Other > 0 {
			fmt.Fprintf(command.OutOrStdout(), "%d were discarded meanwhile\n", *result.Other)
		}
	}
	if *result.FailedAgain > 0 {
		return errTold
	}
	return nil
}
