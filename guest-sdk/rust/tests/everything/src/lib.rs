//! An operator that does whatever its records ask for, so that a test can compare
//! the SDK with the others: each has the same operator. A record's value is a verb
//! and up to two words.

use turgo::{
    Aggregation, Context, Counter, Declaration, Emit, Failure, Fired, Gauge, Group, Hand, Kind, Level, List, Map, Operator, Ordered, Output,
    Record, Timer, Value,
};

struct Everything {
    prefix: String,
    out: Output,
    log: Output,
    value: Value<String>,
    number: Value<i64>,
    list: List<String>,
    entries: Map<Ordered<i64>, String>,
    event: Timer,
    processing: Timer,
    sum: Aggregation<i64>,
    handled: Counter,
    last: Gauge,
}

impl Operator for Everything {
    fn declare(d: &mut Declaration<Self>) -> Self {
        d.input("commands", Self::command);
        d.input("plain", Self::plain).changes(&[Kind::Insert, Kind::Delete]);
        let sum = d.aggregation("sum").expiring(70);
        d.aggregated_input("sums", &sum, Self::add);
        Everything {
            prefix: String::new(),
            out: d.output("out"),
            log: d.output("log"),
            value: d.value("value").versioned(3, |version, _| Ok(format!("migrated from {}", version))).expiring(20),
            number: d.value("number"),
            list: d.list("list").expiring(60),
            entries: d.map("entries").expiring(45),
            event: d.event_timer("event", Self::fired),
            processing: d.processing_timer("processing", Self::fired),
            sum,
            handled: d.counter("handled"),
            last: d.gauge("last"),
        }
    }

    fn open(&mut self, context: &Context) -> Result<(), Failure> {
        self.prefix = context.config().get_or("prefix", String::new())?;
        Ok(())
    }
}

impl Everything {
    fn command(&mut self, record: &Record) -> Result<(), Failure> {
        let text = std::str::from_utf8(record.value().unwrap_or_default())?;
        let mut words = text.split(' ');
        let mut word = || words.next().unwrap_or("");
        let (verb, first, second) = (word(), word(), word());
        let number = first.parse().unwrap_or(0);
        self.handled.add(record, 1);
        self.last.set(record, number);
        self.change(record, verb, first, second, number);
        self.answer(record, verb, number);
        match verb {
            "panic" => panic!("asked to"),
            "fail" => {
                self.tell(record, "never seen");
                return Err(Failure::new(9, "asked to fail"));
            }
            _ => {}
        }
        self.forward(record, verb);
        self.walk(record, verb, number);
        self.log.emit(record, verb, first);
        Ok(())
    }

    /// Passes the record on, before and after what is emitted by its parts.
    fn forward(&self, record: &Record, verb: &str) {
        match verb {
            "forward" => self.out.forward(record),
            "twice" => {
                self.out.forward(record);
                self.out.forward(record);
                self.log.forward(record);
            }
            "between" => {
                self.log.forward(record);
                self.tell(record, "before");
                self.out.forward(record);
                self.tell(record, "after");
            }
            "late" => {
                self.out.forward(record);
                self.tell(record, "never seen");
                record.fail(Failure::new(9, "asked to fail"));
                self.out.forward(record);
                self.tell(record, "never seen");
            }
            _ => {}
        }
    }

    /// Reads and writes what is larger than a page, while it is walked too.
    fn walk(&self, hand: &Hand, verb: &str, number: i64) {
        match verb {
            "large" => {
                let text = "x".repeat(number.max(0) as usize * 2000);
                self.value.put(hand, &text);
                self.list.append(hand, &text);
                self.entries.put(hand, &Ordered(number), &text);
                let found = self.value.get(hand);
                self.tell(hand, &format!("{} {}", found.as_ref().map_or(0, String::len), found.is_some()));
            }
            "copy" => {
                if let Some(value) = self.value.get(hand) {
                    self.out.emit(hand, hand.key(), value);
                }
            }
            "pairs" => {
                for (key, value) in self.entries.iter(hand) {
                    let behind = self.entries.after(hand, &key).count();
                    let elements = self.list.iter(hand).count();
                    let same = self.entries.get(hand, &key).map_or(false, |again| again == value);
                    self.tell(hand, &format!("{} {} {} {}", key.0, behind, elements, same));
                }
            }
            "drain" => {
                for (key, _) in self.entries.iter(hand) {
                    self.entries.delete(hand, &key);
                    self.tell(hand, &key.0.to_string());
                }
            }
            "grow" => {
                let mut elements = 0;
                for element in self.list.iter(hand) {
                    elements += 1;
                    if elements < 5 {
                        self.list.append(hand, &element);
                    }
                }
                self.tell(hand, &elements.to_string());
            }
            "emit" => self.out.emit(hand, hand.key(), vec![0; number as usize]),
            _ => {}
        }
    }

