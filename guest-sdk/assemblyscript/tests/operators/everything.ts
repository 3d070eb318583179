// Does whatever its records ask for, so that a test can compare the SDK with the
// others: each has the same operator. A record's value is a verb and up to two words.
import {
  Aggregation,
  Batch,
  Buffer,
  Bytes,
  Context,
  Counter,
  Entries,
  Gauge,
  Groups,
  Int64,
  Kind,
  ListState,
  MapState,
  NO_TIMESTAMP,
  Operator,
  OrderedInt64,
  Output,
  Record,
  Text,
  Timer,
  ValueState,
  register,
} from "../../index";

function numberOf(digits: Bytes): i64 {
  const isNegative = digits.length > 0 && digits.at(0) == 0x2d;
  let number: i64 = 0;
  for (let i = i32(isNegative); i < digits.length; i++) {
    if (digits.at(i) < 0x30 || digits.at(i) > 0x39) return 0;
    number = number * 10 + (digits.at(i) - 0x30);
  }
  return isNegative ? -number : number;
}

/** The part of a line from start up to the next space. */
function word(line: Bytes, start: i32): Bytes {
  if (start > line.length) return Bytes.of("");
  const end = line.indexOf(0x20, start);
  return line.slice(start, end < 0 ? line.length : end);
}

class Everything extends Operator {
  private out: Output = new Output("out");
  private log: Output = new Output("log");
  private value: ValueState<string> = new ValueState<string>("value", Text)
    .versioned(3, (version, data) => "migrated from " + version.toString())
    .expiring(20);
  private number: ValueState<i64> = new ValueState<i64>("number", Int64);
  private list: ListState<string> = new ListState<string>("list", Text).expiring(60);
  private entries: MapState<i64, string> = new MapState<i64, string>("entries", OrderedInt64, Text).expiring(45);
  private sum: Aggregation<i64> = new Aggregation<i64>("sum", Int64).expiring(70);
  private event: Timer = this.eventTimer<Everything>("event", (self, timers) => self.fired(timers));
  private processing: Timer = this.processingTimer<Everything>("processing", (self, timers) => self.fired(timers));
  private handled: Counter = new Counter("handled");
  private last: Gauge = new Gauge("last");
  private prefix: string = "";
  private text: Buffer = new Buffer();
  private turned: Record = new Record();

  constructor() {
    super();
    this.input<Everything>("commands", (self, records) => self.commands(records));
    this.input<Everything>("plain", (self, records) => self.plain(records), [Kind.Insert, Kind.Delete]);
    this.aggregate<Everything, i64>("sums", this.sum, (self, groups) => self.add(groups));
  }

  open(context: Context): void {
    this.prefix = context.config.text("prefix", "");
  }

  private commands(records: Batch): void {
    while (records.next()) {
      const line = records.value;
      const verb = word(line, 0);
      const first = word(line, verb.length + 1);
      const second = word(line, verb.length + 1 + first.length + 1);
      const number = numberOf(first);
      this.handled.add(1);
      this.last.set(number);
      this.change(verb.toString(), first.toString(), second.toString(), number);
      this.answer(records.key, verb.toString(), number);
      if (verb.equalsText("fail")) {
        this.tell(records.key, "never seen");
        records.fail(9, "asked to fail");
        continue;
      }
      this.forward(records, verb.toString());
      this.walk(records.key, verb.toString(), number);
      this.log.emit(verb, first);
    }
  }

  /** Passes the record on, before and after what is emitted by its parts. */
  private forward(records: Batch, verb: string): void {
    if (verb == "forward") this.out.forward();
    else if (verb == "twice") {
      this.out.forward();
      this.out.forward();
      this.log.forward();
    } else if (verb == "between") {
      this.log.forward();
      this.tell(records.key, "before");
      this.out.forward();
      this.tell(records.key, "after");
    } else if (verb == "late") {
      this.out.forward();
      this.tell(records.key, "never seen");
      records.fail(9, "asked to fail");
      this.out.forward();
      this.tell(records.key, "never seen");
    }
  }

