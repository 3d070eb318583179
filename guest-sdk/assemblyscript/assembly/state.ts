/**
 * What the kinds of state have in common, and the value state.
 */
import { Buffer, Bytes } from "./bytes";
import { Codec } from "./codec";
import { declared } from "./declarations";
import * as host from "./host";

/** What the description says of a state. */
export class Slot {
  /** Its number in the description. */
  index: u32 = 0;
  schemaVersion: u16 = 0;
  /** Milliseconds; 0 = for ever. */
  timeToLive: i64 = 0;
  prefetch: bool = false;

  constructor(
    readonly name: string,
    readonly kind: string,
  ) {}
}

/** Memory that reads of state share: what a read gave is decoded before the next one. */
export class Scratch {
  /** Encoded sub-keys. */
  readonly key: Buffer = new Buffer();
  /** Encoded values. */
  readonly value: Buffer = new Buffer();
  /** What was read. */
  readonly view: Bytes = new Bytes();
  data: usize = heap.alloc(4096);
  capacity: u32 = 4096;

  /** Makes room for a value of a length. */
  grow(length: u32): void {
    heap.free(this.data);
    this.capacity = length + (length >> 1);
    this.data = heap.alloc(this.capacity);
  }
}

/** What reads an entry that was written under another schema version. */
export class Reader<T> {
  migrate: ((version: u32, data: Bytes) => T) | null = null;

  constructor(
    readonly codec: Codec<T>,
    readonly slot: Slot,
  ) {}

  read(data: Bytes, version: u32): T {
    const migrate = this.migrate;
    if (version != <u32>this.slot.schemaVersion && migrate !== null) return migrate(version, data);
    return this.codec.decode(data);
  }
}

/** One value for each key: a state of an operator, or accumulators. */
export class SingleValue<T> {
  private reader: Reader<T>;
  private isFound: bool = false;

  constructor(
    readonly slot: Slot,
    private codec: Codec<T>,
    private scratch: Scratch,
  ) {
    this.reader = new Reader<T>(codec, slot);
  }

  /** Whether the last get() found a value. */
  get found(): bool {
    return this.isFound;
  }

  /** The value of the key in hand, or what to give where there is none. */
  get(missing: T): T {
    const scratch = this.scratch;
    let result = host.stateGet(this.slot.index, scratch.data, scratch.capacity);
    this.isFound = result >= 0;
    if (result < 0) return missing;
    if (<u32>result > scratch.capacity) {
      scratch.grow(<u32>result);
      result = host.stateGet(this.slot.index, scratch.data, scratch.capacity);
    }
    return this.reader.read(scratch.view.view(scratch.data, <i32>result), <u32>(result >> 32));
  }

  /** Reads values of other schema versions by this from now on. */
  migrate(migrate: ((version: u32, data: Bytes) => T) | null): void {
    this.reader.migrate = migrate;
  }

  /** The value of bytes that were written under a schema version. */
  decode(data: Bytes, version: u32): T {
    return this.reader.read(data, version);
  }

  /** Writes the value of the key in hand. */
  put(value: T): void {
    const buffer = this.scratch.value.clear();
    this.codec.encode(value, buffer);
    host.statePut(this.slot.index, buffer.data, buffer.length);
  }

  /** Removes the value of the key in hand. */
  clear(): void {
    host.stateClear(this.slot.index);
  }
}

/** A state with one value for each key. */
export class ValueState<T> extends SingleValue<T> {
  constructor(name: string, codec: Codec<T>) {
    super(declared().state(name, "value"), codec, declared().scratch);
  }

  /** A value vanishes so many milliseconds after it was written. */
  expiring(timeToLiveMs: i64): this {
    this.slot.timeToLive = timeToLiveMs;
    return this;
  }

  /**
   * Values are written under this schema version from now on. migrate reads those
   * of other versions; without it the codec does.
   */
  versioned(version: u16, migrate: ((version: u32, data: Bytes) => T) | null = null): this {
    this.slot.schemaVersion = version;
    this.migrate(migrate);
    return this;
  }

  /** The host reads the values of all keys of a batch before it calls. */
  prefetched(): this {
    this.slot.prefetch = true;
    return this;
  }
}
