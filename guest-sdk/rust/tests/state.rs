//! State, timers and aggregations, as an author uses them.

use turgo::testing::{row, run, run_with, Harness, Mode, Options, Row};
use turgo::{
    Aggregation, Counter, Declaration, DecodeError, Failure, Fired, Group, List, Map, Operator, Ordered, Output, Record, Timer, Value,
};

fn text<'a>(record: &Record<'a>) -> &'a str {
    std::str::from_utf8(record.value().unwrap_or_default()).unwrap()
}

/// Keeps the values of each key in a list and tells them all each time.
struct History {
    values: List<String>,
    out: Output,
}

impl Operator for History {
    fn declare(d: &mut Declaration<Self>) -> Self {
        d.input("in", Self::add);
        History { values: d.list("values"), out: d.output("out") }
    }
}

impl History {
    fn add(&mut self, record: &Record) {
        if text(record) == "clear" {
            self.values.clear(record);
            return;
        }
        self.values.append(record, text(record));
        let all: Vec<String> = self.values.iter(record).collect();
        self.out.emit(record, record.key(), all.join(","));
    }
}

#[test]
fn a_list_keeps_the_order_of_its_appends() {
    run::<History>(|h| {
        h.send("in", &[row("a", "1"), row("b", "2"), row("a", "3"), row("a", "clear"), row("a", "4")]);
        h.expect("out", &[row("a", "1"), row("b", "2"), row("a", "1,3"), row("a", "4")]);
    });
}

#[test]
fn a_list_longer_than_a_page_is_read_whole() {
    run::<History>(|h| {
        let values: Vec<String> = (0..80).map(|i: usize| (i % 10).to_string().repeat(i * 37 % 9000)).collect();
        for value in &values {
            h.send("in", &[row("a", value)]);
        }
        assert_eq!(h.output("out").last(), Some(&row("a", &values.join(","))));
    });
}

/// Keeps a map of numbers for each key, and walks it in a walk of itself.
struct Inventory {
    entries: Map<Ordered<i64>, String>,
    out: Output,
}

impl Operator for Inventory {
    fn declare(d: &mut Declaration<Self>) -> Self {
        d.input("in", Self::add);
        Inventory { entries: d.map("entries"), out: d.output("out") }
    }
}

impl Inventory {
    fn add(&mut self, record: &Record) -> Result<(), Failure> {
        let (number, value) = text(record).split_once(' ').unwrap_or((text(record), ""));
        let number = Ordered(number.parse::<i64>()?);
        match value {
            "delete" => self.entries.delete(record, &number),
            "get" => self.out.emit(record, record.key(), self.entries.get(record, &number)),
            "after" => {
                for (key, value) in self.entries.after(record, &number) {
                    let smaller = self.entries.iter(record).take_while(|(other, _)| *other < key).count();
                    self.out.emit_text(record, record.key(), format_args!("{}={}, {} before", key.0, value, smaller));
                }
            }
            _ => self.entries.put(record, &number, value),
        }
        Ok(())
    }
}

#[test]
fn a_map_is_in_the_order_of_its_keys() {
    run::<Inventory>(|h| {
        let puts: Vec<Row> = [5, -3, 200, 0].iter().map(|n| row("a", &format!("{} v{}", n, n))).collect();
        h.send("in", &puts);
        h.send(
            "in",
            &[row("a", "0 delete"), row("a", "-9 after"), row("a", "5 after"), row("a", "5 get"), row("a", "0 get"), row("b", "5 get")],
        );
        let null = |key| Row::new(key, turgo::NULL);
        h.expect(
            "out",
            &[
                row("a", "-3=v-3, 0 before"),
                row("a", "5=v5, 1 before"),
                row("a", "200=v200, 2 before"),
                row("a", "200=v200, 2 before"),
                row("a", "v5"),
                null("a"),
                null("b"),
            ],
        );
    });
}

#[test]
fn a_map_longer_than_a_page_is_walked_whole() {
    run::<Inventory>(|h| {
        for n in 0..120_usize {
            h.send("in", &[row("a", &format!("{} {}", n, "x".repeat(1 + n * 37 % 6000)))]);
        }
        h.send("in", &[row("a", "19 after")]);
        let out = h.output("out");
        assert_eq!(out.len(), 100);
        for (i, row) in out.iter().enumerate() {
            let n = 20 + i;
            let want = format!("{}={}, {} before", n, "x".repeat(1 + n * 37 % 6000), n);
            assert_eq!(row.value.as_deref(), Some(want.as_bytes()));
        }
    });
}

/// The first version of an operator, which keeps text.
struct First {
    value: Value<String>,
    end: Timer,
    sum: Aggregation<u64>,
}