  /** Reads and writes what is larger than a page, while it is walked too. */
  private walk(key: Bytes, verb: string, number: i64): void {
    if (verb == "large") {
      const text = "x".repeat(<i32>max<i64>(number, 0) * 2000);
      this.value.put(text);
      this.list.append(text);
      this.entries.put(number, text);
      const value = this.value.get("");
      this.tell(key, value.length.toString() + " " + this.value.found.toString());
    } else if (verb == "copy") {
      const value = this.value.get("");
      if (this.value.found) this.out.emit(key, this.text.clear().text(value));
    } else if (verb == "pairs") this.tellPairs(key);
    else if (verb == "drain") {
      const entries = this.entries.entries();
      while (entries.next()) {
        this.entries.delete(entries.key);
        this.tell(key, entries.key.toString());
      }
    } else if (verb == "grow") {
      let elements = 0;
      const list = this.list.elements();
      while (list.next()) if (++elements < 5) this.list.append(list.value);
      this.tell(key, elements.toString());
    } else if (verb == "emit") this.out.emit(key, Bytes.wrap(new ArrayBuffer(<i32>number)));
  }

  private tellPairs(key: Bytes): void {
    const entries = this.entries.entries();
    while (entries.next()) {
      let behind = 0;
      let elements = 0;
      const others = this.entries.after(entries.key);
      while (others.next()) behind++;
      const list = this.list.elements();
      while (list.next()) elements++;
      const again = this.entries.get(entries.key, "");
      const same = again == entries.value;
      this.tell(key, entries.key.toString() + " " + behind.toString() + " " + elements.toString() + " " + same.toString());
    }
  }

  private change(verb: string, first: string, second: string, number: i64): void {
    if (verb == "put") this.value.put(first);
    else if (verb == "append") this.list.append(first);
    else if (verb == "set") this.entries.put(number, second);
    else if (verb == "delete") this.entries.delete(number);
    else if (verb == "event") this.event.set(number);
    else if (verb == "processing") this.processing.set(number);
    else if (verb == "forget") this.event.delete(number);
    else if (verb == "panic") throw new Error("asked to");
    else if (verb == "clear") {
      this.value.clear();
      this.list.clear();
      this.entries.clear();
      this.sum.clear();
    }
  }

  private answer(key: Bytes, verb: string, number: i64): void {
    if (verb == "get") {
      const value = this.value.get("");
      this.tell(key, value + " " + this.value.found.toString());
    } else if (verb == "entry") {
      const value = this.entries.get(number, "");
      this.tell(key, value + " " + this.entries.found.toString());
    } else if (verb == "add") {
      const total = this.number.get(0) + number;
      this.number.put(total);
      this.tell(key, total.toString());
    } else if (verb == "sum") {
      const sum = this.sum.get(0);
      this.tell(key, sum.toString() + " " + this.sum.found.toString());
    } else if (verb == "list") {
      const elements = this.list.elements();
      while (elements.next()) this.tell(key, elements.value);
    } else if (verb == "after") this.tellEntries(key, this.entries.after(number));
    else if (verb == "entries") this.tellEntries(key, this.entries.entries());
  }

  private tellEntries(key: Bytes, entries: Entries<i64, string>): void {
    while (entries.next()) this.tell(key, entries.key.toString() + ":" + entries.value);
  }

  private tell(key: Bytes, text: string): void {
    this.out.emit(key, this.text.clear().text(this.prefix).text(text));
  }

  private plain(records: Batch): void {
    while (records.next()) {
      this.out.forward();
      const turned = this.turned;
      turned.key = records.value;
      turned.value = records.key;
      turned.kind = records.kind;
      turned.timestamp = NO_TIMESTAMP;
      this.log.emitRecord(turned);
    }
  }

  /** Sums the numbers of each key. A value may be a verb instead. */
  private add(groups: Groups<i64>): void {
    while (groups.next()) {
      let sum = groups.accumulator(0);
      let isRemoved = false;
      const records = groups.records;
      while (records.next()) {
        const value = records.value;
        if (value.equalsText("panic")) throw new Error("asked to");
        else if (value.equalsText("fail")) groups.fail(8, "asked to fail");
        else if (value.equalsText("remove")) isRemoved = true;
        else sum += numberOf(value);
      }
      if (isRemoved) groups.remove();
      else groups.put(sum);
    }
  }

  private fired(timers: Batch): void {
    while (timers.next()) {
      const text = this.text.clear().text(this.prefix).text("fired at ").decimal(timers.timestamp);
      text.text(" with ").decimal(this.number.get(0)).text(" and ").decimal(this.sum.get(0));
      this.out.emit(timers.key, text);
    }
  }
}

register("everything", () => new Everything());
export * from "../../exports";
