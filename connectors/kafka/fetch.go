package kafka

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// trouble is why a partition cannot be fetched now.
type trouble int

const (
	troubleNone trouble = iota
	// troubleStart: its first offset is not known yet.
	troubleStart
	// troubleLeader: its leader is not known, or did not do its part.
	troubleLeader
	// troubleRange: the broker has no such offset.
	troubleRange
	// troubleReplaced: the log before the offset is not the one that was read.
	troubleReplaced
)

// emptyReadsMax is after how many empty answers before the end of a bounded
// partition nothing is to come there: compaction removed it.
const emptyReadsMax = 3

// failuresQuiet is how many failures in a row are business as usual: leaders move.
const failuresQuiet = 3

// fetching reads ahead for one reader: a goroutine for each broker sends one
// fetch at a time, and another finds leaders and offsets (resolve.go).
type fetching struct {
	source *source
	client *kgo.Client
	ctx    context.Context
	cancel context.CancelFunc
	tasks  sync.WaitGroup
	ready  chan struct{} // something is in the queue, or failed
	wanted chan struct{} // some partition is in trouble

	mutex      sync.Mutex
	room       *sync.Cond // of the mutex: a broker's fetch may be possible now
	partitions []*partition
	brokers    map[int32]*brokerFetch
	queue      []*chunk
	failure    error
	closed     bool
	away       bool // a broker gave no answer, and none has given one since
}

// brokerFetch is one broker's share of the read-ahead.
type brokerFetch struct {
	id     int32
	turn   int // who is asked first; rises with every fetch
	queued int // bytes
}

func newFetching(s *source, client *kgo.Client) *fetching {
	f := &fetching{
		source: s, client: client, brokers: map[int32]*brokerFetch{},
		ready: make(chan struct{}, 1), wanted: make(chan struct{}, 1),
	}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	f.room = sync.NewCond(&f.mutex)
	f.tasks.Go(f.resolveAll)
	return f
}

func signal(channel chan struct{}) {
	select {
	case channel <- struct{}{}:
	default:
	}
}

// add begins to fetch a partition, or, where nothing of it is to be read, tells
// the reader so.
func (f *fetching) add(p *partition) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.partitions = append(f.partitions, p)
	if p.done(p.fetch.next) {
		f.push(&chunk{partition: p, moveTo: -1})
		return
	}
	if p.trouble == troubleNone {
		p.trouble = troubleLeader
	}
	signal(f.wanted)
}

// remove ends a partition.
func (f *fetching) remove(p *partition) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	p.ended = true
	f.partitions = slices.DeleteFunc(f.partitions, func(q *partition) bool { return q == p })
}

// push adds to the queue; the mutex is held.
func (f *fetching) push(c *chunk) {
	f.queue = append(f.queue, c)
	signal(f.ready)
}

// fail ends all fetching; the reader gets the error after what is queued.
func (f *fetching) fail(err error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.failHeld(err)
}

// failHeld is fail where the mutex is held.
func (f *fetching) failHeld(err error) {
	if f.failure == nil && !f.closed {
		f.failure = err
		f.cancel()
		f.room.Broadcast()
		signal(f.ready)
	}
}

// next takes the first chunk, and with it the partition's end offset; or gives
// the failure.
func (f *fetching) next() (c *chunk, err error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if len(f.queue) == 0 {
		return nil, f.failure
	}
	c = f.queue[0]
	f.queue[0] = nil
	if f.queue = f.queue[1:]; len(f.queue) == 0 {
		f.queue = nil
	}
	return c, nil
}

// lag is how many offsets of a partition are before its end and not read.
func (f *fetching) lag(p *partition) int64 {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	switch {
	case p.endOffset < 0:
		return -1
	case p.bounded():
		return max(0, min(p.endOffset, p.data.stop)-p.next)
	case p.emptyReads >= emptyReadsMax:
		return 0
	}
	return max(0, p.endOffset-p.next)
}