impl Operator for First {
    fn declare(d: &mut Declaration<Self>) -> Self {
        d.input("in", |s: &mut Self, r| {
            s.value.put(r, text(r));
            s.end.set(r, 50);
        });
        let sum = d.aggregation("sum");
        d.aggregated_input("sums", &sum, |_: &mut Self, group: &Group<u64>| group.put(&(group.len() as u64)));
        First { value: d.value("value"), end: d.event_timer("end", |_: &mut Self, _: &Fired| {}), sum }
    }

    fn close(&mut self) {
        let _ = &self.sum;
    }
}

/// The second, which keeps numbers and reads the text of the first.
struct Second {
    value: Value<u64>,
    sum: Aggregation<String>,
    out: Output,
}

impl Operator for Second {
    fn declare(d: &mut Declaration<Self>) -> Self {
        d.output("another");
        d.value::<u64>("another").prefetched();
        d.input("in", |s: &mut Self, r: &Record| {
            let value = s.value.get(r).unwrap_or(0);
            s.value.put(r, &(value + 1));
            s.out.emit_text(r, r.key(), format_args!("{} {:?}", value, s.value.read(r, |version, data| (version, data.len()))));
        });
        let sum = d.aggregation::<String>("sum").versioned(2, |version, data| {
            let [low, ..]: [u8; 8] = data.try_into().map_err(|_| DecodeError::new("8 bytes"))?;
            Ok(format!("{} of version {}", low, version))
        });
        d.aggregated_input("sums", &sum, |s: &mut Self, group: &Group<String>| {
            s.out.emit(group, group.key(), group.accumulator());
            group.put("new");
        });
        d.event_timer("another", |_: &mut Self, _: &Fired| {});
        d.event_timer("end", |s: &mut Self, fired: &Fired| s.out.emit(fired, fired.key(), s.sum.get(fired)));
        let value = d.value("value").versioned(7, |version, data| {
            assert_eq!(version, 0);
            let text = std::str::from_utf8(data).map_err(|_| DecodeError::new("text"))?;
            text.parse().map_err(|_| DecodeError::new("a number"))
        });
        Second { value, sum, out: d.output("out") }
    }
}

#[test]
fn a_newer_module_reads_old_entries() {
    let mut first = Harness::new::<First>(Mode::Whole, Options::new());
    first.send("in", &[row("a", "41"), row("b", "x")]);
    first.send("sums", &[row("a", ""), row("a", "")]);
    let mut second = first.upgraded::<Second>();
    second.send("in", &[row("a", ""), row("a", ""), row("b", ""), row("c", "")]);
    second.expect("out", &[row("a", "41 Some((7, 8))"), row("a", "42 Some((7, 8))"), row("c", "0 Some((7, 8))")]);
    let failures = second.failures();
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].text, "turgo: state value: an entry of schema version 0 cannot be read: a number");
    assert!(failures[0].panicked);
    second.send("sums", &[row("a", ""), row("b", "")]);
    second.send("sums", &[row("a", "")]);
    second.end();
    let null = Row::new("b", turgo::NULL);
    second.expect("out", &[row("a", "2 of version 0"), null, row("a", "new"), row("a", "new").at(50), row("b", "new").at(50)]);
}

/// Tells what lives and what has expired.
struct Expiring {
    value: Value<String>,
    list: List<String>,
    map: Map<String, ()>,
    out: Output,
}

impl Operator for Expiring {
    fn declare(d: &mut Declaration<Self>) -> Self {
        d.input("in", Self::add);
        Expiring {
            value: d.value("value").expiring(10),
            list: d.list("list").expiring(20),
            map: d.map("map").expiring(30),
            out: d.output("out"),
        }
    }
}

impl Expiring {
    fn add(&mut self, record: &Record) {
        if let Some(value) = record.value() {
            let value = std::str::from_utf8(value).unwrap();
            self.value.put(record, value);
            self.list.append(record, value);
            self.map.put(record, value, &());
        }
        let list: Vec<String> = self.list.iter(record).collect();
        let map: Vec<String> = self.map.iter(record).map(|(key, ())| key).collect();
        self.out.emit_text(record, record.key(), format_args!("{:?} {:?} {:?}", self.value.get(record), list, map));
    }
}

