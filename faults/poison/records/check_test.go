package records_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/turgo-stream/turgo/faults/poison/records"
)

// perfect is the result that a job without a fault gives.
func perfect(list []records.Record) records.Result {
	result := records.Result{Ended: true}
	counts, sums := map[int]uint64{}, map[int]uint64{}
	for _, r := range list {
		if r.Kind != records.Good {
			result.Letters = append(result.Letters, r.ID)
			continue
		}
		counts[r.Key]++
		sums[r.Key] += r.Amount
		result.Outputs = append(result.Outputs, records.Output{Key: records.KeyText(r.Key), ID: r.ID, Count: counts[r.Key], Sum: sums[r.Key]})
	}
	for key, count := range counts {
		result.Outputs = append(result.Outputs, records.Output{Key: records.KeyText(key), Total: true, Count: count, Sum: sums[key]})
	}
	return result
}

func sample(t *testing.T) []records.Record {
	t.Helper()
	list, err := records.Make(records.Plan{Seed: 3, Count: 2000, Keys: 40, Poison: 100, Endless: 50})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestCheckSeesEachFault breaks a good result in all ways that the harness is to
// find, each alone.
func TestCheckSeesEachFault(t *testing.T) {
	list := sample(t)
	poison := slices.IndexFunc(list, func(r records.Record) bool { return r.Kind != records.Good })
	sameKey := func(outputs []records.Output, i int) int {
		return i + 1 + slices.IndexFunc(outputs[i+1:], func(o records.Output) bool { return o.Key == outputs[i].Key })
	}
	for name, test := range map[string]struct {
		change                     func(r *records.Result)
		lost, doubled, wrong, even bool
	}{
		"nothing":       {change: func(*records.Result) {}, even: true},
		"lost output":   {change: func(r *records.Result) { r.Outputs = slices.Delete(r.Outputs, 100, 101) }, lost: true, wrong: true},
		"lost letter":   {change: func(r *records.Result) { r.Letters = r.Letters[1:] }, lost: true},
		"output twice":  {change: func(r *records.Result) { r.Outputs = slices.Insert(r.Outputs, 500, r.Outputs[100]) }, doubled: true},
		"letter twice":  {change: func(r *records.Result) { r.Letters = append(r.Letters, r.Letters[7]) }, doubled: true},
		"on both sides": {change: func(r *records.Result) { r.Letters = append(r.Letters, r.Outputs[3].ID) }, doubled: true, wrong: true},
		"one lost, one doubled": {change: func(r *records.Result) {
			r.Letters[0] = r.Letters[1]
		}, lost: true, doubled: true, even: true},
		"good letter": {change: func(r *records.Result) {
			r.Letters = append(r.Letters, r.Outputs[0].ID)
			r.Outputs = r.Outputs[1:]
		}, wrong: true, even: true},
		"poison output": {change: func(r *records.Result) {
			r.Letters = r.Letters[1:]
			r.Outputs = append(r.Outputs, records.Output{Key: records.KeyText(list[poison].Key), ID: list[poison].ID, Count: 1, Sum: 1})
		}, wrong: true, even: true},
		"wrong sum":   {change: func(r *records.Result) { r.Outputs[9].Sum++ }, wrong: true, even: true},
		"wrong count": {change: func(r *records.Result) { r.Outputs[9].Count-- }, wrong: true, even: true},
		"wrong order": {change: func(r *records.Result) {
			i, j := 9, sameKey(r.Outputs, 9)
			r.Outputs[i], r.Outputs[j] = r.Outputs[j], r.Outputs[i]
		}, wrong: true, even: true},
		"wrong total":   {change: func(r *records.Result) { r.Outputs[len(r.Outputs)-1].Sum++ }, wrong: true, even: true},
		"total missing": {change: func(r *records.Result) { r.Outputs = r.Outputs[:len(r.Outputs)-1] }, wrong: true, even: true},
		"total twice":   {change: func(r *records.Result) { r.Outputs = append(r.Outputs, r.Outputs[len(r.Outputs)-1]) }, wrong: true, even: true},
		"unknown key":   {change: func(r *records.Result) { r.Outputs[1].Key = "other" }, wrong: true, lost: true},
		"unknown id":    {change: func(r *records.Result) { r.Outputs[1].ID = len(list) }, doubled: true, wrong: true, lost: true, even: true},
	} {
		t.Run(name, func(t *testing.T) {
			result := perfect(list)
			test.change(&result)
			r := records.Check(list, result)
			if (r.Lost > 0) != test.lost || (r.Doubled > 0) != test.doubled || (r.Wrong > 0) != test.wrong || (r.Inputs == r.Outputs+r.DeadLetters) != test.even {
				t.Errorf("%+v", r)
			}
			if r.OK() != (name == "nothing") || r.OK() != (len(r.Findings) == 0) {
				t.Errorf("OK is %v with %q", r.OK(), r.Findings)
			}
		})
	}
}

// TestCheckTakesMendedRecordsAnywhere puts records that were mended behind all
// others of their key.
func TestCheckTakesMendedRecordsAnywhere(t *testing.T) {
	list := sample(t)
	result := perfect(list)
	result.Outputs = slices.DeleteFunc(result.Outputs, func(o records.Output) bool { return o.Total })
	result.Ended, result.Mended = false, map[int]bool{}
	last := map[string]records.Output{}
	for _, o := range result.Outputs {
		last[o.Key] = o
	}
	for _, id := range result.Letters {
		o := last[records.KeyText(list[id].Key)]
		o.Key, o.ID, o.Count, o.Sum = records.KeyText(list[id].Key), id, o.Count+1, o.Sum+list[id].Amount
		last[o.Key] = o
		result.Outputs = append(result.Outputs, o)
		result.Mended[id] = true
	}
	result.Letters = nil
	if r := records.Check(list, result); !r.OK() || r.Outputs != len(list) {
		t.Errorf("%+v", r)
	}
	result.Outputs = append(result.Outputs, result.Outputs[len(result.Outputs)-1])
	if r := records.Check(list, result); r.OK() || r.Doubled != 1 {
		t.Errorf("a mended record that took effect twice: %+v", r)
	}
}

func TestOutputsAreReadInTheOrderOfCheckpoints(t *testing.T) {
	folder := t.TempDir()
	for name, text := range map[string]string{
		"part-0-totals-00000002-000": "k00001\t000000002 2 7\n",
		"part-0-totals-00000001-001": "k00001\t000000001 1 5\n",
		"part-0-totals-00000010-000": "k00001\ttotal 2 7\n",
		".staged":                    "not committed\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := records.ReadOutputs(folder)
	want := []records.Output{{Key: "k00001", ID: 1, Count: 1, Sum: 5}, {Key: "k00001", ID: 2, Count: 2, Sum: 7}, {Key: "k00001", Total: true, Count: 2, Sum: 7}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"", "k\t", "k 1 2 3", "k\tx 1 2", "k\t1 x 2", "k\t1 2 x", "k\t1 2 3 4"} {
		if err := os.WriteFile(filepath.Join(folder, "part-0-totals-00000011-000"), []byte(bad+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if list, err := records.ReadOutputs(folder); err == nil {
			t.Errorf("%q is read as %+v", bad, list)
		}
	}
}

func TestRecordsFollowFromTheSeed(t *testing.T) {
	a, b := sample(t), sample(t)
	if !slices.Equal(a, b) {
		t.Error("the same plan gives other records")
	}
	counts := map[records.Kind]int{}
	for _, r := range a {
		counts[r.Kind]++
	}
	if poison := len(a) - counts[records.Good]; poison < 140 || poison > 260 || len(counts) != 6 {
		t.Errorf("%v", counts)
	}
	if got := string(a[0].Line()); len(got) != 59 {
		t.Errorf("a line is %q", got)
	}
	if _, err := records.Make(records.Plan{Count: records.CountMax + 1, Keys: 1}); err == nil {
		t.Error("too many records are made")
	}
}
