/**
 * Records of one call.
 */
import { Buffer, Bytes } from "./bytes";
import * as host from "./host";
import { FIXED_LENGTH, FLAG_KEY_NULL, FLAG_VALUE_NULL, HEADER_LENGTH, KIND_SHIFT, NO_HAND, hand, setHand } from "./layout";

/** What a record does to the collection that it belongs to. */
export enum Kind {
  Insert = 0,
  UpdateBefore = 1,
  UpdateAfter = 2,
  Delete = 3,
}

/** Marks a record without a timestamp. */
export const NO_TIMESTAMP: i64 = i64.MIN_VALUE;

/** The watermark before any. */
export const WATERMARK_MIN: i64 = i64.MIN_VALUE;
/** The watermark at the end of a bounded input: an event timer of that time fires then. */
export const WATERMARK_MAX: i64 = i64.MAX_VALUE;

const HEADER_EXTENSION: u16 = 1;
const EXTENSION_HEAD: usize = 8;
const NAME_NULL: u32 = 0x80000000;

const placeholder: usize = memory.data(FIXED_LENGTH, 8);

/**
 * Walks records. Its views (key, value, extensions) move on with next(): use
 * copy() or toString() to keep what one holds.
 */
export abstract class Records {
  /** The address of the record; before the first, of bytes that are no record. */
  at: usize = placeholder;
  /** The address of the first record. */
  first: usize = 0;
  /** Its length; at first that of the header. */
  size: i32 = 0;
  /** The length of the fixed part. */
  fixed: i32 = 0;
  /** How many records next() has not yet taken. */
  left: i32 = 0;
  private keyView: Bytes = new Bytes();
  private valueView: Bytes = new Bytes();
  private extensionsView: Bytes = new Bytes();
  private headerView: Bytes = new Bytes();
  private headerName: string = "";
  private headerBytes: Bytes = new Bytes();

  /** Takes a batch that the host wrote: it is valid. */
  begin(data: usize): void {
    this.at = data;
    this.first = data + HEADER_LENGTH;
    this.size = HEADER_LENGTH;
    this.fixed = <i32>load<u16>(data, 6);
    this.left = load<i32>(data, 8);
  }

  /** Moves to the next record, which the caller knows to be there. */
  @inline protected step(): void {
    this.left--;
    const at = this.at + this.size;
    this.at = at;
    this.size = load<i32>(at);
  }

  /** The key of the record. */
  @inline get key(): Bytes {
    const at = this.at;
    return this.keyView.view(load<u8>(at, 4) & FLAG_KEY_NULL ? 0 : at + this.fixed, load<i32>(at, 20));
  }

  /** The value of the record. */
  @inline get value(): Bytes {
    const at = this.at;
    return this.valueView.view(
      load<u8>(at, 4) & FLAG_VALUE_NULL ? 0 : at + this.fixed + load<i32>(at, 20),
      load<i32>(at, 24),
    );
  }

  @inline get kind(): Kind {
    return (load<u8>(this.at, 4) >> KIND_SHIFT) & 3;
  }

  /** Milliseconds since the epoch, or NO_TIMESTAMP; of a fired timer, its time. */
  @inline get timestamp(): i64 {
    return load<i64>(this.at, 8);
  }

  /** The encoded extensions, empty where there are none. Pass them on unchanged. */
  @inline get extensions(): Bytes {
    const start = this.fixed + load<i32>(this.at, 20) + load<i32>(this.at, 24);
    return this.extensionsView.view(this.at + start, this.size - start);
  }

  /** The value of the last header of that name, which may be null; null = there is none. */
  header(name: string): Bytes | null {
    if (changetype<usize>(name) != changetype<usize>(this.headerName)) {
      this.headerName = name;
      this.headerBytes = Bytes.of(name);
    }
    const wanted = this.headerBytes;
    let found: Bytes | null = null;
    let at = this.at + this.fixed + load<i32>(this.at, 20) + load<i32>(this.at, 24);
    const end = this.at + this.size;
    while (at < end) {
      const content = at + EXTENSION_HEAD;
      const next = content + load<u32>(at, 4);
      const type = load<u16>(at);
      at = next;
      if (type != HEADER_EXTENSION) continue;
      const word = load<u32>(content);
      const length = <i32>(word & ~NAME_NULL);
      const text = content + 4;
      if (length != wanted.length || memory.compare(text, wanted.data, length) != 0) continue;
      const isNull = (word & NAME_NULL) != 0;
      found = this.headerView.view(isNull ? 0 : text + length, isNull ? 0 : <i32>(next - text) - length);
    }
    return found;
  }
}

/**
 * Walks the records of one call: a batch of an input, or timers that fired. Each
 * next() takes the next record in hand: state, timers, fail() and what is emitted
 * belong to it, until the next.
 */
export class Batch extends Records {
  /** Whether the records are groups, which are nothing to emit as they are. */
  hasGroups: bool = false;

  /** Takes a batch that the host wrote, with none of its records in hand. */
  start(data: usize, hasGroups: bool): void {
    this.begin(data);
    this.hasGroups = hasGroups;
    setHand(NO_HAND);
  }

  /** Takes the next record in hand and tells whether there is one. */
  @inline next(): bool {
    if (this.left == 0) return false;
    setHand(hand() + 1); // from no record to 0 at first
    this.step();
    return true;
  }

  /**
   * Fails the record in hand: what was emitted and written for it is undone, and
   * the job's failure policy decides what becomes of it. Go on with the next
   * record. The code is your own; 0 = none.
   */
  fail(code: u32, text: string): void {
    fail(code, text);
  }
}

const reason: Buffer = new Buffer();

/** Fails what is in hand. */
export function fail(code: u32, text: string): void {
  const bytes = reason.clear().text(text);
  host.fail(code, bytes.data, bytes.length);
}
