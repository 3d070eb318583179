package report

import (
	"encoding/json"
	"io"
)

type jsonReport struct {
	Suite       string       `json:"suite"`
	Subject     string       `json:"subject"`
	Seed        uint64       `json:"seed"`
	OK          bool         `json:"ok"`
	Passed      int          `json:"passed"`
	Failed      int          `json:"failed"`
	Skipped     int          `json:"skipped"`
	Interrupted bool         `json:"interrupted,omitempty"`
	Seconds     float64      `json:"seconds"`
	Results     []jsonResult `json:"results"`
}

type jsonResult struct {
	Group   string  `json:"group,omitempty"`
	Check   string  `json:"check"`
	Status  Status  `json:"status"`
	Reason  string  `json:"reason,omitempty"`
	Seconds float64 `json:"seconds"`
}

// JSON writes the report as one JSON object.
func (r *Report) JSON(w io.Writer) error {
	out := jsonReport{
		Suite: r.Suite, Subject: r.Subject, Seed: r.Seed, OK: r.Count(Fail) == 0 && !r.Interrupted, Passed: r.Count(Pass),
		Failed: r.Count(Fail), Skipped: r.Count(Skip), Interrupted: r.Interrupted, Seconds: r.Duration.Seconds(), Results: []jsonResult{},
	}
	for _, result := range r.Results {
		out.Results = append(out.Results, jsonResult{result.Group, result.Check, result.Status, result.Reason, result.Duration.Seconds()})
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(out)
}
