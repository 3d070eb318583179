/**
 * Keyed aggregation over the records of a batch. The host groups the records of
 * an input by key and passes each group with its accumulator, so that state is
 * read and written once for a group.
 */
import { Batch, NO_TIMESTAMP, Records, fail } from "./batch";
import { Buffer, Bytes } from "./bytes";
import { Codec } from "./codec";
import { declared } from "./declarations";
import { ACCUMULATOR_OUTPUT } from "./layout";
import { Emitter } from "./output";
import { SingleValue, Slot } from "./state";

/** The records of a group, in the order of the input. */
export class Members extends Records {
  private remaining: i32 = 0;
  private end: usize = 0;

  /** Takes the batch of the records of all groups. */
  beginAll(data: usize): void {
    this.begin(data);
    this.end = this.first;
  }

  /** Stands before the records of the next group. */
  beginGroup(count: i32, length: u32): void {
    this.remaining = count;
    this.at = this.end;
    this.size = 0;
    this.end += length;
  }

  /** How many records of the group next() has not yet taken. */
  get count(): i32 {
    return this.remaining;
  }

  /** Moves to the next record of the group and tells whether there is one. */
  @inline next(): bool {
    if (this.remaining == 0) return false;
    this.remaining--;
    this.step();
    return true;
  }
}

/**
 * Walks the groups of one call. Each next() takes the next group in hand: state,
 * timers, fail() and what is emitted belong to it.
 */
export class Groups<T> {
  private isFound: bool = false;
  private buffer: Buffer = new Buffer();
  private view: Bytes = new Bytes();

  constructor(
    private batch: Batch,
    private members: Members,
    private accumulated: Emitter,
    private codec: Codec<T>,
    private state: SingleValue<T>,
  ) {}

  /** Takes the next group in hand and tells whether there is one. */
  next(): bool {
    const batch = this.batch;
    if (!batch.next()) return false;
    this.members.beginGroup(load<i32>(batch.at, 16), load<u32>(batch.at, 48));
    return true;
  }

  /** The key of the group in hand. */
  get key(): Bytes {
    return this.batch.key;
  }

  /** The greatest timestamp of the group's records. */
  get timestamp(): i64 {
    return this.batch.timestamp;
  }

  /** How many records of the group its walk has not yet taken. */
  get count(): i32 {
    return this.members.count;
  }

  /** The records of the group in hand, to be walked once. */
  get records(): Members {
    return this.members;
  }

  /** Whether the last accumulator() found one. */
  get found(): bool {
    return this.isFound;
  }

  /** The group's accumulator before this call, or what to give where there is none. */
  accumulator(missing: T): T {
    const value = this.batch.value;
    this.isFound = !value.isNull;
    if (value.isNull) return missing;
    return this.state.decode(this.view.view(value.data, value.length), load<u16>(this.batch.at, 44));
  }

  /** Makes a value the group's new accumulator. */
  put(accumulator: T): void {
    const buffer = this.buffer.clear();
    this.codec.encode(accumulator, buffer);
    this.accumulated.emitAt(NO_TIMESTAMP, Bytes.none(), buffer);
  }

  /** Removes the group's accumulator. */
  remove(): void {
    this.accumulated.emitAt(NO_TIMESTAMP, Bytes.none(), Bytes.none());
  }

  /** Fails the group in hand, and so all its records. Go on with the next group. */
  fail(code: u32, text: string): void {
    fail(code, text);
  }
}

/** An aggregation that an operator declares. */
export class Aggregation<T> {
  /** What the description says of it. */
  readonly slot: Slot;
  /** Its number in the description. */
  readonly index: u32;
  readonly groups: Groups<T>;
  private state: SingleValue<T>;

  constructor(name: string, codec: Codec<T>) {
    const d = declared();
    const index = d.aggregations.length;
    const slot = new Slot(name, "value");
    const state = new SingleValue<T>(slot, codec, d.scratch);
    const accumulated = new Emitter(name, ACCUMULATOR_OUTPUT + index, d.batch);
    this.slot = slot;
    this.index = index;
    this.state = state;
    this.groups = new Groups<T>(d.batch, d.members, accumulated, codec, state);
    d.aggregations.push(slot);
    d.accumulated.push(accumulated);
    d.aggregators.push(null);
  }

  /** An accumulator vanishes so many milliseconds after it was written. */
  expiring(timeToLiveMs: i64): this {
    this.slot.timeToLive = timeToLiveMs;
    return this;
  }

  /**
   * Accumulators are written under this schema version from now on. migrate reads
   * those of other versions; without it the codec does.
   */
  versioned(version: u16, migrate: ((version: u32, data: Bytes) => T) | null = null): this {
    this.slot.schemaVersion = version;
    this.state.migrate(migrate);
    return this;
  }

  /** Whether the last get() found an accumulator. */
  get found(): bool {
    return this.state.found;
  }

  /**
   * The accumulator of the key in hand, or what to give where there is none. It is
   * for timers and other inputs; a walk over groups has accumulator().
   */
  get(missing: T): T {
    return this.state.get(missing);
  }

  /** Removes the accumulator of the key in hand. A walk over groups has remove(). */
  clear(): void {
    this.state.clear();
  }
}
