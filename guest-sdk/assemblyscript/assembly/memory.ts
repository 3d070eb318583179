/**
 * The memory of a long-lived instance: the host's buffer, and the collector.
 */

/** A larger buffer than this goes when a smaller one is asked for. */
const KEEP_LENGTH: u32 = 4 << 20;

import { Runtime } from "shared/runtime";

let buffer: usize = 0;
let capacity: u32 = 0;

/** The buffer of the host; 0 = out of memory. */
export function lend(length: u32): usize {
  if (length <= capacity && capacity <= KEEP_LENGTH) return buffer;
  if (length > <u32>i32.MAX_VALUE) return 0;
  if (buffer != 0) heap.free(buffer);
  buffer = heap.alloc(length);
  capacity = length;
  return buffer;
}

/** Collects garbage where enough of it may have gathered. Nothing may be on the stack. */
export function collectAfterCall(): void {
  if (ASC_RUNTIME == Runtime.Minimal) __collect();
}
