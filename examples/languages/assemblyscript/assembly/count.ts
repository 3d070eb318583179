import { Batch, Buffer, Counter, Int64, MapState, NO_TIMESTAMP, Operator, OrderedInt64, Output, Timer } from "@turgo/operator";

const MINUTE: i64 = 60000;
const NOT_A_PAYMENT: u32 = 2;

function startOf(timestamp: i64): i64 {
  const rest = timestamp % MINUTE;
  return timestamp - (rest < 0 ? rest + MINUTE : rest);
}

/** Counts the payments of each account in each minute of event time. */
export class Count extends Operator {
  private counts: Output = new Output("counts");
  private minutes: MapState<i64, i64> = new MapState<i64, i64>("minutes", OrderedInt64, Int64);
  private minuteEnd: Timer = this.eventTimer<Count>("minute_end", (self, timers) => self.end(timers));
  private late: Counter = new Counter("late");
  private text: Buffer = new Buffer();

  constructor() {
    super();
    this.input<Count>("payments", (self, payments) => self.count(payments));
  }

  private count(payments: Batch): void {
    while (payments.next()) {
      const timestamp = payments.timestamp;
      if (timestamp == NO_TIMESTAMP || payments.value.length != 8) {
        payments.fail(NOT_A_PAYMENT, "not a payment");
        continue;
      }
      if (timestamp < this.watermark) {
        this.late.add(1);
        continue;
      }
      const start = startOf(timestamp);
      const count = this.minutes.get(start, 0);
      if (!this.minutes.found) this.minuteEnd.set(start + MINUTE);
      this.minutes.put(start, count + 1);
    }
  }

  private end(timers: Batch): void {
    while (timers.next()) {
      const end = timers.timestamp;
      const start = end - MINUTE;
      const count = this.minutes.get(start, 0);
      if (!this.minutes.found) continue;
      this.minutes.delete(start);
      const text = this.text.clear().decimal(start).text(" ").decimal(count);
      this.counts.emitAt(end - 1, timers.key, text);
    }
  }
}
