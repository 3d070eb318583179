// Batches in the layout of SPEC.md section 6: written, and read with all checks
// that the host makes of what a module emits.

export const HEADER_LENGTH = 24;
export const FIXED_LENGTH = 28;
const LENGTH_MAX = 64 << 20;
const KEY_NULL = 1;
const VALUE_NULL = 2;
const KNOWN_FLAGS = 15;
const NO_TIMESTAMP = -(2n ** 63n);

export const kinds = ["insert", "update_before", "update_after", "delete"];

/**
 * Record is one record. Key and value are bytes, or null.
 */
export class Record {
  constructor(key, value, { timestamp = null, kind = "insert", extensions = new Uint8Array() } = {}) {
    if (!kinds.includes(kind)) throw new Error(`testkit: ${kind} is no change kind: ${kinds.join(", ")}`);
    this.key = bytesOf(key);
    this.value = bytesOf(value);
    this.timestamp = timestamp === null ? null : BigInt(timestamp);
    this.kind = kind;
    this.extensions = extensions;
  }

  /** at is the record with a timestamp, in milliseconds since the epoch. */
  at(timestamp) {
    return new Record(this.key, this.value, { ...this, timestamp });
  }

  /** as is the record as another kind of change. */
  as(kind) {
    return new Record(this.key, this.value, { ...this, kind });
  }

  /** with is the record with encoded extensions. */
  with(extensions) {
    return new Record(this.key, this.value, { ...this, extensions });
  }

  /** text is the value, read as UTF-8. */
  get text() {
    return this.value === null ? null : Buffer.from(this.value).toString("utf8");
  }

  toString() {
    const kind = this.kind === "insert" ? "" : this.kind + " ";
    const at = this.timestamp === null ? "" : ` at ${this.timestamp}`;
    const extensions = this.extensions.length === 0 ? "" : ` with extensions ${Buffer.from(this.extensions).toString("hex")}`;
    return `${kind}${part(this.key)}=${part(this.value)}${at}${extensions}`;
  }
}

/** record is an insert with a key and a value (text, bytes or null) and no timestamp. */
export function record(key, value, options) {
  return new Record(key, value, options);
}

/** integer is a number as the codecs Int64 and Uint64 write it. */
export function integer(number) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(number)));
  return bytes;
}

/** ordered is a number as the codec OrderedInt64 writes it. */
export function ordered(number) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt.asUintN(64, BigInt(number) + 2n ** 63n));
  return bytes;
}

function bytesOf(data) {
  if (data === null || data === undefined) return null;
  return typeof data === "string" ? Buffer.from(data, "utf8") : Buffer.from(data);
}

function part(data) {
  if (data === null) return "null";
  const text = data.toString("utf8");
  const isText = Buffer.from(text, "utf8").equals(data) && !/[\x00-\x08\x0e-\x1f]/.test(text);
  return isText ? JSON.stringify(text) : "0x" + data.toString("hex");
}

/** build is the batch of records, each of which has its index as origin. */
export function build(records) {
  const parts = records.map((r, index) => {
    const fixed = Buffer.alloc(FIXED_LENGTH);
    const key = r.key ?? Buffer.alloc(0);
    const value = r.value ?? Buffer.alloc(0);
    fixed.writeUInt32LE(FIXED_LENGTH + key.length + value.length + r.extensions.length, 0);
    fixed[4] = (r.key === null ? KEY_NULL : 0) | (r.value === null ? VALUE_NULL : 0) | (kinds.indexOf(r.kind) << 2);
    fixed.writeBigInt64LE(r.timestamp ?? NO_TIMESTAMP, 8);
    fixed.writeUInt32LE(index, 16);
    fixed.writeUInt32LE(key.length, 20);
    fixed.writeUInt32LE(value.length, 24);
    return Buffer.concat([fixed, key, value, r.extensions]);
  });
  return Buffer.concat([header(records.length, FIXED_LENGTH, parts), ...parts]);
}

/** header is that of a batch with these records. */
export function header(count, fixedLength, parts) {
  const head = Buffer.alloc(HEADER_LENGTH);
  head.write("TRGB", "latin1");
  head[4] = 1;
  head.writeUInt16LE(fixedLength, 6);
  head.writeUInt32LE(count, 8);
  head.writeUInt32LE(parts.reduce((sum, p) => sum + p.length, HEADER_LENGTH), 12);
  return head;
}

