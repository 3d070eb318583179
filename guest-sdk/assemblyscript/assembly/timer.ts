/**
 * Timers and metrics.
 */
import { declared } from "./declarations";
import * as host from "./host";

/**
 * A timer of an operator, for the key of the record in hand. There is one timer
 * for each declaration, key and timestamp.
 */
export class Timer {
  constructor(
    readonly name: string,
    readonly domain: string,
    /** Its number in the description. */
    readonly index: u32,
  ) {}

  /** Sets a timer, in milliseconds since the epoch. */
  set(timestamp: i64): void {
    host.timerSet(this.index, timestamp);
  }

  /** Removes a timer. Removing one that is not set does nothing. */
  delete(timestamp: i64): void {
    host.timerDelete(this.index, timestamp);
  }
}

/** What the description says of a metric. */
export abstract class Metric {
  /** Its number in the description. */
  readonly index: u32;

  constructor(
    readonly name: string,
    readonly kind: string,
  ) {
    this.index = declared().metrics.length;
    declared().metrics.push(this);
  }
}

/** A metric that only grows. */
export class Counter extends Metric {
  constructor(name: string) {
    super(name, "counter");
  }

  add(n: i64 = 1): void {
    host.metric(this.index, n);
  }
}

/** A metric that is set. */
export class Gauge extends Metric {
  constructor(name: string) {
    super(name, "gauge");
  }

  set(value: i64): void {
    host.metric(this.index, value);
  }
}
