// Small operators, each for one part of the SDK.
import {
  Aggregation,
  Batch,
  Buffer,
  Bytes,
  Context,
  Counter,
  Gauge,
  Groups,
  Int64,
  Kind,
  ListState,
  MapState,
  NO_TIMESTAMP,
  Operator,
  OrderedInt64,
  OrderedUint64,
  Output,
  Raw,
  Record,
  Text,
  Timer,
  Uint64,
  ValueState,
  log,
  random,
  register,
} from "../../index";

function spell(bytes: Bytes): string {
  if (bytes.isNull) return "null";
  if (bytes.length == 0) return "empty";
  if (bytes.length > 1000) return bytes.length.toString();
  let text = "";
  for (let i = 0; i < bytes.length; i++) text += (<u32>bytes.at(i)).toString(16).padStart(2, "0");
  return text;
}

const kinds: string[] = ["insert", "update_before", "update_after", "delete"];

/** Emits each record twice, by its parts and forwarded, and logs what it read. */
class Copy extends Operator {
  private parts: Output = new Output("parts");
  private whole: Output = new Output("whole");
  private odd: Output = new Output("odd");
  private rest: Output = new Output("rest");
  private record: Record = new Record();

  constructor() {
    super();
    this.input<Copy>("in", (self, records) => self.copy(records), [
      Kind.Insert,
      Kind.UpdateBefore,
      Kind.UpdateAfter,
      Kind.Delete,
    ]);
    this.input<Copy>("headers", (self, records) => self.headers(records));
  }

  private copy(records: Batch): void {
    const record = this.record;
    let isOdd = false;
    while (records.next()) {
      const time = records.timestamp == NO_TIMESTAMP ? "none" : records.timestamp.toString();
      log.info([spell(records.key), spell(records.value), kinds[records.kind], time].join(" "));
      record.key = records.key;
      record.value = records.value;
      record.kind = records.kind;
      record.timestamp = records.timestamp;
      record.extensions = records.extensions;
      this.parts.emitRecord(record);
      this.whole.forward();
      if (!records.value.equalsText("skip")) this.rest.forward();
      if (isOdd) this.odd.forward();
      else this.odd.emitRecord(record);
      isOdd = !isOdd;
    }
  }

  private headers(records: Batch): void {
    const names = ["trace", "gone", "none"];
    while (records.next()) {
      for (let i = 0; i < names.length; i++) {
        const value = records.header(names[i]);
        if (value === null) log.info(names[i] + " is missing");
        else log.info(names[i] + (value.isNull ? " is null" : "=" + value.toString()));
      }
      this.whole.forward();
    }
  }
}

/** Keeps the values of each key in a list and tells them all each time. */
class History extends Operator {
  private out: Output = new Output("out");
  private values: ListState<string> = new ListState<string>("values", Text).expiring(100);

  constructor() {
    super();
    this.input<History>("in", (self, records) => self.process(records));
  }

  private process(records: Batch): void {
    while (records.next()) {
      if (records.value.equalsText("clear")) {
        this.values.clear();
        continue;
      }
      this.values.append(records.value.toString());
      const all: string[] = [];
      const elements = this.values.elements();
      while (elements.next()) all.push(elements.value);
      this.out.emit(records.key, Bytes.of(all.join(",")));
    }
  }
}

/** A map of numbers: "put N TEXT", "get N", "delete N", "all", "after N", "clear", "pairs". */
class Inventory extends Operator {
  private out: Output = new Output("out");
  private texts: MapState<i64, Bytes> = new MapState<i64, Bytes>("texts", OrderedInt64, Raw);

  constructor() {
    super();
    this.input<Inventory>("in", (self, records) => self.process(records));
  }

  private process(records: Batch): void {
    while (records.next()) {
      const words = records.value.toString().split(" ");
      const number = words.length > 1 ? I64.parseInt(words[1]) : 0;
      const verb = words[0];
      if (verb == "put") this.texts.put(number, Bytes.of(words[2]));
      else if (verb == "delete") this.texts.delete(number);
      else if (verb == "clear") this.texts.clear();
      else this.out.emit(records.key, Bytes.of(this.answer(verb, number)));
    }
  }

