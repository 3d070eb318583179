package faulty

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	v1 "github.com/turgo-stream/turgo/abi/connector/v1"
	"github.com/turgo-stream/turgo/abi/record"
)

// windowBytes is what the host may have under way to one writer.
const windowBytes = 256 << 10

// refusedPrefix begins the values that the sink does not take.
var refusedPrefix = []byte("refuse")

// writing is one writer's stream.
type writing struct {
	*connector
	stream   grpc.ServerStream
	store    *store
	subtask  int64
	epoch    *epoch // nil before the first record
	epochs   int64  // that were begun
	consumed int64
	late     []frame // refused records, for the fault that sends them late
}

func (c *connector) write(_ any, stream grpc.ServerStream) error {
	release, err := c.acquire(stream.Context())
	if err != nil {
		return err
	}
	err = c.serveWriter(stream)
	release(err)
	return failed(err)
}

func (c *connector) serveWriter(stream grpc.ServerStream) error {
	open, err := receive(stream)
	if err != nil {
		return err
	}
	if open.kind != kindOpen {
		return fmt.Errorf("faulty: kind %d where open was due", open.kind)
	}
	_, _, store := c.opened()
	if err := store.idle(); err != nil {
		return err
	}
	w := &writing{connector: c, stream: stream, store: store, subtask: open.number}
	if err := send(stream, frame{kind: kindOpened, number: windowBytes}); err != nil {
		return err
	}
	err = w.run()
	return errors.Join(err, w.close())
}

func (w *writing) run() error {
	for {
		f, err := receive(w.stream)
		if errors.Is(err, io.EOF) {
			if w.has("writer_ignores_half_close") {
				<-w.stream.Context().Done()
			}
			return nil
		}
		if err != nil {
			return err
		}
		switch f.kind {
		case kindWrite:
			err = w.take(f)
		case kindPrepare:
			err = w.prepare(f.number)
		default:
			err = fmt.Errorf("faulty: kind %d in a write stream", f.kind)
		}
		if err != nil {
			return err
		}
	}
}

// take writes one batch, and gives its credit back.
func (w *writing) take(f frame) error {
	given, err := record.Parse(f.body)
	if err != nil {
		return err
	}
	if hasNull(given) {
		switch {
		case w.has("fails_on_nulls"):
			return errors.New("faulty: a value is null")
		case w.has("drops_batches_with_nulls"):
			given = nil
		}
	}
	if err := w.store.used(); err != nil {
		return err
	}
	for records := given.Records(); records.Next(); {
		if err := w.takeRecord(records.Record(), given); err != nil {
			return err
		}
	}
	w.consumed += f.cost()
	switch {
	case w.has("gives_no_credit_back"):
		return nil
	case w.has("gives_more_credit_back"):
		w.consumed += f.cost()
	}
	if w.consumed < windowBytes/4 {
		return nil
	}
	credit := frame{kind: kindCredit, number: w.consumed}
	w.consumed = 0
	return send(w.stream, credit)
}

func hasNull(given record.Batch) bool {
	for records := given.Records(); records.Next(); {
		if records.Record().Value() == nil {
			return true
		}
	}
	return false
}

func (w *writing) takeRecord(view record.View, whole record.Batch) error {
	if bytes.HasPrefix(view.Value(), refusedPrefix) {
		return w.refuse(view, whole)
	}
	if w.epoch == nil {
		var err error
		w.epochs++
		if w.epoch, err = w.store.begin(w.subtask, w.epochs); err != nil {
			return err
		}
	}
	one := lineOf(view)
	if w.has("writes_twice") {
		if err := w.epoch.append(one); err != nil {
			return err
		}
	}
	return w.epoch.append(one)
}

func (w *writing) refuse(view record.View, whole record.Batch) error {
	f := frame{kind: kindRefused, text: cut("it begins with refuse", 100), body: batch([]line{lineOf(view)})}
	switch {
	case w.has("refuses_without_reason"):
		f.text = nil
	case w.has("refuses_whole_batches"):
		f.body = whole
	case w.has("refuses_late"):
		w.late = append(w.late, f)
		return nil
	}
	return send(w.stream, f)
}

func (w *writing) prepare(number int64) error {
	var list v1.Committables
	if w.epoch != nil {
		if err := w.store.stage(w.epoch); err != nil {
			return err
		}
		list.Committables = []*v1.Committable{{Id: w.epoch.name}}
		w.epoch = nil
	}
	switch {
	case w.has("prepares_another_epoch"):
		number++
	case w.has("prepares_too_much"):
		for i := range 1025 {
			list.Committables = append(list.Committables, &v1.Committable{Id: fmt.Sprint("nothing ", i)})
		}
	}
	body, err := proto.Marshal(&list)
	if err != nil {
		return err
	}
	if err := send(w.stream, frame{kind: kindPrepared, number: number, body: body}); err != nil {
		return err
	}
	for _, f := range w.late {
		if err := send(w.stream, f); err != nil {
			return err
		}
	}
	w.late = nil
	return nil
}

// close drops what was not prepared.
func (w *writing) close() error {
	if err := w.store.used(); err != nil || w.epoch == nil {
		return err
	}
	if !w.has("commits_at_close") {
		return w.store.drop(w.epoch)
	}
	if err := w.store.stage(w.epoch); err != nil {
		return err
	}
	_, err := w.store.commit(w.epoch.name)
	return err
}
