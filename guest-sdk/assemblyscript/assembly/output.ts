/**
 * Outputs: records gather in a buffer, which goes to the host at the end of the
 * call, or earlier when it is full.
 */
import { Batch, Kind, NO_TIMESTAMP, fail } from "./batch";
import { Bytes, copyBytes } from "./bytes";
import { declared } from "./declarations";
import * as host from "./host";
import { FIXED_LENGTH, FLAG_KEY_NULL, FLAG_VALUE_NULL, HEADER_LENGTH, KIND_SHIFT, MAGIC, VERSION, hand } from "./layout";

/** An output's buffer is emitted when it holds this much. */
const FLUSH_LENGTH: i32 = 1 << 20;
/** A larger buffer is given back after the call. */
const KEEP_LENGTH: i32 = 4 << 20;
const INITIAL_LENGTH: i32 = 64 << 10;
const BATCH_LENGTH_MAX: i32 = 64 << 20;

/** A record that tells all its parts. */
export class Record {
  // Of its own, so that view() and cut() change no other null.
  key: Bytes = new Bytes();
  value: Bytes = new Bytes();
  kind: Kind = Kind.Insert;
  /** Milliseconds since the epoch, or NO_TIMESTAMP. */
  timestamp: i64 = NO_TIMESTAMP;
  /** Encoded, as a batch gives them. */
  extensions: Bytes = new Bytes();
}

/** Where records go: an output of the operator, or its new accumulators. */
export class Emitter {
  private buffer: usize = 0;
  private capacity: i32 = 0;
  /** Bytes in use; the header's at least. */
  private length: i32 = HEADER_LENGTH;
  private count: i32 = 0;
  // Records that are forwarded one after the other stay where they are, and are
  // copied together; a whole batch is not copied at all.
  private runStart: usize = 0;
  private runEnd: usize = 0;
  private runCount: i32 = 0;

  constructor(
    readonly name: string,
    /** Its number in the description. */
    readonly index: u32,
    private batch: Batch,
  ) {}

  /** Emits an insert with the timestamp of the record in hand. */
  @inline emit(key: Bytes, value: Bytes): void {
    this.write(key, value, Kind.Insert, this.batch.timestamp);
  }

  /** Emits an insert with a timestamp of its own: milliseconds since the epoch, or NO_TIMESTAMP. */
  @inline emitAt(timestamp: i64, key: Bytes, value: Bytes): void {
    this.write(key, value, Kind.Insert, timestamp);
  }

  /** Emits a record that tells all its parts. */
  emitRecord(record: Record): void {
    const extensions = record.extensions;
    const more = extensions.length;
    const isWritten = this.write(record.key, record.value, record.kind, record.timestamp, more);
    if (isWritten && more > 0) memory.copy(this.buffer + this.length - more, extensions.data, more);
  }

  /**
   * Emits the record in hand as it is, extensions included. A fired timer is a record of
   * its key and time; a group, one of its key and the accumulator that it came with.
   */
  @inline forward(): void {
    const batch = this.batch;
    const at = batch.at;
    store<u32>(at, hand(), 16);
    if (at != this.runEnd) this.startRun(at);
    this.runEnd = at + batch.size;
    this.runCount++;
  }

  private startRun(at: usize): void {
    if (this.runCount > 0) this.endRun();
    this.runStart = at;
  }

  /** Copies the records of the run. */
  private endRun(): void {
    const count = this.runCount;
    const from = this.runStart;
    const length = <i32>(this.runEnd - from);
    this.runCount = 0;
    this.runEnd = 0;
    const skipped = this.batch.fixed - FIXED_LENGTH;
    if (skipped > 0) {
      this.shorten(from, count, skipped);
      return;
    }
    const to = this.reserve(length);
    this.count += count - 1;
    memory.copy(to, from, length);
  }