/** Malformed tells at which offset bytes are no batch. */
export class Malformed extends Error {
  constructor(offset, what) {
    super(`malformed batch at offset ${offset}: ${what}`);
    this.offset = offset;
  }
}

function check(ok, offset, what) {
  if (!ok) throw new Malformed(offset, what);
}

/** parse reads a batch: its records, and the origin of each. */
export function parse(data) {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  check(bytes.length >= HEADER_LENGTH, bytes.length, "the header is cut off");
  check(bytes.toString("latin1", 0, 4) === "TRGB", 0, "no magic");
  check(bytes[4] === 1, 4, `version ${bytes[4]}`);
  check(bytes[5] === 0, 5, `encoding ${bytes[5]}`);
  const fixed = bytes.readUInt16LE(6);
  check(fixed >= FIXED_LENGTH, 6, `a fixed part of ${fixed} bytes`);
  const count = bytes.readUInt32LE(8);
  const length = bytes.readUInt32LE(12);
  check(length === bytes.length && length <= LENGTH_MAX, 12, `a length of ${length}, there are ${bytes.length} bytes`);
  check(bytes.readBigUInt64LE(16) === 0n, 16, "unknown flags, or reserved bytes in use");
  const records = [];
  const origins = [];
  let at = HEADER_LENGTH;
  for (let i = 0; i < count; i++) {
    records.push(parseRecord(bytes, at, fixed));
    origins.push(bytes.readUInt32LE(at + 16));
    at += bytes.readUInt32LE(at);
  }
  check(at === bytes.length, at, "bytes after the last record");
  return { records, origins };
}

function parseRecord(bytes, at, fixed) {
  check(bytes.length - at >= fixed, at, "a record is cut off");
  const size = bytes.readUInt32LE(at);
  check(size <= bytes.length - at, at, `a record of ${size} bytes`);
  check((bytes.readUInt32LE(at + 4) & ~KNOWN_FLAGS) === 0, at + 4, "unknown flags, or reserved bytes in use");
  const flags = bytes[at + 4];
  const keyLength = bytes.readUInt32LE(at + 20);
  const valueLength = bytes.readUInt32LE(at + 24);
  check(fixed + keyLength + valueLength <= size, at + 20, `a key of ${keyLength} and a value of ${valueLength} bytes`);
  check((flags & KEY_NULL) === 0 || keyLength === 0, at + 20, "a null key with bytes");
  check((flags & VALUE_NULL) === 0 || valueLength === 0, at + 24, "a null value with bytes");
  const key = at + fixed;
  const value = key + keyLength;
  const extensions = value + valueLength;
  checkExtensions(bytes, extensions, at + size);
  const timestamp = bytes.readBigInt64LE(at + 8);
  return new Record(
    flags & KEY_NULL ? null : bytes.subarray(key, value),
    flags & VALUE_NULL ? null : bytes.subarray(value, extensions),
    {
      timestamp: timestamp === NO_TIMESTAMP ? null : timestamp,
      kind: kinds[flags >> 2],
      extensions: Buffer.from(bytes.subarray(extensions, at + size)),
    },
  );
}

function checkExtensions(bytes, at, end) {
  while (at < end) {
    check(end - at >= 8, at, "an extension is cut off");
    const type = bytes.readUInt16LE(at);
    const length = bytes.readUInt32LE(at + 4);
    check((type & 0x8000) === 0, at, `extension ${type} must be understood`);
    check(bytes.readUInt16LE(at + 2) === 0, at + 2, "reserved bytes in use");
    check(length <= end - at - 8, at + 4, `an extension of ${length} bytes`);
    if (type === 1) checkHeader(bytes, at + 8, length);
    at += 8 + length;
  }
}

function checkHeader(bytes, at, length) {
  check(length >= 4, at, "a header without a name");
  const word = bytes.readUInt32LE(at);
  const name = word & 0x7fffffff;
  check(name <= length - 4, at, `a header's name of ${name} bytes`);
  check(word >>> 31 === 0 || name === length - 4, at, "a null header with a value");
}
