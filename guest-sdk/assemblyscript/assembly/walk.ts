/**
 * Walks over states that hold many entries, a page at a time.
 */
import { hand } from "./layout";

const PAGE_LENGTH: i32 = 4096;

/** A page of entries. */
export abstract class Page {
  private buffer: ArrayBuffer | null = null;
  /** The address of the next entry. */
  protected at: usize = 0;
  /** Entries that were read and not yet taken. */
  protected left: u32 = 0;
  private owner: u32 = 0;
  private isOver: bool = true;

  /** Whether nobody walks here any more: a walk ends with the record in hand. */
  get isFree(): bool {
    return this.isOver || this.owner != hand();
  }

  protected begin(): void {
    this.left = 0;
    this.owner = hand();
    this.isOver = false;
  }

  /** Reads entries into memory, and returns what the host does. */
  protected abstract read(to: usize, capacity: u32): i64;

  /** Reads the next page and tells whether there is one. */
  protected turn(): bool {
    if (this.isOver) return false;
    let buffer = this.buffer;
    if (buffer === null) this.buffer = buffer = new ArrayBuffer(PAGE_LENGTH);
    for (;;) {
      const result = this.read(changetype<usize>(buffer), buffer.byteLength);
      this.left = <u32>(result >> 32);
      this.at = changetype<usize>(buffer);
      if (this.left > 0) return true;
      const need = <u32>result;
      if (need == 0) break;
      this.buffer = buffer = new ArrayBuffer(need + (need >> 1));
    }
    this.isOver = true;
    return false;
  }
}
