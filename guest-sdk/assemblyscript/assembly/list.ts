/**
 * The list state.
 */
import { Bytes } from "./bytes";
import { Codec } from "./codec";
import { declared } from "./declarations";
import * as host from "./host";
import { LIST_HEAD } from "./layout";
import { Reader, Scratch, Slot } from "./state";
import { Page } from "./walk";

/** Walks the list of a key, in the order of the appends. */
export class Elements<T> extends Page {
  private cursor: u64 = 0;
  private view: Bytes = new Bytes();
  private version: u32 = 0;

  constructor(private reader: Reader<T>) {
    super();
  }

  start(): this {
    this.begin();
    this.cursor = 0;
    return this;
  }

  protected read(to: usize, capacity: u32): i64 {
    return host.listRead(this.reader.slot.index, this.cursor, to, capacity);
  }

  /** Moves to the next element and tells whether there is one. */
  next(): bool {
    if (this.left == 0 && !this.turn()) return false;
    this.left--;
    const at = this.at;
    const length = load<u32>(at, 8);
    this.cursor = load<u64>(at);
    this.version = load<u16>(at, 12);
    this.view.view(at + LIST_HEAD, <i32>length);
    this.at = at + LIST_HEAD + length;
    return true;
  }

  get value(): T {
    return this.reader.read(this.view, this.version);
  }
}

/** A state with a list of elements for each key. */
export class ListState<T> {
  private reader: Reader<T>;
  private walk: Elements<T>;
  private slot: Slot;
  private scratch: Scratch;

  constructor(
    name: string,
    private codec: Codec<T>,
  ) {
    const slot = declared().state(name, "list");
    const reader = new Reader<T>(codec, slot);
    this.slot = slot;
    this.scratch = declared().scratch;
    this.reader = reader;
    this.walk = new Elements<T>(reader);
  }

  /** An element vanishes so many milliseconds after it was written. */
  expiring(timeToLiveMs: i64): this {
    this.slot.timeToLive = timeToLiveMs;
    return this;
  }

  /**
   * Elements are written under this schema version from now on. migrate reads
   * those of other versions; without it the codec does.
   */
  versioned(version: u16, migrate: ((version: u32, data: Bytes) => T) | null = null): this {
    this.slot.schemaVersion = version;
    this.reader.migrate = migrate;
    return this;
  }

  /** Adds an element to the list of the key in hand. It reads nothing. */
  append(value: T): void {
    const buffer = this.scratch.value.clear();
    this.codec.encode(value, buffer);
    host.listAppend(this.slot.index, buffer.data, buffer.length);
  }

  /** Walks the list of the key in hand. A walk ends with the record in hand. */
  elements(): Elements<T> {
    if (!this.walk.isFree) this.walk = new Elements<T>(this.reader);
    return this.walk.start();
  }

  /** Removes all elements of the key in hand. */
  clear(): void {
    host.stateClear(this.slot.index);
  }
}
