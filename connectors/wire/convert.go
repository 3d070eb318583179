package wire

import (
	"fmt"

	v1 "github.com/turgo-stream/turgo/abi/connector/v1"
	"github.com/turgo-stream/turgo/connectors"
)

// pageBytes is about how much a page of a long list holds.
const pageBytes = 512 << 10

// pages calls send with parts of a list, each of about pageBytes; at least once.
func pages[T any](list []T, size func(T) int, send func(part []T, last bool) error) error {
	for {
		bytes, n := 0, 0
		for n < len(list) && (n == 0 || bytes < pageBytes) {
			bytes += size(list[n]) + 16
			n++
		}
		last := n == len(list)
		if err := send(list[:n], last); err != nil || last {
			return err
		}
		list = list[n:]
	}
}

func splitSize(s connectors.Split) int { return len(s.ID) + len(s.Data) }

func assignmentSize(a connectors.Assignment) int { return splitSize(a.Split) + len(a.Position) }

func committableSize(c connectors.Committable) int { return len(c.ID) + len(c.Data) }

func configToWire(c connectors.Config) *v1.Config {
	return &v1.Config{
		Job: c.Job, JobUuid: c.JobUUID, Uid: c.UID, Attempt: c.Attempt,
		Parallelism: int32(c.Parallelism), BaseDir: c.BaseDir, Settings: c.Settings, Restored: c.Restored,
	}
}

func configFromWire(c *v1.Config) connectors.Config {
	return connectors.Config{
		Job: c.GetJob(), JobUUID: c.GetJobUuid(), UID: c.GetUid(), Attempt: c.GetAttempt(),
		Parallelism: int(c.GetParallelism()), BaseDir: c.GetBaseDir(), Settings: c.GetSettings(), Restored: c.GetRestored(),
	}
}

func splitsToWire(splits []connectors.Split) []*v1.Split {
	result := make([]*v1.Split, len(splits))
	for i, s := range splits {
		result[i] = &v1.Split{Id: s.ID, Data: s.Data, Eager: s.Eager}
	}
	return result
}

// splitsFromWire checks what a connector found against the limits.
func splitsFromWire(splits []*v1.Split) ([]connectors.Split, error) {
	result := make([]connectors.Split, len(splits))
	for i, s := range splits {
		if s.GetId() == "" || len(s.GetId()) > connectors.SplitIDBytesMax || len(s.GetData()) > connectors.SplitDataBytesMax {
			return nil, fmt.Errorf("wire: split %.64q has an ID of %d and data of %d bytes; 1..%d and at most %d are allowed",
				s.GetId(), len(s.GetId()), len(s.GetData()), connectors.SplitIDBytesMax, connectors.SplitDataBytesMax)
		}
		result[i] = connectors.Split{ID: s.GetId(), Data: s.GetData(), Eager: s.GetEager()}
	}
	return result, nil
}

func assignmentsToWire(assignments []connectors.Assignment) []*v1.Assignment {
	result := make([]*v1.Assignment, len(assignments))
	for i, a := range assignments {
		result[i] = &v1.Assignment{Split: &v1.Split{Id: a.Split.ID, Data: a.Split.Data}, Position: a.Position}
	}
	return result
}

func assignmentsFromWire(assignments []*v1.Assignment) []connectors.Assignment {
	result := make([]connectors.Assignment, len(assignments))
	for i, a := range assignments {
		result[i] = connectors.Assignment{Split: connectors.Split{ID: a.GetSplit().GetId(), Data: a.GetSplit().GetData()}, Position: a.Position}
	}
	return result
}

func committablesToWire(committables []connectors.Committable) *v1.Committables {
	result := &v1.Committables{Committables: make([]*v1.Committable, len(committables))}
	for i, c := range committables {
		result.Committables[i] = &v1.Committable{Id: c.ID, Data: c.Data}
	}
	return result
}

func committablesFromWire(committables *v1.Committables) []connectors.Committable {
	var result []connectors.Committable
	for _, c := range committables.GetCommittables() {
		result = append(result, connectors.Committable{ID: c.GetId(), Data: c.GetData()})
	}
	return result
}

// preparedFromWire checks what a connector prepared against the limits.
func preparedFromWire(committables *v1.Committables) ([]connectors.Committable, error) {
	result := committablesFromWire(committables)
	if len(result) > connectors.CommittablesMax {
		return nil, fmt.Errorf("wire: %d committables of one epoch, at most %d are allowed", len(result), connectors.CommittablesMax)
	}
	for _, c := range result {
		if c.ID == "" || len(c.ID) > connectors.CommittableIDBytesMax || len(c.Data) > connectors.CommittableDataBytesMax {
			return nil, fmt.Errorf("wire: committable %.64q has an ID of %d and data of %d bytes; 1..%d and at most %d are allowed",
				c.ID, len(c.ID), len(c.Data), connectors.CommittableIDBytesMax, connectors.CommittableDataBytesMax)
		}
	}
	return result, nil
}

var outcomesToWire = map[connectors.Outcome]v1.Outcome{
	connectors.Committed:     v1.Outcome_OUTCOME_COMMITTED,
	connectors.CommitRetry:   v1.Outcome_OUTCOME_RETRY,
	connectors.CommitLost:    v1.Outcome_OUTCOME_LOST,
	connectors.CommitUnknown: v1.Outcome_OUTCOME_UNKNOWN,
}

func resultsToWire(results []connectors.CommitResult) *v1.CommitResponse {
	response := &v1.CommitResponse{Results: make([]*v1.CommitResult, len(results))}
	for i, r := range results {
		response.Results[i] = &v1.CommitResult{Id: r.ID, Outcome: outcomesToWire[r.Outcome], Reason: r.Reason}
	}
	return response
}

// resultsFromWire checks that there is one answer for each committable, in
// order. An outcome that this version does not know is CommitUnknown.
func resultsFromWire(response *v1.CommitResponse, committables []connectors.Committable) ([]connectors.CommitResult, error) {
	if len(response.GetResults()) != len(committables) {
		return nil, fmt.Errorf("wire: %d results for %d committables", len(response.GetResults()), len(committables))
	}
	results := make([]connectors.CommitResult, len(committables))
	for i, r := range response.GetResults() {
		if r.GetId() != committables[i].ID {
			return nil, fmt.Errorf("wire: result %d is for committable %q, want %q", i, r.GetId(), committables[i].ID)
		}
		results[i] = connectors.CommitResult{ID: r.GetId(), Outcome: connectors.CommitUnknown, Reason: r.GetReason()}
		for outcome, name := range outcomesToWire {
			if name == r.GetOutcome() {
				results[i].Outcome = outcome
			}
		}
	}
	return results, nil
}

var guaranteesToWire = map[connectors.Guarantee]v1.Guarantee{
	connectors.ExactlyOnce: v1.Guarantee_GUARANTEE_EXACTLY_ONCE,
	connectors.Idempotent:  v1.Guarantee_GUARANTEE_IDEMPOTENT,
	connectors.AtLeastOnce: v1.Guarantee_GUARANTEE_AT_LEAST_ONCE,
}

func guaranteeFromWire(name v1.Guarantee) (connectors.Guarantee, error) {
	for guarantee, known := range guaranteesToWire {
		if known == name {
			return guarantee, nil
		}
	}
	return "", fmt.Errorf("wire: unknown guarantee %d", name)
}
