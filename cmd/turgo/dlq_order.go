package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/turgo-stream/turgo/host/letter"
	"github.com/turgo-stream/turgo/host/plan"
)

// orderFlags are those of the commands that order something.
type orderFlags struct {
	filter letterFilter
	all    bool
	yes    bool
	by     string
}

func (f *orderFlags) flags(command *cobra.Command) {
	flags := command.Flags()
	flags.BoolVar(&f.all, "all", false, "all letters that the filters choose, in place of ids")
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask before --all")
	flags.StringVar(&f.by, "by", "", "`name` of who orders it, for the letter's history (default: the user of the system)")
	f.filter.flags(command, 0)
}

// letters finds what the command line names: ids, or all of a filter. Each must
// have one of the statuses.
func (f *orderFlags) letters(command *cobra.Command, desk *letterDesk, arguments []string, what string, statuses ...letter.Status) ([]chosen, error) {
	job, ids := arguments[0], arguments[1:]
	if f.all != (len(ids) == 0) {
		return nil, badInput(fmt.Errorf("name the letters to %s, or give --all with filters: see %s --help", what, command.CommandPath()))
	}
	if f.all {
		if len(f.filter.statuses) > 0 {
			return nil, badInput(fmt.Errorf("--status is not for %q: only letters that wait can be chosen", command.CommandPath()))
		}
		list, _, err := desk.choose(command.Context(), &f.filter, true, statuses...)
		if err != nil || len(list) == 0 {
			return nil, err
		}
		return list, f.confirm(command, len(list), what)
	}
	var list []chosen
	seen := map[string]bool{}
	for _, id := range ids {
		item, err := desk.Item(id)
		if err != nil {
			return nil, unknownLetter(job, err)
		}
		anew := item.Order > 0 && item.Order <= desk.AnswersLost() && what == "resubmit"
		if !contains(statuses, item.Status) && !anew {
			return nil, badInput(fmt.Errorf("cannot %s letter %s: %s", what, id, statusReason(item)))
		}
		l, err := desk.Read(command.Context(), id)
		if err != nil {
			return nil, err
		}
		if !seen[id] {
			seen[id] = true
			list = append(list, chosen{Item: item, letter: l})
		}
	}
	return list, nil
}

func contains(list []letter.Status, status letter.Status) bool {
	for _, s := range list {
		if s == status {
			return true
		}
	}
	return false
}

func statusReason(item letter.Item) string {
	switch item.Status {
	case letter.Done:
		return "a resubmission of it took effect already"
	case letter.Discarded:
		return "it is discarded already"
	case letter.Ordered:
		return fmt.Sprintf("its resubmission is ordered already (command %d): wait for its outcome", item.Order)
	}
	return "it is " + string(item.Status)
}

func unknownLetter(job string, err error) error {
	var unknown *letter.UnknownError
	if errors.As(err, &unknown) {
		return badInput(fmt.Errorf("%w: see \"turgo dlq list %s\"", err, job))
	}
	return err
}

// confirm asks before something is done to many letters.
func (f *orderFlags) confirm(command *cobra.Command, count int, what string) error {
	if f.yes {
		return nil
	}
	question := fmt.Sprintf("%s %d letters", what, count)
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return badInput(fmt.Errorf("this would %s: repeat it with --yes", question))
	}
	fmt.Fprintf(command.ErrOrStderr(), "%s? [y/N] ", question)
	answer, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil || strings.ToLower(strings.TrimSpace(answer)) != "y" {
		return badInput(errors.New("nothing was done"))
	}
	return nil
}

// orderResult is what a command that orders something tells.
type orderResult struct {
	Command  letter.CommandKind `json:"command"`
	Letters  int                `json:"letters"`
	Commands []uint64           `json:"commands"`
	// The rest is of a resubmission that was waited for.
	TookEffect  *int `json:"took_effect,omitempty"`
	FailedAgain *int `json:"failed_again,omitempty"`
	Other       *int `json:"other,omitempty"`
}

// order appends commands and tells so.
func (f *orderFlags) order(ctx context.Context, desk *letterDesk, list []chosen, c letter.Command, result *orderResult) error {
	if c.By, c.AtMS = f.by, time.Now().UnixMilli(); c.By == "" {
		c.By = userName()
	}
	c.IDs = make([]string, len(list))
	for i := range list {
		c.IDs[i] = list[i].ID
	}
	if len(c.IDs) == 0 {
		return nil
	}
	appended, err := desk.Append(ctx, c)
	for _, one := range appended {
		result.Commands = append(result.Commands, one.Number)
		result.Letters += len(one.IDs)
	}
	if err != nil && result.Letters > 0 {
		return fmt.Errorf("%d of %d letters are ordered, then: %w", result.Letters, len(list), err)
	}
	return err
}

func (r *orderResult) tell(command *cobra.Command, text string) error {
	if wantsJSON(command) {
		return writeJSON(command.OutOrStdout(), r)
	}
	_, err := fmt.Fprintf(command.OutOrStdout(), "%d letters %s\n", r.Letters, text)
	return err
}

