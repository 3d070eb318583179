/**
 * The batch layout and the control block, as SPEC.md gives them.
 */

export const HEADER_LENGTH: i32 = 24;
export const FIXED_LENGTH: i32 = 28;
/** TRGB, read as a little-endian number. */
export const MAGIC: u32 = 0x42475254;
/** Version 1, encoding rows, and the length of the fixed part. */
export const VERSION: u32 = 1 | ((<u32>FIXED_LENGTH) << 16);

export const FLAG_KEY_NULL: u32 = 1;
export const FLAG_VALUE_NULL: u32 = 2;
export const KIND_SHIFT: u32 = 2;

export const LIST_HEAD: usize = 16;
export const MAP_HEAD: usize = 12;

/** No record is in hand. */
export const NO_HAND: u32 = 0xffffffff;
/** Outputs from here on take accumulators. */
export const ACCUMULATOR_OUTPUT: u32 = 0x80000000;

/** The address of the control block that host and guest share. */
// @ts-ignore: decorator
@lazy
export const CONTROL: usize = memory.data(32, 8);

// @ts-ignore: decorator
@inline
export function hand(): u32 {
  return load<u32>(CONTROL);
}

// @ts-ignore: decorator
@inline
export function setHand(index: u32): void {
  store<u32>(CONTROL, index);
}
