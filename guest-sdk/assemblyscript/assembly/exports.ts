/**
 * The functions that the host calls. The file of a module exports them all:
 * export * from "@turgo/operator/exports";
 */
import "./abort"; // so that the compiler finds it
import { Bytes } from "./bytes";
import { lend } from "./memory";
import * as module from "./module";

export function turgo_describe(): u64 {
  const description = module.describe();
  return ((<u64>description.data) << 32) | (<u64>description.length);
}

export function turgo_buffer(length: u32): usize {
  return lend(length);
}

export function turgo_open(operator: u32, pointer: usize, length: i32): usize {
  return module.open(operator, new Bytes().view(pointer, length));
}

export function turgo_process(input: u32, pointer: usize, length: u32): i32 {
  return module.process(input, pointer);
}

export function turgo_timers(timer: u32, pointer: usize, length: u32): i32 {
  return module.timers(timer, pointer);
}

export function turgo_aggregate(aggregation: u32, pointer: usize, length: u32): i32 {
  return module.aggregate(aggregation, pointer);
}

export function turgo_close(): void {
  module.close();
}
