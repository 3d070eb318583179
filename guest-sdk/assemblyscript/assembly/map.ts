/**
 * The map state.
 */
import { Buffer, Bytes } from "./bytes";
import { Codec } from "./codec";
import { declared } from "./declarations";
import * as host from "./host";
import { MAP_HEAD } from "./layout";
import { Reader, Scratch, Slot } from "./state";
import { Page } from "./walk";

/** Walks the map of a key, in the byte order of the encoded sub-keys. */
export class Entries<K, V> extends Page {
  private after: Buffer = new Buffer();
  private isFirst: bool = true;
  private keyView: Bytes = new Bytes();
  private valueView: Bytes = new Bytes();
  private version: u32 = 0;

  constructor(
    private keys: Codec<K>,
    private reader: Reader<V>,
  ) {
    super();
  }

  start(): this {
    this.begin();
    this.isFirst = true;
    return this;
  }

  startAfter(key: K): this {
    this.begin();
    this.isFirst = false;
    this.keys.encode(key, this.after.clear());
    return this;
  }

  protected read(to: usize, capacity: u32): i64 {
    const length: u32 = this.isFirst ? 0xffffffff : <u32>this.after.length;
    return host.mapScan(this.reader.slot.index, this.after.data, length, to, capacity);
  }

  /** Moves to the next entry and tells whether there is one. */
  next(): bool {
    if (this.left == 0 && !this.turn()) return false;
    this.left--;
    const at = this.at;
    const keyLength = load<i32>(at);
    const valueLength = load<i32>(at, 4);
    this.version = load<u16>(at, 8);
    this.keyView.view(at + MAP_HEAD, keyLength);
    this.valueView.view(at + MAP_HEAD + keyLength, valueLength);
    this.at = at + MAP_HEAD + keyLength + valueLength;
    if (this.left == 0) {
      this.isFirst = false;
      this.after.clear().bytes(this.keyView);
    }
    return true;
  }

  get key(): K {
    return this.keys.decode(this.keyView);
  }

  get value(): V {
    return this.reader.read(this.valueView, this.version);
  }
}

/** A state with a map for each key. Values have a schema version, sub-keys have not. */
export class MapState<K, V> {
  private reader: Reader<V>;
  private walk: Entries<K, V>;
  private isFound: bool = false;
  private slot: Slot;
  private scratch: Scratch;

  constructor(
    name: string,
    private keys: Codec<K>,
    private values: Codec<V>,
  ) {
    const slot = declared().state(name, "map");
    const reader = new Reader<V>(values, slot);
    this.slot = slot;
    this.scratch = declared().scratch;
    this.reader = reader;
    this.walk = new Entries<K, V>(keys, reader);
  }

  /** An entry vanishes so many milliseconds after it was written. */
  expiring(timeToLiveMs: i64): this {
    this.slot.timeToLive = timeToLiveMs;
    return this;
  }

  /**
   * Values are written under this schema version from now on. migrate reads those
   * of other versions; without it the codec does.
   */
  versioned(version: u16, migrate: ((version: u32, data: Bytes) => V) | null = null): this {
    this.slot.schemaVersion = version;
    this.reader.migrate = migrate;
    return this;
  }

  @inline private encoded(key: K): Buffer {
    const buffer = this.scratch.key.clear();
    this.keys.encode(key, buffer);
    return buffer;
  }

  /** Whether the last get() found an entry. */
  get found(): bool {
    return this.isFound;
  }

  /** One entry of the key in hand, or what to give where there is none. */
  get(key: K, missing: V): V {
    const scratch = this.scratch;
    const sub = this.encoded(key);
    let result = host.mapGet(this.slot.index, sub.data, sub.length, scratch.data, scratch.capacity);
    this.isFound = result >= 0;
    if (result < 0) return missing;
    if (<u32>result > scratch.capacity) {
      scratch.grow(<u32>result);
      result = host.mapGet(this.slot.index, sub.data, sub.length, scratch.data, scratch.capacity);
    }
    return this.reader.read(scratch.view.view(scratch.data, <i32>result), <u32>(result >> 32));
  }

  /** Writes one entry. */
  put(key: K, value: V): void {
    const sub = this.encoded(key);
    const buffer = this.scratch.value.clear();
    this.values.encode(value, buffer);
    host.mapPut(this.slot.index, sub.data, sub.length, buffer.data, buffer.length);
  }

  /** Removes one entry. Removing one that is not there does nothing. */
  delete(key: K): void {
    const sub = this.encoded(key);
    host.mapDelete(this.slot.index, sub.data, sub.length);
  }

  /** Removes all entries of the key in hand. */
  clear(): void {
    host.stateClear(this.slot.index);
  }

  /**
   * Walks the entries of the key in hand. Those that the loop writes are seen where
   * they stand after the current one and were not read ahead. A walk ends with the
   * record in hand.
   */
  entries(): Entries<K, V> {
    return this.free().start();
  }

  /** Walks the entries whose encoded sub-keys stand after that of key. */
  after(key: K): Entries<K, V> {
    return this.free().startAfter(key);
  }

  private free(): Entries<K, V> {
    if (!this.walk.isFree) this.walk = new Entries<K, V>(this.keys, this.reader);
    return this.walk;
  }
}
