/**
 * The end of a call. The compiler calls it where an exception is thrown or a check
 * fails, if it is told so: --use abort=~lib/@turgo/operator/assembly/abort/abortCall.
 * It allocates nothing: the memory may be at its limit.
 */
import * as host from "./host";

const TEXT_LENGTH: i32 = 1024;
const text: usize = memory.data(TEXT_LENGTH);
/** Room for the line, which stands last. */
const LINE_LENGTH: i32 = 24;

/** Appends as much of a text as fits, in UTF-8, and returns the end. */
function append(at: usize, piece: string): usize {
  const room = <i32>(text + TEXT_LENGTH - LINE_LENGTH - at);
  const length = min(piece.length, room / 3);
  return at + String.UTF8.encodeUnsafe(changetype<usize>(piece), length, at, false, String.UTF8.ErrorMode.REPLACE);
}

function appendNumber(at: usize, number: u32): usize {
  let digits = 1;
  for (let rest = number / 10; rest > 0; rest /= 10) digits++;
  for (let to = at + digits; to > at; number /= 10) store<u8>(--to, 0x30 + <u8>(number % 10));
  return at + digits;
}

/** Writes message, file and line to the log, and traps: the host undoes the call. */
export function abortCall(message: string | null, file: string | null, line: u32, column: u32): void {
  let at = append(text, message !== null ? message : "abort");
  if (file !== null) {
    at = append(append(at, " at "), file);
    store<u8>(at, 0x3a);
    at = appendNumber(at + 1, line);
    store<u8>(at, 0x3a);
    at = appendNumber(at + 1, column);
  }
  host.log(3, text, <u32>(at - text));
  unreachable();
}