// used gives the memory of a chunk back to its broker's read-ahead.
func (f *fetching) used(c *chunk) {
	if c.broker == nil {
		return
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	c.broker.queued -= c.size
	f.room.Broadcast()
}

// close ends all goroutines and the connections.
func (f *fetching) close() {
	f.mutex.Lock()
	f.closed = true
	f.cancel()
	f.room.Broadcast()
	f.mutex.Unlock()
	f.tasks.Wait()
	f.client.Close()
}

// fetchFrom makes sure that a broker is asked; the mutex is held.
func (f *fetching) fetchFrom(id int32) {
	if f.brokers[id] == nil && !f.closed && f.failure == nil {
		b := &brokerFetch{id: id}
		f.brokers[id] = b
		f.tasks.Go(func() { f.fetchAll(b) })
	}
	f.room.Broadcast()
}

// fetchAll sends one fetch after the other to a broker.
func (f *fetching) fetchAll(b *brokerFetch) {
	for {
		request, asked := f.plan(b)
		if request == nil {
			return
		}
		begun := time.Now()
		answer, err := f.client.Broker(int(b.id)).Request(f.ctx, request)
		if err != nil {
			f.unanswered(b, asked, err)
			continue
		}
		response := answer.(*kmsg.FetchResponse)
		bytes := fetchedBytes(response)
		f.take(b, asked, response, bytes == 0 && response.ThrottleMillis == 0)
		if bytes == 0 && time.Since(begun) < time.Duration(request.MaxWaitMillis)*time.Millisecond/2 {
			// It has nothing and did not wait as it was asked to: the next may not either.
			f.pause(backOffMin)
		}
	}
}

func fetchedBytes(response *kmsg.FetchResponse) (bytes int) {
	for i := range response.Topics {
		for j := range response.Topics[i].Partitions {
			bytes += len(response.Topics[i].Partitions[j].RecordBatches)
		}
	}
	return bytes
}

func (f *fetching) pause(duration time.Duration) {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-f.ctx.Done():
	}
}

// asked is a partition of a fetch, with the position asked for.
type asked struct {
	partition *partition
	position
	leaderEpoch int32
}

// plan waits until a broker may be asked and makes the request; nil = never
// again. It asks for all partitions that the broker leads, so that none waits
// for the answer to a fetch that leaves it out.
func (f *fetching) plan(b *brokerFetch) (*kmsg.FetchRequest, []asked) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	for {
		if f.closed || f.failure != nil {
			return nil, nil
		}
		if b.queued <= f.source.settings.FetchBytesMax/2 {
			if list := f.ledBy(b); len(list) > 0 {
				return f.request(list), list
			}
		}
		f.room.Wait()
	}
}

// ledBy lists what may be fetched from a broker, topic by topic. Brokers fill
// their answers in this order, so it changes each time.
func (f *fetching) ledBy(b *brokerFetch) []asked {
	var list []asked
	for _, p := range f.partitions {
		if p.leader == b.id && p.trouble == troubleNone && !p.done(p.fetch.next) {
			list = append(list, asked{p, p.fetch, p.leaderEpoch})
		}
	}
	if len(list) < 2 {
		return list
	}
	b.turn++
	first := b.turn % len(list)
	topic := list[first].partition.topic
	rotated := append(append(make([]asked, 0, len(list)), list[first:]...), list[:first]...)
	slices.SortStableFunc(rotated, func(a, b asked) int { return rank(a, topic) - rank(b, topic) })
	return rotated
}

// rank keeps the partitions of the topic that is first together.
func rank(a asked, topic string) int {
	if a.partition.topic == topic {
		return 0
	}
	return 1
}

func (f *fetching) request(list []asked) *kmsg.FetchRequest {
	settings := f.source.settings
	request := kmsg.NewPtrFetchRequest()
	request.MaxWaitMillis = int32(settings.FetchWaitMSMax)
	request.MinBytes = int32(settings.FetchBytesMin)
	request.MaxBytes = int32(settings.FetchBytesMax)
	request.SessionEpoch = -1
	if settings.Isolation == isolationCommitted {
		request.IsolationLevel = 1
	}
	places := map[string]int{}
	for _, a := range list {
		place, found := places[a.partition.topic]
		if !found {
			place = len(request.Topics)
			places[a.partition.topic] = place
			topic := kmsg.NewFetchRequestTopic()
			topic.Topic, topic.TopicID = a.partition.topic, a.partition.data.topicID
			request.Topics = append(request.Topics, topic)
		}
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.FetchOffset = a.partition.index, a.next
		p.CurrentLeaderEpoch, p.LastFetchedEpoch = a.leaderEpoch, a.epoch
		p.PartitionMaxBytes = int32(settings.FetchPartitionBytesMax)
		request.Topics[place].Partitions = append(request.Topics[place].Partitions, p)
	}
	return request
}

// unanswered takes note that a broker gave no answer: its partitions look for
// their leaders again.
func (f *fetching) unanswered(b *brokerFetch, list []asked, err error) {
	if f.ctx.Err() != nil {
		return
	}
	if classify(err) != retryable {
		f.fail(f.source.settings.explain(fmt.Sprintf("fetch from broker %d", b.id), err))
		return
	}
	f.source.log.warn("kafka: a broker does not answer; trying again", "step", f.source.config.UID, "broker", b.id, "reason", err)
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.away = true
	for _, a := range list {
		f.lost(a.partition, troubleLeader)
	}
}

// lost puts a partition aside, for a while that grows; the mutex is held.
func (f *fetching) lost(p *partition, why trouble) {
	p.trouble = why
	p.leader = -1
	p.retryMS = time.Now().Add(backOff(p.failures)).UnixMilli()
	p.failures++
	signal(f.wanted)
}

// backOff is the pause after so many failures in a row; none after the first.
func backOff(failures int) time.Duration {
	if failures == 0 {
		return 0
	}
	return min(backOffMin<<min(failures-1, 10), backOffMax)
}

