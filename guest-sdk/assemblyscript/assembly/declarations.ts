/**
 * What an operator declares.
 */
import { Members } from "./aggregation";
import { Batch, Kind } from "./batch";
import { Emitter, Output } from "./output";
import { Scratch, Slot } from "./state";
import { Metric, Timer } from "./timer";

/** Calls a method of an operator for a batch. */
export abstract class Handler {
  abstract handle(batch: Batch): void;
}

/** An input. */
export class Input {
  constructor(
    readonly name: string,
    readonly handler: Handler,
    readonly changes: Kind[],
    /** The name of the aggregation that takes its records; empty = none. */
    readonly aggregation: string,
  ) {}
}

/** What an operator has declared so far. */
export class Declarations {
  readonly inputs: Input[] = [];
  readonly outputs: Output[] = [];
  readonly states: Slot[] = [];
  readonly aggregations: Slot[] = [];
  readonly accumulated: Emitter[] = [];
  readonly aggregators: (Handler | null)[] = [];
  readonly timers: Timer[] = [];
  readonly fired: Handler[] = [];
  readonly metrics: Metric[] = [];
  assignsTimestamps: bool = false;
  configSchema: string = "";
  readonly batch: Batch = new Batch();
  readonly members: Members = new Members();
  readonly scratch: Scratch = new Scratch();

  /** Adds a state. */
  state(name: string, kind: string): Slot {
    const slot = new Slot(name, kind);
    slot.index = this.states.length;
    this.states.push(slot);
    return slot;
  }

  /** Numbers the states that hold accumulators: they stand behind all others. */
  finish(): void {
    for (let i = 0; i < this.aggregations.length; i++) {
      this.aggregations[i].index = this.states.length + i;
      if (this.aggregators[i] === null) throw new Error("aggregation " + this.aggregations[i].name + " has no input");
    }
  }
}

// What the operator that is being made declares. It is not a field: in a class
// with a constructor, fields have their values before super() has run.
let declaring: Declarations | null = null;

/** What the operator that is being made has declared so far. */
export function declared(): Declarations {
  const declarations = declaring;
  if (declarations === null) throw new Error("an operator declares in its fields and its constructor, and not later");
  return declarations;
}

/** Begins a new operator, and returns what it will declare. */
export function beginDeclaring(): Declarations {
  const declarations = new Declarations();
  declaring = declarations;
  return declarations;
}

export function endDeclaring(): void {
  declaring = null;
}
