/**
 * Pieces of memory, read without copies and written without garbage.
 */

/**
 * A piece of memory. One that a batch or a state gives is a view: it moves on
 * with the next record or read, and is valid during the call. copy() and
 * toString() keep what it holds.
 */
export class Bytes {
  /** The address; 0 = null, which is not empty. */
  data: usize = 0;
  length: i32 = 0;
  /** What holds the memory, where the collector owns it. */
  private owner: ArrayBuffer | null = null;

  /** A null key or value. */
  static none(): Bytes {
    return nothing;
  }

  /** The UTF-8 bytes of a text, in memory of their own. */
  static of(text: string): Bytes {
    return Bytes.wrap(String.UTF8.encode(text, false, String.UTF8.ErrorMode.REPLACE));
  }

  /** The bytes of a buffer, which it keeps. */
  static wrap(buffer: ArrayBuffer): Bytes {
    const bytes = new Bytes();
    bytes.owner = buffer;
    return bytes.view(changetype<usize>(buffer), buffer.byteLength);
  }

  /** Makes this a view of memory that someone else holds. */
  @inline view(data: usize, length: i32): this {
    this.data = data;
    this.length = length;
    return this;
  }

  @inline get isNull(): bool {
    return this.data == 0;
  }

  /** The byte at an index. */
  @inline at(index: i32): u8 {
    if (<u32>index >= <u32>this.length) outside(index, this.length);
    return load<u8>(this.data + index);
  }

  /** The little-endian integer of 8 bytes at an index. */
  i64At(index: i32): i64 {
    if (index < 0 || this.length < 8 || index > this.length - 8) outside(index, this.length);
    return load<i64>(this.data + index);
  }

  /** The part from start up to end, as a view into a new object. */
  slice(start: i32, end: i32 = i32.MAX_VALUE): Bytes {
    return new Bytes().cut(this, start, end);
  }

  /** Makes this a view of the part of another from start up to end. */
  cut(from: Bytes, start: i32, end: i32 = i32.MAX_VALUE): this {
    end = min(end, from.length);
    if (start < 0 || start > end) outside(start, end);
    this.owner = from.owner;
    return this.view(from.data + start, end - start);
  }

  /** The first index from start on that holds a byte; -1 = none. */
  indexOf(byte: u8, start: i32 = 0): i32 {
    for (let i = max(start, 0); i < this.length; i++) {
      if (load<u8>(this.data + i) == byte) return i;
    }
    return -1;
  }

  equals(other: Bytes): bool {
    return (
      this.length == other.length &&
      this.isNull == other.isNull &&
      memory.compare(this.data, other.data, this.length) == 0
    );
  }

  /** Whether the bytes are those of a text in ASCII. It makes no garbage. */
  equalsText(text: string): bool {
    if (this.isNull || this.length != text.length) return false;
    for (let i = 0; i < this.length; i++) {
      if (<u16>load<u8>(this.data + i) != <u16>text.charCodeAt(i) || load<u8>(this.data + i) > 127) return false;
    }
    return true;
  }

  /** The same bytes in memory of their own. */
  copy(): Bytes {
    if (this.isNull) return new Bytes();
    const buffer = new ArrayBuffer(this.length);
    memory.copy(changetype<usize>(buffer), this.data, this.length);
    return Bytes.wrap(buffer);
  }

  /** The text, read as UTF-8. */
  toString(): string {
    return String.UTF8.decodeUnsafe(this.data, this.length);
  }
}

const nothing = new Bytes();

function outside(index: i32, length: i32): void {
  throw new RangeError("index " + index.toString() + " is outside of " + length.toString() + " bytes");
}

/** Copies bytes; short ones without the cost of a bulk copy. */
// @ts-ignore: decorator
@inline
export function copyBytes(to: usize, from: usize, length: i32): void {
  if (length > 16) {
    memory.copy(to, from, length);
  } else if (length >= 8) {
    const last = load<u64>(from + length - 8);
    store<u64>(to, load<u64>(from));
    store<u64>(to + length - 8, last);
  } else if (length >= 4) {
    const last = load<u32>(from + length - 4);
    store<u32>(to, load<u32>(from));
    store<u32>(to + length - 4, last);
  } else {
    for (let i = 0; i < length; i++) store<u8>(to + i, load<u8>(from + i));
  }
}

/**
 * Bytes that grow as one writes to them. Keep one in a field and clear it for
 * each record: then nothing is left for the collector.
 */
export class Buffer extends Bytes {
  private capacity: i32 = 64;
  private memory: ArrayBuffer = new ArrayBuffer(64);

  constructor() {
    super();
    this.data = changetype<usize>(this.memory);
  }

  /** Forgets what it holds. */
  @inline clear(): this {
    this.length = 0;
    return this;
  }

  /** Makes room for so many more bytes, counts them in, and returns their address. */
  @inline extend(more: i32): usize {
    if (<u32>this.length + <u32>more > <u32>this.capacity) this.grow(more);
    const at = this.data + this.length;
    this.length += more;
    return at;
  }

  private grow(more: i32): void {
    const need = <i64>this.length + <i64>more;
    const capacity = <i32>min<i64>(max<i64>(need, 2 * <i64>this.capacity), 0x3fffff00);
    if (<i64>capacity < need) throw new RangeError("a buffer cannot hold " + need.toString() + " bytes");
    const grown = new ArrayBuffer(capacity);
    memory.copy(changetype<usize>(grown), this.data, this.length);
    this.memory = grown;
    this.data = changetype<usize>(grown);
    this.capacity = capacity;
  }

  bytes(bytes: Bytes): this {
    const from = bytes.data;
    const length = bytes.length;
    copyBytes(this.extend(length), from, length);
    return this;
  }

  byte(byte: u8): this {
    store<u8>(this.extend(1), byte);
    return this;
  }

  /** A text as UTF-8. A half of a surrogate pair becomes U+FFFD. */
  text(text: string): this {
    const to = this.extend(3 * text.length);
    const used = String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, to, false, String.UTF8.ErrorMode.REPLACE);
    this.length = <i32>(to + used - this.data);
    return this;
  }

  /** A number in decimal digits. */
  decimal(number: i64): this {
    let rest = number < 0 ? 0 - <u64>number : <u64>number;
    let digits = 1;
    for (let left = rest / 10; left > 0; left /= 10) digits++;
    if (number < 0) this.byte(0x2d);
    let to = this.extend(digits) + digits;
    do {
      store<u8>(--to, 0x30 + <u8>(rest % 10));
      rest /= 10;
    } while (rest > 0);
    return this;
  }

  /** An integer as 8 bytes, little-endian. */
  i64(number: i64): this {
    store<i64>(this.extend(8), number);
    return this;
  }
}