// take sorts a broker's answer. empty says that the broker had nothing at all to
// give, though it was free to.
func (f *fetching) take(b *brokerFetch, list []asked, response *kmsg.FetchResponse, empty bool) {
	if trouble, err := troubleOf(response.ErrorCode); err != nil || trouble != troubleNone {
		f.refused(b, list, err)
		return
	}
	type key struct {
		topic string
		id    [16]byte
		index int32
	}
	byKey := make(map[key]asked, len(list))
	for _, a := range list {
		if response.Version >= 13 {
			byKey[key{id: a.partition.data.topicID, index: a.partition.index}] = a
		} else {
			byKey[key{topic: a.partition.topic, index: a.partition.index}] = a
		}
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.away {
		f.away = false
		slog.Info("kafka: brokers answer again", "step", f.source.config.UID)
	}
	for i := range response.Topics {
		topic := &response.Topics[i]
		for j := range topic.Partitions {
			k := key{index: topic.Partitions[j].Partition}
			if response.Version >= 13 {
				k.id = topic.TopicID
			} else {
				k.topic = topic.Topic
			}
			a, found := byKey[k]
			if !found || a.partition.ended {
				continue
			}
			delete(byKey, k)
			f.takePartition(b, a, &topic.Partitions[j], empty)
		}
	}
	// A broker names every partition that it was asked for. One that it leaves out
	// must not be asked for without pause.
	for _, a := range byKey {
		if !a.partition.ended {
			f.lost(a.partition, troubleLeader)
		}
	}
}

// refused takes note of an answer that is an error as a whole.
func (f *fetching) refused(b *brokerFetch, list []asked, err error) {
	if classify(err) != retryable {
		f.fail(f.source.settings.explain(fmt.Sprintf("fetch from broker %d", b.id), err))
		return
	}
	f.unanswered(b, list, err)
}

// takePartition takes what an answer says of one partition; the mutex is held.
func (f *fetching) takePartition(b *brokerFetch, a asked, got *kmsg.FetchResponseTopicPartition, empty bool) {
	p := a.partition
	trouble, err := troubleOf(got.ErrorCode)
	switch {
	case trouble == troubleNone && err != nil:
		f.failHeld(f.source.settings.explain(fmt.Sprintf("fetch topic %s partition %d", p.topic, p.index), err))
		return
	case trouble == troubleNone && got.DivergingEpoch.EndOffset >= 0 && got.DivergingEpoch.Epoch >= 0:
		trouble = troubleReplaced
		p.endOffset = got.DivergingEpoch.EndOffset
	}
	if trouble != troubleNone {
		if p.failures >= failuresQuiet && err != nil {
			f.source.log.warn("kafka: a partition cannot be read now; trying again", "step", f.source.config.UID, "topic", p.topic, "partition", p.index, "reason", err)
		}
		f.lost(p, trouble)
		return
	}
	p.failures = 0
	f.takeData(b, a, got, empty)
}

func (f *fetching) takeData(b *brokerFetch, a asked, got *kmsg.FetchResponseTopicPartition, empty bool) {
	p := a.partition
	end := got.HighWatermark
	if f.source.settings.Isolation == isolationCommitted && got.LastStableOffset >= 0 {
		end = got.LastStableOffset
	}
	news := end != p.endOffset
	p.endOffset = end
	length, next, epoch, err := wholeBatches(got.RecordBatches)
	if err != nil {
		f.failHeld(p.damaged(err))
		return
	}
	if length == 0 || next <= p.fetch.next {
		f.takeNothing(p, news, empty)
		return
	}
	p.emptyReads = 0
	c := &chunk{partition: p, broker: b, data: got.RecordBatches[:length], size: length, moveTo: -1}
	for _, t := range got.AbortedTransactions {
		c.aborted.waiting = append(c.aborted.waiting, abortedTransaction{t.ProducerID, t.FirstOffset})
	}
	slices.SortStableFunc(c.aborted.waiting, func(a, b abortedTransaction) int { return int(min(1, max(-1, a.firstOffset-b.firstOffset))) })
	p.fetch = position{next: next, epoch: epoch}
	b.queued += length
	f.push(c)
}

// takeNothing takes an answer without records. Before the end of what can be
// read, that says something only where the whole answer is empty.
func (f *fetching) takeNothing(p *partition, news, empty bool) {
	if !empty || p.fetch.next >= p.endOffset || p.endOffset < p.data.stop {
		p.emptyReads = 0
	} else if p.emptyReads++; p.emptyReads >= emptyReadsMax {
		news = news || p.emptyReads == emptyReadsMax
		if p.bounded() {
			p.fetch.next = p.data.stop
			f.push(&chunk{partition: p, moveTo: p.data.stop})
			return
		}
	}
	if news {
		f.push(&chunk{partition: p, moveTo: -1})
	}
}
