/**
 * The memory of a long-lived instance: the host's buffer, and the collector.
 */
import { Runtime } from "shared/runtime";

/** A larger buffer than this goes when a smaller one is asked for. */
const KEEP_LENGTH: u32 = 4 << 20;

let buffer: usize = 0;
let capacity: u32 = 0;

/** The buffer of the host; 0 = it cannot be that long. */
export function lend(length: u32): usize {
  if (length <= capacity && capacity <= KEEP_LENGTH) return buffer;
  if (length > 0x3fffff00) return 0;
  if (buffer != 0) heap.free(buffer);
  buffer = heap.alloc(length);
  capacity = length;
  return buffer;
}

/** So many bytes of new objects are worth a collection, or as many as live, if those are more. */
const COLLECT_BYTES: u32 = 64 << 10;
/** What an object costs beside its own size, about. */
const OBJECT_COST: u32 = 24;

// The runtime's header of an object stands before it. One word of it links the
// object with the one that was made before.
const HEADER: usize = 20;
const PREVIOUS: usize = 8;
const SIZE: usize = 16;

class Probe {}

/** The newest object that was counted. */
let counted: usize = 0;
/** Bytes of objects since the last collection. */
let allocated: u32 = 0;
/** Bytes of new objects that start the next collection. */
let enough: u32 = COLLECT_BYTES;

/** Bytes of the objects from one back to another, or of all, which stand in a ring. */
function bytesBack(from: usize, to: usize): u32 {
  let bytes: u32 = 0;
  let object = from;
  do {
    bytes += load<u32>(object, SIZE) + OBJECT_COST;
    object = load<usize>(object, PREVIOUS);
  } while (object != to && object != from);
  return bytes;
}

/**
 * Collects garbage where enough of it may have gathered. The runtime named minimal
 * leaves it to us: it cannot see what the stack holds, so it may collect only
 * where the stack is empty, which is at the end of a call. Each object that was
 * made in the call is counted once.
 */
export function collectAfterCall(): void {
  if (ASC_RUNTIME != Runtime.Minimal) return;
  let newest = changetype<usize>(new Probe()) - HEADER;
  allocated += bytesBack(newest, counted);
  counted = newest;
  if (allocated < enough) return;
  __collect();
  newest = changetype<usize>(new Probe()) - HEADER;
  enough = max(COLLECT_BYTES, bytesBack(newest, 0));
  allocated = 0;
  counted = newest;
}
