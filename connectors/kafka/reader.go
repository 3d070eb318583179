package kafka

import (
	"context"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/turgo-stream/turgo/connectors"
)

// idleMax is how long Next waits at most.
const idleMax = 100 * time.Millisecond

// reader reads the partitions of one subtask. What was fetched ahead is raw; it
// is decoded as it is asked for, into one buffer.
type reader struct {
	source   *source
	fetching *fetching
	current  *chunk // begun
	decoder  decoder
	batch    []byte // memory for the builder
	rate     rateLimit
	idle     *time.Timer
}

func newReader(s *source, client *kgo.Client) *reader {
	perSecond := float64(s.settings.RecordsPerSecond) / float64(max(1, s.config.Parallelism))
	return &reader{
		source: s, fetching: newFetching(s, client),
		batch:   make([]byte, 0, s.settings.BatchBytes+4096),
		decoder: newDecoder(),
		rate:    newRateLimit(perSecond, time.Now()),
		idle:    time.NewTimer(idleMax),
	}
}

// Assign adds partitions.
func (r *reader) Assign(_ context.Context, assignments []connectors.Assignment) error {
	partitions := make([]*partition, len(assignments))
	for i, assignment := range assignments {
		p, err := newPartition(assignment)
		if err != nil {
			return &connectors.FatalError{Err: err}
		}
		if !r.source.settings.reads(p.topic) {
			r.source.log.warn("kafka: the checkpoint holds a partition of a topic that the config does not name any more; it is read on", "step", r.source.config.UID, "topic", p.topic)
		}
		partitions[i] = p
	}
	for _, p := range partitions {
		r.fetching.add(p)
	}
	return nil
}

// Next gives the next records of one partition, or news of it.
func (r *reader) Next(ctx context.Context) (connectors.Delivery, error) {
	if err := ctx.Err(); err != nil {
		return connectors.Delivery{}, err
	}
	r.idle.Reset(idleMax)
	for {
		if r.current == nil {
			next, err := r.fetching.next()
			if err != nil {
				return connectors.Delivery{}, err
			}
			r.current = next
		}
		wait := time.Duration(0)
		if r.current != nil {
			allowed, pause := r.rate.allowed(time.Now())
			if allowed > 0 || r.current.data == nil && !r.decoder.busy() {
				delivery, err := r.deliver(allowed)
				if err != nil || delivery.SplitID != "" {
					return delivery, err
				}
				continue
			}
			wait = pause
		}
		if done, err := r.wait(ctx, wait); done || err != nil {
			return connectors.Delivery{}, err
		}
	}
}

// wait waits for records, or where there are some for the rate limit's pause.
// done says that Next has waited long enough.
func (r *reader) wait(ctx context.Context, pause time.Duration) (done bool, err error) {
	ready := r.fetching.ready
	var resume <-chan time.Time
	if pause > 0 {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		ready, resume = nil, timer.C
	}
	select {
	case <-ready:
		return false, nil
	case <-resume:
		return false, nil
	case <-r.idle.C:
		return true, nil
	case <-ctx.Done():
		return true, ctx.Err()
	}
}

// deliver makes a delivery of the chunk in work, empty where it holds nothing
// that is news.
func (r *reader) deliver(allowed int) (connectors.Delivery, error) {
	c := r.current
	p := c.partition
	if p.ended {
		r.drop()
		return connectors.Delivery{}, nil
	}
	if c.moveTo >= 0 {
		p.position = position{next: c.moveTo, epoch: -1}
	}
	d := &r.decoder
	d.begin(r.batch)
	if err := d.decode(c, r.source.settings.BatchBytes, allowed); err != nil {
		return connectors.Delivery{}, err
	}
	if len(c.data) == 0 && !d.busy() || p.done(p.next) {
		r.drop()
	}
	delivery := connectors.Delivery{SplitID: p.id, Position: p.encode(), End: p.done(p.next), LagRecords: r.fetching.lag(p), Undecodable: d.tooLarge}
	if count := d.builder.Count(); count > 0 {
		delivery.Batch = d.builder.Finish()
		r.batch = delivery.Batch
		r.rate.took(count)
	}
	if delivery.End {
		r.fetching.remove(p)
		r.source.splitFinished(p)
	}
	return delivery, nil
}

// drop ends the chunk in work.
func (r *reader) drop() {
	r.fetching.used(r.current)
	r.current = nil
	r.decoder.drop()
}

// Close ends what the reader has under way.
func (r *reader) Close() error {
	r.idle.Stop()
	r.fetching.close()
	return nil
}

// rateLimit allows so many records a second, and lets some gather so that a
// batch holds more than one.
type rateLimit struct {
	perSecond float64 // 0 = no limit
	tokens    float64
	last      time.Time
}

const (
	// ratePause is the shortest wait for records that are not allowed yet.
	ratePause = 10 * time.Millisecond
	// rateBurst is for how long a rate that was not used is kept.
	rateBurst = 100 * time.Millisecond
)

func newRateLimit(perSecond float64, now time.Time) rateLimit {
	return rateLimit{perSecond: perSecond, last: now}
}

// allowed is how many records may be delivered now, and where that is none how
// long to wait.
func (l *rateLimit) allowed(now time.Time) (records int, wait time.Duration) {
	if l.perSecond == 0 {
		return math.MaxInt, 0
	}
	burst := math.Max(1, l.perSecond*rateBurst.Seconds())
	l.tokens = math.Min(burst, l.tokens+now.Sub(l.last).Seconds()*l.perSecond)
	l.last = now
	if l.tokens >= 1 {
		return int(l.tokens), 0
	}
	missing := (1 - l.tokens) / l.perSecond
	return 0, max(ratePause, time.Duration(missing*float64(time.Second)))
}

func (l *rateLimit) took(records int) {
	if l.perSecond > 0 {
		l.tokens -= float64(records)
	}
}
