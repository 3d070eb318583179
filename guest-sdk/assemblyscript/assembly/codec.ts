/**
 * How values become bytes. The formats are those of the other SDKs, so that
 * a state that one language wrote is read by another.
 */
import { Buffer, Bytes } from "./bytes";

/** Turns values of a type into bytes and back. */
export abstract class Codec<T> {
  /** Appends the bytes of a value. */
  abstract encode(value: T, to: Buffer): void;
  /** The value of bytes, which are valid during the call only. */
  abstract decode(from: Bytes): T;
}

function word(from: Bytes): u64 {
  if (from.length != 8) throw new Error("an integer in state has " + from.length.toString() + " bytes, not 8");
  return load<u64>(from.data);
}

class Uint64Codec extends Codec<u64> {
  encode(value: u64, to: Buffer): void {
    to.i64(value);
  }
  decode(from: Bytes): u64 {
    return word(from);
  }
}

class Int64Codec extends Codec<i64> {
  encode(value: i64, to: Buffer): void {
    to.i64(value);
  }
  decode(from: Bytes): i64 {
    return word(from);
  }
}

class OrderedUint64Codec extends Codec<u64> {
  encode(value: u64, to: Buffer): void {
    to.i64(bswap<u64>(value));
  }
  decode(from: Bytes): u64 {
    return bswap<u64>(word(from));
  }
}

class OrderedInt64Codec extends Codec<i64> {
  encode(value: i64, to: Buffer): void {
    to.i64(bswap<u64>(<u64>value ^ SIGN));
  }
  decode(from: Bytes): i64 {
    return bswap<u64>(word(from)) ^ SIGN;
  }
}

const SIGN: u64 = 1 << 63;

class TextCodec extends Codec<string> {
  encode(value: string, to: Buffer): void {
    to.text(value);
  }
  decode(from: Bytes): string {
    return from.toString();
  }
}

class RawCodec extends Codec<Bytes> {
  encode(value: Bytes, to: Buffer): void {
    to.bytes(value);
  }
  decode(from: Bytes): Bytes {
    return from.copy();
  }
}

/** 8 bytes, little-endian. */
export const Uint64: Codec<u64> = new Uint64Codec();
/** 8 bytes, little-endian. */
export const Int64: Codec<i64> = new Int64Codec();
/** 8 bytes, big-endian, so that a map is in the order of the numbers. */
export const OrderedUint64: Codec<u64> = new OrderedUint64Codec();
/** 8 bytes, big-endian with the sign bit turned over: a map is in the order of the numbers. */
export const OrderedInt64: Codec<i64> = new OrderedInt64Codec();
/** UTF-8. Bytes that are not UTF-8 do not come back as they were: use Raw for those. */
export const Text: Codec<string> = new TextCodec();
/** Bytes as they are. What it decodes is a copy. */
export const Raw: Codec<Bytes> = new RawCodec();