#[test]
fn entries_expire_by_processing_time() {
    run_with::<Expiring>(Options::new().processing_time(100), |h| {
        let look = Row::new("k", turgo::NULL);
        h.send("in", &[row("k", "a")]);
        h.advance_processing_time(109);
        h.send("in", &[look.clone()]);
        h.advance_processing_time(110);
        h.send("in", &[look.clone(), row("k", "b")]);
        h.advance_processing_time(120);
        h.send("in", &[look.clone()]);
        h.advance_processing_time(139);
        h.send("in", &[look.clone()]);
        let a = r#"Some("a") ["a"] ["a"]"#;
        h.expect(
            "out",
            &[
                row("k", a),
                row("k", a),
                row("k", r#"None ["a"] ["a"]"#),
                row("k", r#"Some("b") ["a", "b"] ["a", "b"]"#),
                row("k", r#"None ["b"] ["a", "b"]"#),
                row("k", r#"None [] ["b"]"#),
            ],
        );
    });
}

/// Sets the timers that it is told of.
struct Alarms {
    event: Timer,
    processing: Timer,
    out: Output,
    fired: Counter,
}

impl Operator for Alarms {
    fn declare(d: &mut Declaration<Self>) -> Self {
        d.input("in", Self::set);
        Alarms {
            event: d.event_timer("event", Self::ring),
            processing: d.processing_timer("processing", Self::ring),
            out: d.output("out"),
            fired: d.counter("fired"),
        }
    }
}

impl Alarms {
    fn set(&mut self, record: &Record) -> Result<(), Failure> {
        let (what, time) = text(record).split_once(' ').ok_or("no time")?;
        match (what, time.parse()?) {
            ("event", time) => self.event.set(record, time),
            ("processing", time) => self.processing.set(record, time),
            ("delete", time) => self.event.delete(record, time),
            _ => return Err("no timer".into()),
        }
        Ok(())
    }

    fn ring(&mut self, fired: &Fired) -> Result<(), Failure> {
        self.fired.add(fired, 1);
        if fired.time() == 13 {
            return Err(Failure::new(13, "bad luck"));
        }
        self.out.emit_text(fired, fired.key(), format_args!("{} {}", fired.watermark(), fired.processing_time()));
        if fired.time() == 40 {
            self.event.set(fired, 41);
        }
        Ok(())
    }
}

#[test]
fn timers_fire_in_order() {
    run::<Alarms>(|h| {
        h.send("in", &[row("b", "event 20"), row("a", "event 20"), row("a", "processing 15"), row("a", "event 10"), row("a", "event 10")]);
        h.send("in", &[row("a", "event 30"), row("a", "delete 30"), row("a", "event 40"), row("a", "event 13"), row("c", "x")]);
        assert_eq!(h.failures().len(), 1);
        h.advance_watermark(9);
        h.expect("out", &[]);
        h.advance(20, 15);
        h.expect("out", &[row("a", "20 15").at(10), row("a", "20 15").at(15), row("a", "20 15").at(20), row("b", "20 15").at(20)]);
        let failures = h.failures();
        assert_eq!((failures.len(), failures[0].code, failures[0].row.timestamp), (1, 13, Some(13)));
        h.end();
        let max = format!("{} 15", turgo::WATERMARK_MAX);
        h.expect("out", &[row("a", &max).at(40), row("a", &max).at(41)]);
        assert_eq!(h.metric("fired"), 6);
    });
}

/// Adds up numbers by key.
struct Adder {
    out: Output,
}

impl Operator for Adder {
    fn declare(d: &mut Declaration<Self>) -> Self {
        let sum = d.aggregation("sum");
        d.aggregated_input("in", &sum, Self::add);
        Adder { out: d.output("out") }
    }
}

impl Adder {
    fn add(&mut self, group: &Group<i64>) -> Result<(), Failure> {
        let mut sum = group.accumulator().unwrap_or(0);
        assert_eq!(group.records().len(), group.len());
        for record in group.records() {
            match record.value() {
                None => {
                    group.remove();
                    return Ok(());
                }
                Some(text) => sum += std::str::from_utf8(text)?.parse::<i64>()?,
            }
        }
        group.put(&sum);
        self.out.emit_text(group, group.key(), format_args!("{:?}", group.timestamp()));
        Ok(())
    }
}

#[test]
fn groups_have_their_records_and_accumulators() {
    let mut h = Harness::new::<Adder>(Mode::Whole, Options::new());
    h.send("in", &[row("a", "1").at(3), row("b", "5"), row("a", "2").at(9), row("c", "x"), row("c", "1")]);
    h.expect("out", &[row("a", "Some(9)").at(9), row("b", "None")]);
    let failures = h.failures();
    assert_eq!(failures.iter().map(|failed| failed.row.clone()).collect::<Vec<Row>>(), [row("c", "x"), row("c", "1")]);
    h.send("in", &[Row::new("a", turgo::NULL), row("b", "-6")]);
    h.send("in", &[row("a", "1")]);
    h.expect("out", &[row("b", "None"), row("a", "None")]);
}
