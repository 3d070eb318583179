import {
  Batch,
  Buffer,
  Context,
  Counter,
  MapState,
  NO_TIMESTAMP,
  Operator,
  OrderedInt64,
  Output,
  Timer,
} from "@turgo/operator";
import { Session, SessionCodec } from "./session";

const NOT_A_PAYMENT: u32 = 2;

/** Sums the payments of each account in sessions of event time. */
export class Sum extends Operator {
  private sums: Output = new Output("sums");
  private sessions: MapState<i64, Session> = new MapState<i64, Session>("sessions", OrderedInt64, new SessionCodec());
  private sessionEnd: Timer = this.eventTimer<Sum>("session_end", (self, timers) => self.end(timers));
  private late: Counter = new Counter("late");
  private gap: i64 = 30000;
  private joined: Session = new Session(0, 0);
  private text: Buffer = new Buffer();

  constructor() {
    super();
    this.input<Sum>("payments", (self, payments) => self.sum(payments));
    this.configSchema(
      '{"type":"object","properties":{"gap_ms":{"type":"integer","minimum":1,"default":30000}},"additionalProperties":false}',
    );
  }

  open(context: Context): void {
    this.gap = context.config.integer("gap_ms", 30000);
    if (this.gap < 1) context.refuse("config: gap_ms must be 1 or more");
  }

  private sum(payments: Batch): void {
    while (payments.next()) {
      const timestamp = payments.timestamp;
      const value = payments.value;
      if (timestamp == NO_TIMESTAMP || value.length != 8) {
        payments.fail(NOT_A_PAYMENT, "not a payment");
      } else if (timestamp < this.watermark) {
        this.late.add(1);
      } else {
        this.add(timestamp, value.i64At(0));
      }
    }
  }

  /** Joins a payment with the sessions that it is near. */
  private add(timestamp: i64, cents: i64): void {
    const joined = this.joined;
    let first = timestamp;
    joined.last = timestamp;
    joined.sum = cents;
    let kept = i64.MIN_VALUE; // the end of a session whose bounds do not change
    const stored = this.sessions.entries();
    while (stored.next()) {
      const start = stored.key;
      const session = stored.value;
      if (timestamp - session.last >= this.gap || start - timestamp >= this.gap) continue;
      first = min(first, start);
      joined.last = max(joined.last, session.last);
      joined.sum += session.sum;
      if (first == start && joined.last == session.last) {
        kept = session.last;
        continue;
      }
      kept = i64.MIN_VALUE;
      this.sessions.delete(start);
      this.sessionEnd.delete(session.last + this.gap);
    }
    this.sessions.put(first, joined);
    if (kept != joined.last) this.sessionEnd.set(joined.last + this.gap);
  }

  private end(timers: Batch): void {
    while (timers.next()) {
      const stored = this.sessions.entries();
      while (stored.next()) {
        const session = stored.value;
        if (session.last + this.gap != timers.timestamp) continue;
        const first = stored.key;
        const text = this.text.clear().decimal(first).text(" ").decimal(session.last).text(" ").decimal(session.sum);
        this.sums.emitAt(session.last, timers.key, text);
        this.sessions.delete(first);
        break;
      }
    }
  }
}