// atLeast wants n arguments or more.
func atLeast(names ...string) cobra.PositionalArgs {
	return func(command *cobra.Command, arguments []string) error {
		if len(arguments) >= len(names) {
			return nil
		}
		return badInput(fmt.Errorf("%s takes %s: see %s --help", command.CommandPath(), strings.Join(names, " "), command.CommandPath()))
	}
}

func newDLQDiscard() *cobra.Command {
	var flags orderFlags
	command := &cobra.Command{
		Use:   "discard JOB [ID...]",
		Short: "Decide against letters: they are gone for good",
		Args:  atLeast("JOB"),
		RunE: func(command *cobra.Command, arguments []string) error {
			desk, err := openDesk(command, arguments[0])
			if err != nil {
				return err
			}
			defer desk.close()
			list, err := flags.letters(command, desk, arguments, "discard", letter.Waiting, letter.Ordered)
			if err != nil {
				return err
			}
			result := &orderResult{Command: letter.DiscardCommand, Commands: []uint64{}}
			if err := flags.order(command.Context(), desk, list, letter.Command{Kind: letter.DiscardCommand}, result); err != nil {
				return err
			}
			return result.tell(command, "discarded")
		},
	}
	flags.flags(command)
	return command
}

func newDLQResubmit() *cobra.Command {
	var flags orderFlags
	var atSource string
	var wait bool
	command := &cobra.Command{
		Use:   "resubmit JOB [ID...]",
		Short: "Order that the job tries letters again, edits included",
		Long: `Order that the job tries letters again, with what was edited. A running job does
so within seconds, a stopped one when it runs next, a finished one too. Each
takes effect exactly once, or fails again and counts one attempt more.

With --at-source the record goes in as if the source had just read it, in place
of the step that failed.`,
		Args: atLeast("JOB"),
		RunE: func(command *cobra.Command, arguments []string) error {
			desk, err := openDesk(command, arguments[0])
			if err != nil {
				return err
			}
			defer desk.close()
			list, err := flags.letters(command, desk, arguments, "resubmit", letter.Waiting)
			if err != nil {
				return err
			}
			groups, err := bySource(desk.job, list, atSource)
			if err != nil {
				return err
			}
			result := &orderResult{Command: letter.ResubmitCommand, Commands: []uint64{}}
			for _, group := range groups {
				c := letter.Command{Kind: letter.ResubmitCommand, AtSource: group.source}
				if err := flags.order(command.Context(), desk, group.letters, c, result); err != nil {
					return err
				}
			}
			if wait && len(list) > 0 {
				return waitForAnswers(command, desk, list, result)
			}
			return result.tell(command, "ordered to be resubmitted")
		},
	}
	flags.flags(command)
	command.Flags().StringVar(&atSource, "at-source", "", "the record goes in behind this source: its `uid`, or nothing for the one that read it")
	command.Flags().Lookup("at-source").NoOptDefVal = originSource
	command.Flags().BoolVar(&wait, "wait", false, "wait until all are tried; Ctrl-C ends the waiting only")
	return command
}

// originSource is the value of --at-source without one.
const originSource = "the one that read it"

// sourceGroup is letters that go in at one place; an empty source is the step.
type sourceGroup struct {
	source  string
	letters []chosen
}

// bySource finds out where letters go in.
func bySource(job *plan.Job, list []chosen, atSource string) ([]sourceGroup, error) {
	var sources []string
	for i := range job.Flow {
		if job.Flow[i].Kind == plan.Source {
			sources = append(sources, job.Flow[i].UID)
		}
	}
	var groups []sourceGroup
	for _, c := range list {
		source := ""
		switch {
		case c.Kind == letter.Undecodable && len(c.letter.Edits) == 0:
			return nil, badInput(fmt.Errorf("letter %s holds bytes that source %s could not make a record of: \"turgo dlq edit\" it first, then it goes in behind the source", c.ID, c.UID))
		case c.Kind == letter.Undecodable:
			source = c.UID
		case atSource == "":
		case c.letter.Kind == letter.Timer:
			return nil, badInput(fmt.Errorf("letter %s is a timer: it cannot go in at a source", c.ID))
		case atSource != originSource:
			source = atSource
		case c.letter.Place.Source != "":
			source = c.letter.Place.Source
		case len(sources) == 1:
			source = sources[0]
		default:
			return nil, badInput(fmt.Errorf("letter %s does not tell which source it came from: give --at-source=UID, one of %q", c.ID, sources))
		}
		known := source == ""
		for _, uid := range sources {
			known = known || uid == source
		}
		if !known {
			return nil, badInput(fmt.Errorf("the job has no source %q: it has %q", source, sources))
		}
		if len(groups) == 0 || groups[len(groups)-1].source != source {
			groups = append(groups, sourceGroup{source: source})
		}
		last := &groups[len(groups)-1]
		last.letters = append(last.letters, c)
	}
	return groups, nil
}
