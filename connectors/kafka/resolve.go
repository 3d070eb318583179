package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/turgo-stream/turgo/connectors"
)

// missingMax is for how long a partition may be missing in what the cluster says of
// itself before it counts as gone: brokers learn of each other's topics with a
// delay.
const missingMax = 10 * time.Second

// refusalsMax is how many refusals in a row of an offset that is there may be the
// delay of a new leader.
const refusalsMax = 6

// resolveAll finds leaders and offsets of the partitions in trouble, one round
// after the other, with pauses while that does not help.
func (f *fetching) resolveAll() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	failures := 0
	for {
		due, next := f.inTrouble(time.Now())
		if len(due) > 0 {
			err := f.resolve(due)
			if f.ctx.Err() != nil {
				return
			}
			switch {
			case err == nil:
				failures = 0
				continue
			case !connectors.Retryable(err):
				f.fail(err)
				return
			}
			f.source.log.warn("kafka: leaders of partitions cannot be found now; trying again", "step", f.source.config.UID, "reason", err)
			failures++
			f.outOfReach()
			next = backOff(failures)
		}
		timer.Reset(next)
		if failures > 0 {
			// Another partition in trouble is no reason to ask earlier.
			select {
			case <-timer.C:
			case <-f.ctx.Done():
				return
			}
			continue
		}
		select {
		case <-timer.C:
		case <-f.wanted:
		case <-f.ctx.Done():
			return
		}
	}
}

// outOfReach notes that no broker gave an answer.
func (f *fetching) outOfReach() {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.away = true
}

// inTrouble lists the partitions to look after now, or tells when to look next.
func (f *fetching) inTrouble(now time.Time) (due []*partition, next time.Duration) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	next = time.Hour
	for _, p := range f.partitions {
		if p.trouble == troubleNone {
			continue
		}
		if wait := p.retryMS - now.UnixMilli(); wait <= 0 {
			due = append(due, p)
		} else {
			next = min(next, time.Duration(wait)*time.Millisecond)
		}
	}
	return due, next
}

// resolve looks after partitions in trouble, once.
func (f *fetching) resolve(due []*partition) error {
	settings := f.source.settings
	var topics []string
	seen := map[string]bool{}
	for _, p := range due {
		if !seen[p.topic] {
			seen[p.topic] = true
			topics = append(topics, p.topic)
		}
	}
	metadata, err := requestMetadata(f.ctx, f.client, topics)
	if err != nil {
		return settings.explain("find the leaders of partitions", err)
	}
	described := map[string]*kmsg.MetadataResponseTopic{}
	for i := range metadata.Topics {
		if t := &metadata.Topics[i]; t.Topic != nil {
			described[*t.Topic] = t
		}
	}
	var offsets listedRange
	for _, p := range due {
		if p.trouble != troubleLeader && offsets.start == nil {
			if offsets, err = f.listRange(f.ctx, topics); err != nil {
				return err
			}
		}
		if err := f.lead(p, described[p.topic], offsets); err != nil {
			return err
		}
	}
	return nil
}

// listedRange is which offsets the partitions have.
type listedRange struct{ start, end offsetOf }

func (f *fetching) listRange(ctx context.Context, topics []string) (r listedRange, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*requestTimeout)
	defer cancel()
	admin := kadm.NewClient(f.client)
	starts, err := admin.ListStartOffsets(ctx, topics...)
	if err != nil {
		return r, f.source.listFailed(err)
	}
	ends, err := admin.ListEndOffsets(ctx, topics...)
	if err != nil {
		return r, f.source.listFailed(err)
	}
	return listedRange{listedOffsets(starts), listedOffsets(ends)}, nil
}

// lead gives a partition to its leader to fetch, if the cluster names one.
func (f *fetching) lead(p *partition, topic *kmsg.MetadataResponseTopic, offsets listedRange) error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	found, err := f.describedPartition(p, topic)
	if err != nil || found == nil {
		return err
	}
	p.missingMS = 0
	if found.Leader < 0 || found.LeaderEpoch >= 0 && found.LeaderEpoch < p.leaderEpoch {
		// It has none, or the broker that answered does not know the newest yet.
		f.source.log.warn("kafka: a partition has no leader now; waiting for one", "step", f.source.config.UID, "topic", p.topic, "partition", p.index)
		f.lost(p, p.trouble)
		return nil
	}
	if p.trouble != troubleLeader {
		if again, err := f.place(p, offsets); again || err != nil {
			return err
		}
	}
	p.leader, p.leaderEpoch, p.trouble = found.Leader, found.LeaderEpoch, troubleNone
	if p.done(p.fetch.next) {
		f.push(&chunk{partition: p, moveTo: p.fetch.next})
		return nil
	}
	f.fetchFrom(p.leader)
	return nil
}

