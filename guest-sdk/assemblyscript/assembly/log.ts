/**
 * The operator's log, and random bytes.
 */
import { Bytes } from "./bytes";
import * as host from "./host";

/** Lines of the operator's log. Logs are no part of a call's transaction. */
export namespace log {
  function write(level: u32, text: string): void {
    const bytes = Bytes.of(text);
    host.log(level, bytes.data, bytes.length);
  }

  export function debug(text: string): void {
    write(0, text);
  }

  export function info(text: string): void {
    write(1, text);
  }

  export function warn(text: string): void {
    write(2, text);
  }

  export function error(text: string): void {
    write(3, text);
  }
}

const word: usize = memory.data(8, 8);

/**
 * A random number that is the same each time the same record is run with the same
 * input, state and times: it follows from the call and the record in hand.
 */
export function random(): u64 {
  host.randomGet(word, 8);
  return load<u64>(word);
}
