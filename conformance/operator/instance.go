package operator

import (
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"time"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/conformance/report"
	"github.com/turgo-stream/turgo/host/letter"
	"github.com/turgo-stream/turgo/host/wasm"
)

// clockStart is the processing time at which everything begins.
const clockStart = 1_700_000_000_000

// instance is one open operator with its state, as a task of a job has it.
type instance struct {
	subject   *subject
	operator  *wasm.Operator
	state     *recorder // nil where the operator keeps none
	watermark int64
	clock     int64
	emitted   []emission
	store     *store
	growing   []record.Batch
	failed    []letter.Failure
}

// emission is one record that came out.
type emission struct {
	output int
	// origin is the index of the record or timer of the call that it came from.
	origin int
	record string
	view   record.View // valid until the next call
}

// opening tells how an operator is opened.
type opening struct {
	subtask, parallelism int
	config               map[string]any
	fields               map[string]any
	limits               wasm.Limits
}

// callDuration is the time limit of calls with few records.
const callDuration = 10 * time.Second

// open opens the operator with a state of its own in a store, which may be nil
// where the operator keeps none.
func (o *subject) open(st *store, how opening) (*instance, error) {
	if how.parallelism == 0 {
		how.parallelism = 1
	}
	if how.config == nil {
		how.config = o.config
	}
	if how.limits.CallDuration == 0 {
		how.limits.CallDuration = callDuration
	}
	i := &instance{subject: o, store: st, watermark: abi.WatermarkMin, clock: clockStart}
	config := wasm.OpenConfig{
		Operator: o.description.Name, UID: "conformance", Subtask: how.subtask, Parallelism: how.parallelism,
		Config: how.config, RequestFields: how.fields, Limits: how.limits,
	}
	if o.description.Keyed() {
		st.spaces++
		keyed, err := st.keyed(fmt.Sprint("space-", st.spaces), o.description)
		if err != nil {
			return nil, err
		}
		i.state = newRecorder(keyed, o.description, &o.used)
		config.State = i.state
	}
	var err error
	if i.operator, err = o.module.Open(o.ctx, config); err != nil {
		return nil, err
	}
	return i, nil
}

// with opens a store and does something with it.
func (o *subject) with(attempt uint64, do func(*store) error) error {
	if !o.description.Keyed() {
		return do(nil)
	}
	st, err := o.newStore(attempt)
	if err != nil {
		return err
	}
	return errors.Join(do(st), st.close())
}

// opened opens the operator in a store of its own, does something, and closes it.
func (o *subject) opened(how opening, do func(*instance) error) error {
	return o.with(1, func(st *store) error {
		i, err := o.open(st, how)
		if err != nil {
			return o.faultOf(err, false, "turgo_open")
		}
		return errors.Join(do(i), i.end())
	})
}

// end drops the instance. What turgo_close does is for one check only.
func (i *instance) end() error {
	err := i.operator.Close()
	var guest *wasm.GuestError
	if errors.As(err, &guest) {
		return nil
	}
	return err
}

// send gives a batch as the host does: a record that the host fails for its null
// key is taken out, and the rest is given again.
func (i *instance) send(input int, records []record.Record) error {
	return i.sendBatch(input, batchOf(records))
}

func (i *instance) sendBatch(input int, batch record.Batch) error {
	i.emitted, i.failed = i.emitted[:0], nil
	err := i.operator.Process(input, batch, i.watermark, i.clock, i.take)
	i.failed = i.operator.Failures()
	return err
}

// sendUnseen sends a batch, and keeps nothing of what comes out: there may be much.
func (i *instance) sendUnseen(input int, batch record.Batch) error {
	i.emitted, i.failed = i.emitted[:0], nil
	return i.operator.Process(input, batch, i.watermark, i.clock, func(int, record.Batch) {})
}

func (i *instance) take(output int, batch record.Batch) {
	for records := batch.Records(); records.Next(); {
		view := records.Record()
		i.emitted = append(i.emitted, emission{output: output, origin: int(view.Origin()), record: showRecord(view), view: view})
	}
}

// batchOf makes a batch. The origins have no meaning to a guest: they are right
// for none of the records, but for one that is alone.
func batchOf(records []record.Record) record.Batch {
	var b record.Builder
	for n, r := range records {
		r.Origin = uint32(len(records) - 1 - n)
		b.Append(r)
	}
	return b.Finish()
}

// fireSlice is how many timers fire in a call at most.
const fireSlice = 1000

// fire fires one slice of timers.
func (i *instance) fire(limit int) (fired int, more bool, err error) {
	i.emitted, i.failed = i.emitted[:0], nil
	fired, more, err = i.operator.Fire(limit, i.watermark, i.clock, i.take)
	i.failed = i.operator.Failures()
	return fired, more, err
}