    fn change(&self, hand: &Hand, verb: &str, first: &str, second: &str, number: i64) {
        match verb {
            "put" => self.value.put(hand, first),
            "append" => self.list.append(hand, first),
            "set" => self.entries.put(hand, &Ordered(number), second),
            "delete" => self.entries.delete(hand, &Ordered(number)),
            "event" => self.event.set(hand, number),
            "processing" => self.processing.set(hand, number),
            "forget" => self.event.delete(hand, number),
            "note" => hand.log(Level::Info, first),
            "clear" => {
                self.value.clear(hand);
                self.list.clear(hand);
                self.entries.clear(hand);
                self.sum.clear(hand);
            }
            _ => {}
        }
    }

    fn answer(&self, hand: &Hand, verb: &str, number: i64) {
        match verb {
            "get" => self.tell_found(hand, self.value.get(hand)),
            "entry" => self.tell_found(hand, self.entries.get(hand, &Ordered(number))),
            "add" => {
                let total = self.number.get(hand).unwrap_or(0) + number;
                self.number.put(hand, &total);
                self.out.emit_text(hand, hand.key(), format_args!("{}{}", self.prefix, total));
            }
            "sum" => {
                let sum = self.sum.get(hand);
                self.tell(hand, &format!("{} {}", sum.unwrap_or(0), sum.is_some()));
            }
            "list" => self.list.iter(hand).for_each(|element| self.tell(hand, &element)),
            "after" => self.tell_entries(hand, self.entries.after(hand, &Ordered(number))),
            "entries" => self.tell_entries(hand, self.entries.iter(hand)),
            _ => {}
        }
    }

    fn tell(&self, hand: &Hand, text: &str) {
        self.out.emit(hand, hand.key(), format!("{}{}", self.prefix, text));
    }

    fn tell_found(&self, hand: &Hand, found: Option<String>) {
        let is_found = found.is_some();
        self.tell(hand, &format!("{} {}", found.unwrap_or_default(), is_found));
    }

    fn tell_entries(&self, hand: &Hand, entries: impl Iterator<Item = (Ordered<i64>, String)>) {
        for (key, value) in entries {
            self.tell(hand, &format!("{}:{}", key.0, value));
        }
    }

    /// Sums the numbers of each key. A value may be a verb instead.
    fn add(&mut self, group: &Group<i64>) -> Result<(), Failure> {
        let mut sum = group.accumulator().unwrap_or(0);
        let mut removed = false;
        for record in group.records() {
            match record.value().unwrap_or_default() {
                b"panic" => panic!("asked to"),
                b"fail" => return Err(Failure::new(8, "asked to fail")),
                b"remove" => removed = true,
                text => sum += std::str::from_utf8(text)?.parse().unwrap_or(0),
            }
        }
        if removed {
            group.remove();
        } else {
            group.put(&sum);
        }
        Ok(())
    }

    fn plain(&mut self, record: &Record) {
        self.out.forward(record);
        let turned = Emit { key: record.value(), value: record.key(), kind: record.kind(), ..Emit::default() };
        self.log.emit_record(record, &turned);
    }

    fn fired(&mut self, fired: &Fired) {
        let number = self.number.get(fired).unwrap_or(0);
        let sum = self.sum.get(fired).unwrap_or(0);
        self.tell(fired, &format!("fired at {} with {} and {}", fired.time(), number, sum));
    }
}

turgo::operators! {
    "everything" => Everything,
}
