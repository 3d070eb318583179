/**
 * What an operator is.
 */
import { Aggregation, Groups } from "./aggregation";
import { Batch, Kind } from "./batch";
import { Context } from "./config";
import { Declarations, Handler, Input, beginDeclaring, declared, endDeclaring } from "./declarations";
import { CONTROL } from "./layout";
import { Timer } from "./timer";

class BatchHandler<S> extends Handler {
  constructor(
    private self: S,
    private method: (self: S, batch: Batch) => void,
  ) {
    super();
  }

  handle(batch: Batch): void {
    this.method(this.self, batch);
  }
}

class GroupsHandler<S, T> extends Handler {
  constructor(
    private self: S,
    private groups: Groups<T>,
    private method: (self: S, groups: Groups<T>) => void,
  ) {
    super();
  }

  handle(batch: Batch): void {
    this.method(this.self, this.groups);
  }
}

/** Makes an operator, with what it declares. */
export function make(create: () => Operator): Operator {
  const declarations = beginDeclaring();
  const operator = create();
  endDeclaring();
  declarations.finish();
  operator.declarations = declarations;
  return operator;
}

/**
 * An operator. A class of yours extends it, and declares in its fields and its
 * constructor: inputs, outputs, states, timers and metrics are numbered in that
 * order. What it keeps in its own fields may vanish after any call, back to what
 * it was when open() returned; what must last is state.
 */
export abstract class Operator {
  /** Not yours: what the operator has declared. */
  declarations: Declarations = declared();

  /** Prepares before the first batch. context.refuse() refuses. */
  open(context: Context): void {}

  /** The instance ends in good order. It may end without this call. */
  close(): void {}

  /** The operator's watermark. It stands still during a call. */
  get watermark(): i64 {
    return load<i64>(CONTROL, 8);
  }

  /** The clock, in milliseconds since the epoch. It stands still during a call. */
  get processingTime(): i64 {
    return load<i64>(CONTROL, 16);
  }

  /**
   * Declares an input and who handles its batches. changes are the change kinds
   * that it accepts; none = inserts only. S is the operator's own class.
   */
  input<S extends Operator>(name: string, handle: (self: S, batch: Batch) => void, changes: Kind[] = []): void {
    declared().inputs.push(new Input(name, new BatchHandler<S>(this as S, handle), changes, ""));
  }

  /** Declares an input whose records are aggregated. An aggregation has one. */
  aggregate<S extends Operator, T>(
    name: string,
    aggregation: Aggregation<T>,
    handle: (self: S, groups: Groups<T>) => void,
    changes: Kind[] = [],
  ): void {
    const handler = new GroupsHandler<S, T>(this as S, aggregation.groups, handle);
    declared().aggregators[aggregation.index] = handler;
    declared().inputs.push(new Input(name, handler, changes, aggregation.slot.name));
  }

  /** Declares a timer that fires when the watermark reaches its time. */
  eventTimer<S extends Operator>(name: string, fire: (self: S, timers: Batch) => void): Timer {
    return this.timer<S>(name, "event", fire);
  }

  /** Declares a timer that fires when the clock reaches its time. */
  processingTimer<S extends Operator>(name: string, fire: (self: S, timers: Batch) => void): Timer {
    return this.timer<S>(name, "processing", fire);
  }

  private timer<S extends Operator>(name: string, domain: string, fire: (self: S, timers: Batch) => void): Timer {
    const timer = new Timer(name, domain, declared().timers.length);
    declared().timers.push(timer);
    declared().fired.push(new BatchHandler<S>(this as S, fire));
    return timer;
  }

  /** Declares that the operator gives records their timestamps: watermarks are made after it. */
  assignsTimestamps(): void {
    declared().assignsTimestamps = true;
  }

  /** Declares the JSON Schema of the operator's config. */
  configSchema(schema: string): void {
    declared().configSchema = schema;
  }
}