// faultOf turns the error of a call into the failure of the check to which it
// belongs. Ordinary says that what was sent asks nothing special of the operator: then
// a broken rule that has a check of its own is told there.
func (o *subject) faultOf(err error, ordinary bool, doing string) error {
	var guest *wasm.GuestError
	if err == nil || !errors.As(err, &guest) {
		return err
	}
	f := &failure{reason: fmt.Sprintf("%s: %s%s", doing, tell(guest), advice(guest)), trapped: guest.Kind == wasm.KindTrap}
	switch {
	case guest.Rule == wasm.RuleBuffer:
		f.owner = CheckBuffer
	case ordinary && guest.Rule == wasm.RuleHand:
		f.owner = CheckHand
	case ordinary && guest.Rule == wasm.RuleDeclared && strings.HasPrefix(guest.Call, "timer_"):
		f.owner = CheckTimers
	case ordinary && guest.Rule == wasm.RuleDeclared && guest.Call != "emit":
		f.owner = CheckStateUse
	case ordinary && exceeds(guest):
		f.owner = CheckLimits
	}
	if f.owner != "" && o.verdicts[f.owner] != nil && o.verdicts[f.owner].Status == report.Fail {
		f.reason = o.verdicts[f.owner].Reason
	}
	return f
}

// exceeds tells that a call exceeded a limit.
func exceeds(guest *wasm.GuestError) bool {
	switch guest.Kind {
	case wasm.KindTime, wasm.KindFuel, wasm.KindDepth, wasm.KindMemory, wasm.KindTable, wasm.KindState:
		return true
	case wasm.KindOutput:
		return guest.Rule == "" || guest.Rule == wasm.RuleBatches
	}
	return false
}

// tell says what a guest did, with the innermost frame of its stack.
func tell(guest *wasm.GuestError) string {
	text := string(guest.Kind) + ": " + guest.Reason
	frame, _, _ := strings.Cut(guest.Stack, "\n")
	frame, _, _ = strings.Cut(frame, "(") // its signature follows
	if frame = strings.TrimLeft(strings.TrimSpace(frame), "."); frame != "" {
		text += ", in " + frame
	}
	return text
}

// advise puts other advice in the place of what a failure says to do, unless the
// fault belongs to another check.
func advise(err error, text string) error {
	var f *failure
	if errors.As(err, &f) && f.owner == "" {
		seen, _, _ := strings.Cut(f.reason, "\n")
		f.reason = seen + "\n" + text
	}
	return err
}

// adviseTrap does so where the guest ran into a trap of its own.
func adviseTrap(err error, text string) error {
	if f := (*failure)(nil); errors.As(err, &f) && f.trapped {
		return advise(err, text)
	}
	return err
}

// advice says what to do about it.
func advice(guest *wasm.GuestError) string {
	text := ""
	switch guest.Rule {
	case wasm.RulePhase:
		text = "only log may be called at any time, and fail in turgo_open too: SPEC.md, section 5"
	case wasm.RuleDeclared:
		text = "declare it in the description, with the kind that it is used with: SPEC.md, section 10"
	case wasm.RuleHand:
		text = "store the index of each record in the control block before it is touched: SPEC.md, section 4"
	case wasm.RuleMemory:
		text = "pass a pointer and a length that lie inside the memory"
	case wasm.RuleBatch:
		text = "emit whole, valid batches whose origins are indexes of records of the handled batch: SPEC.md, section 6"
	case wasm.RuleStatus:
		text = "return 0; to fail single records, use fail: SPEC.md, section 9"
	case wasm.RuleBuffer:
		text = "turgo_buffer must grow on demand: SPEC.md, section 3"
	case wasm.RuleSize:
		text = "emit as many batches as it takes, each of at most 64 MiB: SPEC.md, section 6"
	case wasm.RuleBatches:
		text = "emit many records in one batch: SPEC.md, sections 5 and 12"
	case wasm.RuleControl:
		text = "the control block takes 32 bytes: SPEC.md, section 4"
	default:
		switch {
		case exceeds(guest):
			text = "SPEC.md, section 12, lists the limits"
		case guest.Kind == wasm.KindTrap:
			text = "a record that cannot be handled is to be failed with fail; a trap undoes the whole call: SPEC.md, section 9"
		}
	}
	if text != "" {
		text = "\n" + text
	}
	return text
}

// shownBytes bounds how much of a key or value a reason shows.
const shownBytes = 40

// show writes bytes for people. Different bytes give different texts.
func show(data []byte) string {
	switch {
	case data == nil:
		return "null"
	case len(data) <= shownBytes:
		return fmt.Sprintf("%q", data)
	}
	return fmt.Sprintf("%q... (%d bytes, crc %08x)", data[:shownBytes], len(data), crc32.ChecksumIEEE(data))
}

// showRecord writes a record for people, but for its origin. Different records
// give different texts.
func showRecord(v record.View) string {
	text := fmt.Sprintf("key %s, value %s", show(v.Key()), show(v.Value()))
	if v.Timestamp() != record.NoTimestamp {
		text += fmt.Sprintf(", time %d", v.Timestamp())
	}
	if v.Kind() != record.Insert {
		text += ", " + kindNames[v.Kind()]
	}
	if extensions := v.Extensions(); len(extensions) > 0 {
		text += ", extensions " + show(extensions)
	}
	return text
}

// showInput writes a record that is sent.
func showInput(r record.Record) string {
	return showRecord(viewOf(r))
}

// viewOf is a record as a batch holds it.
func viewOf(r record.Record) record.View {
	var b record.Builder
	b.Append(r)
	return b.Finish().At(record.HeaderLength)
}