  private answer(verb: string, number: i64): string {
    if (verb == "get") {
      const text = this.texts.get(number, Bytes.of("nothing"));
      return text.toString() + " " + this.texts.found.toString();
    }
    const all: string[] = [];
    const entries = verb == "after" ? this.texts.after(number) : this.texts.entries();
    while (entries.next()) {
      if (verb != "pairs") {
        all.push(entries.key.toString() + ":" + entries.value.length.toString());
        if (all.length == 3) break;
        continue;
      }
      const others = this.texts.entries(); // a walk within a walk
      while (others.next()) all.push(entries.key.toString() + "+" + others.key.toString());
    }
    return all.join(" ");
  }
}

/** Each codec once. */
class Codecs extends Operator {
  private signed: ValueState<i64> = new ValueState<i64>("signed", Int64);
  private unsigned: ValueState<u64> = new ValueState<u64>("unsigned", Uint64).prefetched();
  private ordered: ValueState<i64> = new ValueState<i64>("ordered", OrderedInt64);
  private orderedUnsigned: ValueState<u64> = new ValueState<u64>("ordered_unsigned", OrderedUint64);
  private text: ValueState<string> = new ValueState<string>("text", Text);
  private raw: ValueState<Bytes> = new ValueState<Bytes>("raw", Raw);
  private out: Output = new Output("out");

  constructor() {
    super();
    this.input<Codecs>("in", (self, records) => self.process(records));
  }

  private process(records: Batch): void {
    while (records.next()) {
      const text = records.value.toString();
      const number = I64.parseInt(text);
      this.signed.put(number);
      this.unsigned.put(number);
      this.ordered.put(number);
      this.orderedUnsigned.put(number);
      this.text.put(text);
      this.raw.put(records.value);
      const same =
        this.signed.get(0) == number &&
        this.unsigned.get(0) == <u64>number &&
        this.ordered.get(0) == number &&
        this.orderedUnsigned.get(0) == <u64>number &&
        this.text.get("") == text &&
        this.raw.get(Bytes.none()).equals(records.value);
      this.out.emit(records.key, new Buffer().text(same.toString()).text(" ").decimal(number));
    }
  }
}

/** A text under schema version 0, and a number under version 2 that reads such texts. */
class Old extends Operator {
  private note: ValueState<string> = new ValueState<string>("note", Text);
  private gone: ValueState<string> = new ValueState<string>("gone", Text);

  constructor() {
    super();
    this.input<Old>("in", (self, records) => {
      while (records.next()) {
        self.gone.put("x");
        self.note.put(records.value.toString());
      }
    });
  }
}

class New extends Operator {
  private out: Output = new Output("out");
  private note: ValueState<i64> = new ValueState<i64>("note", Int64).versioned(
    2,
    (version, data) => I64.parseInt(data.toString()) + 1000 * <i64>(version + 1),
  );

  constructor() {
    super();
    this.input<New>("in", (self, records) => {
      while (records.next()) {
        const number = self.note.get(-1);
        self.note.put(number + 1);
        self.out.emit(records.key, Bytes.of(number.toString()));
      }
    });
  }
}

/** Sets timers, and when one fires tells and sets another. */
class Alarm extends Operator {
  private out: Output = new Output("out");
  private event: Timer = this.eventTimer<Alarm>("event", (self, timers) => self.fired("event", timers));
  private clock: Timer = this.processingTimer<Alarm>("clock", (self, timers) => self.fired("clock", timers));

  constructor() {
    super();
    this.input<Alarm>("in", (self, records) => self.process(records));
  }

  private process(records: Batch): void {
    while (records.next()) {
      const words = records.value.toString().split(" ");
      const time = I64.parseInt(words[1]);
      if (words[0] == "event") this.event.set(time);
      else if (words[0] == "clock") this.clock.set(time);
      else if (words[0] == "forget") this.event.delete(time);
    }
  }

  private fired(name: string, timers: Batch): void {
    while (timers.next()) {
      const text = new Buffer().text(name).text(" ").decimal(timers.timestamp);
      this.out.emit(timers.key, text.text(" at ").decimal(this.watermark).text(" ").decimal(this.processingTime));
      if (timers.timestamp == 7) this.event.set(8);
    }
  }
}

/** Sums numbers; a timer tells the sum and forgets it. */
class Totals extends Operator {
  private out: Output = new Output("out");
  private total: Aggregation<i64> = new Aggregation<i64>("total", Int64).versioned(4).expiring(1000);
  private end: Timer = this.eventTimer<Totals>("end", (self, timers) => self.ended(timers));

