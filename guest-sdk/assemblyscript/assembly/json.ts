/**
 * A small reader of JSON, for the open request. It never reads outside of the
 * text and never throws: what is wrong it tells by ok.
 */
import { Buffer, Bytes } from "./bytes";

const DEPTH_MAX: i32 = 64;

/** Reads one JSON text from its beginning. */
export class JsonReader {
  /** Whether all that was read so far is JSON. */
  ok: bool = true;
  private at: i32 = 0;

  constructor(private data: Bytes) {}

  private peek(): i32 {
    while (this.at < this.data.length) {
      const c = this.data.at(this.at);
      if (c != 0x20 && c != 0x0a && c != 0x0d && c != 0x09) return c;
      this.at++;
    }
    return -1;
  }

  /** Skips space and one byte, if that is next. */
  take(c: i32): bool {
    if (this.peek() != c) return false;
    this.at++;
    return true;
  }

  /** Tells whether all is read. */
  end(): bool {
    return this.ok && this.peek() < 0;
  }

  private fail(): Bytes {
    this.ok = false;
    return Bytes.none();
  }

  /** The bytes of the next value, space around it left out. */
  value(depth: i32 = 0): Bytes {
    const c = this.peek();
    const start = this.at;
    if (depth > DEPTH_MAX) return this.fail();
    if (c == 0x22) this.skipString();
    else if (c == 0x7b) this.skipList(0x7d, true, depth);
    else if (c == 0x5b) this.skipList(0x5d, false, depth);
    else this.skipWord();
    return this.ok ? this.data.slice(start, this.at) : Bytes.none();
  }

  private skipList(close: i32, hasNames: bool, depth: i32): void {
    this.at++;
    if (this.take(close)) return;
    while (this.ok) {
      if (hasNames) this.name();
      this.value(depth + 1);
      if (this.take(close)) return;
      if (!this.take(0x2c)) this.fail();
    }
  }

  /** The name of the next member, with its quotes; its value is next. */
  name(): Bytes {
    const start = this.peek() < 0 ? 0 : this.at;
    if (this.peek() != 0x22) return this.fail();
    this.skipString();
    if (!this.ok) return Bytes.none();
    const name = this.data.slice(start, this.at);
    return this.take(0x3a) ? name : this.fail();
  }

  private skipString(): void {
    for (this.at++; this.at < this.data.length; this.at++) {
      const c = this.data.at(this.at);
      if (c == 0x22) {
        this.at++;
        return;
      }
      if (c < 0x20) break;
      if (c == 0x5c) this.at++;
    }
    this.fail();
  }

  private skipWord(): void {
    const start = this.at;
    while (this.at < this.data.length) {
      const c = this.data.at(this.at);
      if (c <= 0x20 || c == 0x2c || c == 0x5d || c == 0x7d || c == 0x3a) break;
      this.at++;
    }
    if (this.at == start) this.fail();
  }
}

/** The text of a JSON string with its quotes; null where it is none. */
export function jsonText(value: Bytes): string | null {
  if (value.length < 2 || value.at(0) != 0x22) return null;
  const text = new Buffer();
  for (let i = 1; i < value.length - 1; i++) {
    const c = value.at(i);
    if (c != 0x5c) {
      text.byte(c);
      continue;
    }
    if (++i >= value.length - 1) return null;
    const escape = value.at(i);
    if (escape != 0x75) {
      const plain = unescape(escape);
      if (plain == 0) return null;
      text.byte(plain);
      continue;
    }
    let code = jsonHex(value, i + 1);
    if (code < 0) return null;
    i += 4;
    if (code >> 10 == 0xd800 >> 10 && i + 6 < value.length && value.at(i + 1) == 0x5c && value.at(i + 2) == 0x75) {
      const low = jsonHex(value, i + 3);
      if (low >> 10 == 0xdc00 >> 10) {
        code = 0x10000 + (((code & 0x3ff) << 10) | (low & 0x3ff));
        i += 6;
      }
    }
    text.text(code >> 11 == 0xd800 >> 11 ? "\ufffd" : String.fromCodePoint(code));
  }
  return text.toString();
}

function unescape(c: u8): u8 {
  if (c == 0x22 || c == 0x5c || c == 0x2f) return c;
  if (c == 0x62) return 8;
  if (c == 0x66) return 12;
  if (c == 0x6e) return 10;
  if (c == 0x72) return 13;
  if (c == 0x74) return 9;
  return 0;
}

/** The four digits of an escape; -1 where they are none. */
function jsonHex(value: Bytes, at: i32): i32 {
  if (at + 4 >= value.length) return -1;
  let code = 0;
  for (let i = at; i < at + 4; i++) {
    const c = value.at(i);
    const small = c | 0x20;
    if (c >= 0x30 && c <= 0x39) code = (code << 4) | (c - 0x30);
    else if (small >= 0x61 && small <= 0x66) code = (code << 4) | (small - 0x61 + 10);
    else return -1;
  }
  return code;
}

/** Appends a text as a JSON string. */
export function writeJsonText(to: Buffer, text: string): Buffer {
  to.byte(0x22);
  const bytes = Bytes.of(text);
  for (let i = 0; i < bytes.length; i++) {
    const c = bytes.at(i);
    if (c == 0x22 || c == 0x5c) to.byte(0x5c).byte(c);
    else if (c < 0x20) to.text("\\u00").byte(hexDigit(c >> 4)).byte(hexDigit(c & 15));
    else to.byte(c);
  }
  return to.byte(0x22);
}

function hexDigit(digit: u8): u8 {
  return digit < 10 ? 0x30 + digit : 0x57 + digit;
}