// describedPartition finds a partition in what the cluster says of its topic.
// Nil without an error means that it is not there, for now.
func (f *fetching) describedPartition(p *partition, topic *kmsg.MetadataResponseTopic) (*kmsg.MetadataResponseTopicPartition, error) {
	if topic == nil {
		return nil, f.missing(p)
	}
	switch err := kerr.ErrorForCode(topic.ErrorCode); {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return nil, f.missing(p)
	case classify(err) == retryable:
		f.source.log.warn("kafka: a topic is not ready; waiting for it", "step", f.source.config.UID, "topic", p.topic, "reason", err)
		f.lost(p, p.trouble)
		return nil, nil
	case err != nil:
		return nil, f.source.settings.explain("find the leaders of topic "+p.topic, err)
	}
	if topic.TopicID != p.data.topicID && topic.TopicID != ([16]byte{}) {
		if p.data.topicID != ([16]byte{}) {
			return nil, fatalError("topic %s was deleted and created again since the job began to read it: its offsets mean other records now. Start the job anew, without its checkpoints, to read the new topic; partition %d was read up to offset %d", p.topic, p.index, p.fetch.next)
		}
		p.data.topicID = topic.TopicID
	}
	for i := range topic.Partitions {
		if topic.Partitions[i].Partition == p.index {
			return &topic.Partitions[i], nil
		}
	}
	return nil, f.missing(p)
}

// missing waits for a partition that the cluster does not know, up to a limit.
func (f *fetching) missing(p *partition) error {
	now := time.Now().UnixMilli()
	if p.missingMS == 0 {
		p.missingMS = now
	}
	if now-p.missingMS > f.source.missingMax.Milliseconds() {
		return fatalError("topic %s partition %d is gone: the cluster has not known it for %v, and it was read up to offset %d. Create it again and start the job anew, or take it out of the job", p.topic, p.index, f.source.missingMax, p.fetch.next)
	}
	f.source.log.warn("kafka: a partition is missing; waiting for it", "step", f.source.config.UID, "topic", p.topic, "partition", p.index)
	f.lost(p, p.trouble)
	return nil
}

// place decides where a partition goes on that has no valid offset. again says
// that there is nothing to decide yet.
func (f *fetching) place(p *partition, offsets listedRange) (again bool, err error) {
	start, err := offsets.start(p.topic, p.index)
	if err == nil {
		var end int64
		if end, err = offsets.end(p.topic, p.index); err == nil {
			return false, f.placeIn(p, start, end)
		}
	}
	if classify(err) == retryable {
		f.lost(p, p.trouble)
		return true, nil
	}
	return false, f.source.settings.explain(fmt.Sprintf("list offsets of topic %s partition %d", p.topic, p.index), err)
}

// placeIn is place in a partition that has the offsets start to end.
func (f *fetching) placeIn(p *partition, start, end int64) error {
	at := p.fetch.next
	switch {
	case p.trouble == troubleStart:
		f.move(p, start)
		return nil
	case p.trouble == troubleRange && start <= at && at <= end && p.failures <= refusalsMax:
		return nil // it is there now: a leader that was behind answered before
	}
	problem := fmt.Sprintf("topic %s partition %d: position %d is gone: the partition has the offsets %d to %d", p.topic, p.index, at, start, end)
	switch {
	case p.trouble == troubleReplaced:
		problem = fmt.Sprintf("topic %s partition %d: the log was replaced from offset %d on, and it was read up to %d: the cluster lost records that were acknowledged (unclean leader election)", p.topic, p.index, p.endOffset, at)
	case start <= at && at <= end:
		problem = fmt.Sprintf("topic %s partition %d: the broker refuses position %d, though it has the offsets %d to %d: its log does not know the leader epoch %d of the record before, so that it is not the log that was read (unclean leader election, or another cluster)", p.topic, p.index, at, start, end, p.fetch.epoch)
	case at < start:
		problem += fmt.Sprintf("; retention deleted %d offsets that were not read", start-at)
	case at > end:
		problem += fmt.Sprintf("; the cluster lost %d offsets that were read, or the position is of another cluster", at-end)
	}
	to := start
	if p.trouble == troubleReplaced {
		to = max(start, p.endOffset)
	}
	switch f.source.settings.OnOutOfRange {
	case outOfRangeStop:
		return fatalError("%s. To go on nevertheless, set on_out_of_range: earliest (from offset %d) or latest (from offset %d)", problem, to, end)
	case outOfRangeLatest:
		to = end
	}
	slog.Warn("kafka: "+problem+"; going on as on_out_of_range says", "step", f.source.config.UID, "topic", p.topic, "partition", p.index,
		"on_out_of_range", f.source.settings.OnOutOfRange, "from", at, "to", to, "skipped", max(0, to-at))
	f.move(p, to)
	return nil
}

// move lets a partition go on at an offset.
func (f *fetching) move(p *partition, to int64) {
	p.fetch = position{next: to, epoch: -1}
	f.push(&chunk{partition: p, moveTo: to})
}