  constructor() {
    super();
    this.aggregate<Totals, i64>("numbers", this.total, (self, groups) => self.add(groups));
  }

  private add(groups: Groups<i64>): void {
    while (groups.next()) {
      let total = groups.accumulator(0);
      const isNew = !groups.found;
      const records = groups.records;
      const count = groups.count;
      while (records.next()) {
        if (records.value.equalsText("fail")) groups.fail(3, "asked to");
        total += I64.parseInt(records.value.toString());
      }
      if (isNew) this.end.set(100);
      if (total == 0) groups.remove();
      else groups.put(total);
      const text = new Buffer().decimal(total).text(" of ").decimal(count).text(" until ").decimal(groups.timestamp);
      this.out.emit(groups.key, text);
    }
  }

  private ended(timers: Batch): void {
    while (timers.next()) {
      const total = this.total.get(-1);
      this.out.emit(timers.key, new Buffer().text("total ").decimal(total).text(this.total.found ? "" : " (none)"));
      this.total.clear();
    }
  }
}

/** Fails, traps, logs and counts as its records say. */
class Faults extends Operator {
  private out: Output = new Output("out");
  private value: ValueState<i64> = new ValueState<i64>("value", Int64);
  private seen: Counter = new Counter("seen");
  private last: Gauge = new Gauge("last");

  constructor() {
    super();
    this.input<Faults>("in", (self, records) => self.process(records));
  }

  private process(records: Batch): void {
    while (records.next()) {
      const verb = records.value.toString();
      this.seen.add();
      this.last.set(verb.length);
      this.value.put(this.value.get(0) + 1);
      this.out.forward();
      if (verb == "fail") records.fail(7, "asked to fail");
      else if (verb == "throw") throw new Error("a \u00e9 of mine");
      else if (verb == "null") this.out.emit(Bytes.none(), Bytes.none());
      else if (verb == "log") this.logAll();
      else if (verb == "random") this.out.emit(records.key, Bytes.of((random() == random()).toString()));
      else if (verb == "outside") this.out.emit(records.key, Bytes.of(records.value.at(99).toString()));
    }
  }

  private logAll(): void {
    log.debug("d");
    log.info("i \ud83d\ude00");
    log.warn("w");
    log.error("e");
  }
}

/** Tells its config in open(), in the log. */
class Configured extends Operator {
  constructor() {
    super();
    this.input<Configured>("in", (self, records) => {});
    this.configSchema('{"type":"object"}');
    this.assignsTimestamps();
  }

  open(context: Context): void {
    const config = context.config;
    const part = config.object("part");
    log.info([context.uid, context.subtask.toString(), context.parallelism.toString()].join(" "));
    log.info(
      [
        config.text("text", "-"),
        config.texts("texts", ["-"]).join("|"),
        config.integer("integer", -1).toString(),
        config.number("number", -1).toString(),
        config.bool("bool", false).toString(),
        part.integer("inner", -2).toString(),
      ].join(", "),
    );
    if (config.bool("refuse", false)) context.refuse("asked to refuse");
  }
}

/** Makes garbage, and keeps what it was given at first. */
class Garbage extends Operator {
  private out: Output = new Output("out");
  private kept: Map<string, string> = new Map<string, string>();
  private values: ListState<string> = new ListState<string>("values", Text);

  constructor() {
    super();
    this.input<Garbage>("in", (self, records) => self.process(records));
  }

  open(context: Context): void {
    for (let i = 0; i < 1000; i++) this.kept.set("key " + i.toString(), "value " + i.toString());
    context.config.text("unused", "");
  }

  private process(records: Batch): void {
    while (records.next()) {
      let text = "";
      for (let i = 0; i < 20; i++) text += records.value.toString() + i.toString();
      const elements = this.values.elements();
      while (elements.next()) break; // abandoned
      this.out.emit(records.key, Bytes.of(this.kept.get("key " + (text.length % 1000).toString())));
    }
  }
}

register("copy", () => new Copy());
register("history", () => new History());
register("inventory", () => new Inventory());
register("codecs", () => new Codecs());
register("old", () => new Old());
register("new", () => new New());
register("alarm", () => new Alarm());
register("totals", () => new Totals());
register("faults", () => new Faults());
register("configured", () => new Configured());
register("garbage", () => new Garbage());
export * from "../../exports";