  /** Copies records without the fields that a later layout adds to their fixed part. */
  private shorten(from: usize, count: i32, skipped: i32): void {
    for (; count > 0; count--) {
      const size = load<i32>(from);
      const to = this.reserve(size - skipped);
      memory.copy(to, from, FIXED_LENGTH);
      store<i32>(to, size - skipped);
      memory.copy(to + FIXED_LENGTH, from + FIXED_LENGTH + skipped, size - FIXED_LENGTH - skipped);
      from += size;
    }
  }

  /** Writes a record, with room for extensions. One that no batch can hold fails the record in hand. */
  private write(key: Bytes, value: Bytes, kind: Kind, timestamp: i64, extensions: i32 = 0): bool {
    if (this.runCount > 0) this.endRun();
    const keyLength = key.length;
    const valueLength = value.length;
    const size = FIXED_LENGTH + keyLength + valueLength + extensions;
    if (size > BATCH_LENGTH_MAX - HEADER_LENGTH) {
      fail(0, "turgo: a record of " + size.toString() + " bytes is larger than a batch");
      return false;
    }
    let flags = <u32>kind << KIND_SHIFT;
    if (key.data == 0) flags |= FLAG_KEY_NULL;
    if (value.data == 0) flags |= FLAG_VALUE_NULL;
    const to = this.reserve(size);
    store<i32>(to, size);
    store<u32>(to, flags, 4);
    store<i64>(to, timestamp, 8);
    store<u32>(to, hand(), 16);
    store<i32>(to, keyLength, 20);
    store<i32>(to, valueLength, 24);
    copyBytes(to + FIXED_LENGTH, key.data, keyLength);
    copyBytes(to + FIXED_LENGTH + keyLength, value.data, valueLength);
    return true;
  }

  /** Makes room for one record and returns its address. */
  @inline private reserve(size: i32): usize {
    if (size > this.capacity - this.length) this.makeRoom(size);
    const to = this.buffer + this.length;
    this.length += size;
    this.count++;
    return to;
  }

  /** Emits what the buffer holds or grows it, until size fits. */
  private makeRoom(size: i32): void {
    if (<i64>this.length + <i64>size > FLUSH_LENGTH && this.count > 0) this.emitBuffer();
    const need = <i64>this.length + <i64>size;
    if (need <= this.capacity) return;
    const capacity = <i32>max<i64>(need, max<i64>(min<i64>(2 * <i64>this.capacity, FLUSH_LENGTH), INITIAL_LENGTH));
    const grown = heap.alloc(capacity);
    if (this.buffer != 0) {
      memory.copy(grown, this.buffer, this.length);
      heap.free(this.buffer);
    }
    this.buffer = grown;
    this.capacity = capacity;
  }

  /** Whether nothing waits to be emitted. */
  get isEmpty(): bool {
    return this.count == 0 && this.runCount == 0;
  }

  /** Emits all that there is. */
  flush(): void {
    if (this.runCount > 0) {
      if (this.count == 0 && this.isWhole()) {
        this.runCount = 0;
        this.runEnd = 0;
        host.emit(this.index, this.runStart - HEADER_LENGTH, load<u32>(this.runStart - HEADER_LENGTH, 12));
        return;
      }
      this.endRun();
    }
    if (this.count > 0) this.emitBuffer();
  }

  /** Whether the run is the batch of the call, from its first record to its last. */
  private isWhole(): bool {
    const batch = this.batch;
    return (
      batch.left == 0 &&
      !batch.hasGroups &&
      this.runEnd == batch.at + batch.size &&
      this.runStart == batch.first
    );
  }

  private emitBuffer(): void {
    const to = this.buffer;
    store<u32>(to, MAGIC);
    store<u32>(to, VERSION, 4);
    store<i32>(to, this.count, 8);
    store<i32>(to, this.length, 12);
    store<u64>(to, 0, 16);
    host.emit(this.index, to, this.length);
    this.length = HEADER_LENGTH;
    this.count = 0;
    if (this.capacity > KEEP_LENGTH) {
      heap.free(to);
      this.buffer = 0;
      this.capacity = 0;
    }
  }
}

/** An output of an operator. */
export class Output extends Emitter {
  constructor(name: string) {
    super(name, declared().outputs.length, declared().batch);
    declared().outputs.push(this);
  }
}
