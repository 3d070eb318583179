//! Records, outputs, failures, config and what else an operator meets.

use turgo::testing::{refusal, row, run, run_with, Harness, Mode, Options, Row};
use turgo::{Context, Declaration, Emit, Failure, Gauge, Kind, Level, Operator, Output, Record};

/// Forwards, emits, drops or fails as the value tells.
struct Sorter {
    out: Output,
    other: Output,
    last: Gauge,
}

impl Operator for Sorter {
    fn declare(d: &mut Declaration<Self>) -> Self {
        d.input("in", Self::sort).changes(&[Kind::Insert, Kind::Delete]);
        Sorter { out: d.output("out"), other: d.output("other"), last: d.gauge("last") }
    }
}

impl Sorter {
    fn sort(&mut self, record: &Record) -> Result<(), Failure> {
        let value = record.value().unwrap_or_default();
        self.last.set(record, value.len() as i64);
        record.log(Level::Info, &format!("saw {}", String::from_utf8_lossy(value)));
        match value.first() {
            Some(b'f') => self.out.forward(record),
            Some(b'e') => self.out.emit(record, "emitted", value),
            Some(b't') => {
                self.out.forward(record);
                self.out.forward(record);
                self.other.forward(record);
            }
            Some(b'h') => {
                let header = record.headers().find("trace");
                self.other.emit_text(record, turgo::NULL, format_args!("{:?} of {}", header, record.headers().count()));
            }
            Some(b'x') => {
                self.out.forward(record);
                return Err(Failure::new(7, "an x"));
            }
            Some(b'p') => panic!("a p"),
            _ => {}
        }
        Ok(())
    }
}

#[test]
fn what_is_forwarded_and_emitted_keeps_its_order() {
    run::<Sorter>(|h| {
        let rows: Vec<Row> = ["f1", "f2", "-", "f3", "e4", "f5", "t6", "e7", "f8", "f9"]
            .iter()
            .enumerate()
            .map(|(i, value)| row("k", value).at(i as i64).of_kind(Kind::Delete).with_header("h", Some(value.as_bytes())))
            .collect();
        h.send("in", &rows);
        let at = |i: usize| rows[i].clone();
        let emitted = |value, i| row("emitted", value).at(i);
        h.expect("out", &[at(0), at(1), at(3), emitted("e4", 4), at(5), at(6), at(6), emitted("e7", 7), at(8), at(9)]);
        h.expect("other", &[at(6)]);
        assert_eq!(h.metric("last"), 2);
    });
}

#[test]
fn a_batch_that_is_passed_on_whole_is_the_same_but_for_its_origins() {
    let mut h = Harness::new::<Sorter>(Mode::Whole, Options::new());
    h.send("in", &[row("a", "f1"), row("b", "f2"), row("c", "-"), row("d", "t3")]);
    assert_eq!(h.encoded("out").len(), 1);
    assert_eq!(h.output("out"), [row("a", "f1"), row("b", "f2"), row("d", "t3"), row("d", "t3")]);
    h.send("in", &[row("a", "f1"), row("b", "f2"), row("c", "-")]);
    h.expect("out", &[row("a", "f1"), row("b", "f2")]);
}

#[test]
fn a_failed_record_leaves_nothing_but_its_log() {
    run::<Sorter>(|h| {
        h.send("in", &[row("a", "f1"), row("a", "xxx"), row("a", "f2"), row("a", "pppp"), row("a", "f")]);
        h.expect("out", &[row("a", "f1"), row("a", "f2"), row("a", "f")]);
        let failures = h.failures();
        let told: Vec<_> = failures.iter().map(|failed| (failed.row.clone(), failed.code, &*failed.text, failed.panicked)).collect();
        assert_eq!(told, [(row("a", "xxx"), 7, "an x", false), (row("a", "pppp"), 0, "a p", true)]);
        assert_eq!(h.metric("last"), 1);
        let mut log = h.log();
        log.sort();
        assert_eq!(log, ["info: saw f", "info: saw f1", "info: saw f2", "info: saw pppp", "info: saw xxx"]);
    });
}

#[test]
fn headers_are_read() {
    run::<Sorter>(|h| {
        let with = row("", "h").with_header("trace", Some(b"1")).with_header("other", Some(b"")).with_header("trace", None);
        h.send("in", &[with, row("", "h")]);
        let told = |text: &str| Row::new(turgo::NULL, text);
        let name = format!("{:?}", b"trace");
        h.expect("other", &[told(&format!("Some(Header {{ name: {}, value: None }}) of 3", name)), told("None of 0")]);
    });
}

/// Emits each record as often as its value tells.
struct Repeat {
    out: Output,
}

impl Operator for Repeat {
    fn declare(d: &mut Declaration<Self>) -> Self {
        d.input_batches("in", |operator: &mut Self, batch| {
            let mut count = batch.len();
            while let Some(record) = batch.next() {
                count -= 1;
                assert_eq!(batch_key(&record).len(), 1);
                for number in 0..record.value().map_or(0, <[u8]>::len) {
                    let value = vec![b'v'; number * 997];
                    operator.out.emit_record(
                        &record,
                        &Emit { key: record.key(), value: Some(&value), timestamp: Some(number as i64), ..Emit::default() },
                    );
                }
            }
            assert!(batch.is_empty() && count == 0);
        });
        Repeat { out: d.output("out") }
    }
}

fn batch_key<'a>(record: &Record<'a>) -> &'a [u8] {
    record.key().unwrap_or_default()
}

#[test]
fn much_output_goes_out_in_several_batches() {
    let mut h = Harness::new::<Repeat>(Mode::Whole, Options::new());
    h.send("in", &[row("a", &"x".repeat(100)), row("b", &"x".repeat(70))]);
    let out = h.output("out");
    let keys = [("a", 100), ("b", 70)];
    let want = keys.iter().flat_map(|(key, count)| (0..*count).map(move |number: i64| (*key, number)));
    assert_eq!(out.len(), 170);
    for (row, (key, number)) in out.iter().zip(want) {
        assert_eq!((row.key.as_deref(), row.timestamp), (Some(key.as_bytes()), Some(number)));
        assert_eq!(row.value.as_ref().map(Vec::len), Some(number as usize * 997));
    }
    let lengths: Vec<usize> = h.encoded("out").iter().map(Vec::len).collect();
    assert!(lengths.len() > 5 && lengths.iter().all(|length| *length <= 1 << 20), "batches of {:?} bytes", lengths);
}

/// Emits one record that is as large as its value tells, in bytes.
struct Large {
    out: Output,
}

impl Operator for Large {
    fn declare(d: &mut Declaration<Self>) -> Self {
        d.input("in", |operator: &mut Self, record: &Record| -> Result<(), Failure> {
            let length: usize = std::str::from_utf8(record.value().unwrap_or_default())?.parse()?;
            operator.out.emit(record, turgo::NULL, vec![0; length]);
            Ok(())
        });
        Large { out: d.output("out") }
    }
}

#[test]
fn a_record_is_as_large_as_a_batch_at_most() {
    let fits = (64 << 20) - 24 - 28;
    let mut h = Harness::new::<Large>(Mode::Whole, Options::new());
    h.send("in", &[row("", "1"), row("", &fits.to_string()), row("", "2")]);
    let lengths: Vec<usize> = h.output("out").iter().map(|row| row.value.as_ref().unwrap().len()).collect();
    assert_eq!(lengths, [1, fits, 2]);
    h.send("in", &[row("", &(fits + 1).to_string())]);
    assert_eq!(h.failures()[0].text, format!("turgo: a record of {} bytes is larger than a batch", fits + 29));
}

/// Tells what it was opened with.
struct Opened {
    told: String,
    out: Output,
}

impl Operator for Opened {
    fn declare(d: &mut Declaration<Self>) -> Self {
        d.input("in", |operator: &mut Self, record| operator.out.emit(record, record.key(), &operator.told));
        Opened { told: String::new(), out: d.output("out") }
    }

    fn open(&mut self, context: &Context) -> Result<(), Failure> {
        let config = context.config();
        let limits = config.object("limits")?;
        let depth: Option<u64> = match limits {
            Some(limits) => limits.get("depth")?,
            None => None,
        };
        if config.get_or("refuse", false)? {
            return Err("asked to refuse".into());
        }
        let names: Vec<String> = config.get_or("names", Vec::new())?;
        let ratio: f64 = config.get_or("ratio", 0.5)?;
        self.told = format!("{} {}/{} {:?} {:?} {}", context.uid(), context.subtask(), context.parallelism(), names, depth, ratio);
        context.log(Level::Warn, "open");
        Ok(())
    }
}

#[test]
fn config_is_read() {
    let config = r#" { "limits" : {"depth": 18446744073709551615}, "ratio": -1.5e2, "refuse": null,
        "names": ["a\"\\\/\b\f\n\r\t", "\u00e9\ud83d\ude00\ud83d", "é"] } "#;
    run_with::<Opened>(Options::new().config(config).subtask(1, 3), |h| {
        h.send("in", &[row("k", "")]);
        let names = format!("{:?}", ["a\"\\/\u{8}\u{c}\n\r\t", "é😀\u{fffd}", "é"]);
        h.expect("out", &[row("k", &format!("test 1/3 {} Some(18446744073709551615) -150", names))]);
        assert_eq!(h.log()[0], "warn: open");
    });
}

#[test]
fn config_that_is_wrong_refuses() {
    let cases = [
        (r#"{"refuse":true}"#, "asked to refuse"),
        (r#"{"refuse":1}"#, "config: refuse must be true or false"),
        (r#"{"ratio":"x"}"#, "config: ratio must be a number"),
        (r#"{"ratio":1e999}"#, "config: ratio must be a number"),
        (r#"{"names":[1]}"#, "config: names must be a list"),
        (r#"{"limits":3}"#, "config: limits must be an object"),
        (r#"{"limits":{"depth":-1}}"#, "config: limits.depth must be a whole number (u64)"),
        (r#"{"limits":{"depth":1,"width":1}}"#, "config: limits.width is not known"),
        (r#"{"other":1}"#, "config: other is not known"),
        (r#"[]"#, "config: must be an object"),
        (r#"{"a":}"#, "turgo: the open request is no JSON object"),
        (r#"{"a":tru}"#, "turgo: the open request is no JSON object"),
        (r#"{"a":"\x"}"#, "config: a is not known"),
        (r#"{"a":1,}"#, "turgo: the open request is no JSON object"),
    ];
    for (config, reason) in cases {
        assert_eq!(refusal::<Opened>(config).as_deref(), Some(reason), "{}", config);
    }
    assert_eq!(refusal::<Opened>("{}"), None);
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(refusal::<Opened>(&deep).as_deref(), Some("turgo: the open request is no JSON object"));
}

/// Has all that a description can tell.
struct Described;

impl Operator for Described {
    fn declare(d: &mut Declaration<Self>) -> Self {
        d.input("a \"name\"\n", |_: &mut Self, _| {});
        d.input("changes", |_: &mut Self, _| {}).changes(&[Kind::UpdateBefore, Kind::UpdateAfter]);
        let sum = d.aggregation::<u64>("sum").expiring(9).versioned(2, |_, _| Ok(0));
        d.aggregated_input("sums", &sum, |_: &mut Self, _| {});
        d.output("out");
        d.value::<u64>("value").expiring(5).versioned(3, |_, _| Ok(0)).prefetched();
        d.list::<String>("list");
        d.map::<String, [u8; 2]>("map");
        d.event_timer("event", |_: &mut Self, _| {});
        d.processing_timer("processing", |_: &mut Self, _| {});
        d.counter("counter");
        d.gauge("gauge");
        d.assigns_timestamps();
        d.config_schema(r#"{"type":"object"}"#);
        Described
    }
}

turgo::operators! {
    "described" => Described,
    "sorter" => Sorter,
}

#[test]
fn the_description_has_all_there_is() {
    let want = concat!(
        r#"{"abi":"turgo_v1","sdk":"turgo-rust","language":"rust","requires":["aggregate"],"operators":[{"name":"described","#,
        r#""inputs":[{"name":"a \"name\"\u000a"},{"name":"changes","changes":["update_before","update_after"]},{"name":"sums","aggregation":"sum"}],"#,
        r#""outputs":[{"name":"out"}],"states":[{"name":"value","kind":"value","time_to_live_ms":5,"schema_version":3,"prefetch":true},"#,
        r#"{"name":"list","kind":"list"},{"name":"map","kind":"map"}],"#,
        r#""aggregations":[{"name":"sum","time_to_live_ms":9,"schema_version":2}],"#,
        r#""timers":[{"name":"event","domain":"event"},{"name":"processing","domain":"processing"}],"#,
        r#""metrics":[{"name":"counter","kind":"counter"},{"name":"gauge","kind":"gauge"}],"assigns_timestamps":true,"#,
        r#""config_schema":{"type":"object"}},{"name":"sorter","inputs":[{"name":"in","changes":["insert","delete"]}],"#,
        r#""outputs":[{"name":"out"},{"name":"other"}],"metrics":[{"name":"last","kind":"gauge"}]}]}"#,
    );
    assert_eq!(turgo::exports::description(TURGO_OPERATORS), want);
}

/// Declares one name twice.
struct Twice;

impl Operator for Twice {
    fn declare(d: &mut Declaration<Self>) -> Self {
        d.output("out");
        d.output("out");
        Twice
    }
}

#[test]
#[should_panic(expected = "turgo: output out is declared twice")]
fn a_name_that_is_declared_twice_panics() {
    Harness::new::<Twice>(Mode::Whole, Options::new());
}

#[test]
#[should_panic(expected = "the test does not look at failures")]
fn a_failure_that_no_test_looks_at_is_told() {
    run::<Sorter>(|h| h.send("in", &[row("a", "x")]));
}

/// Lets a result depend on how records are divided.
struct Forgetful {
    seen: usize,
    out: Output,
}

impl Operator for Forgetful {
    fn declare(d: &mut Declaration<Self>) -> Self {
        d.input("in", |operator: &mut Self, record| {
            operator.seen += 1;
            operator.out.emit(record, turgo::NULL, operator.seen.to_string());
        });
        Forgetful { seen: 0, out: d.output("out") }
    }
}

#[test]
#[should_panic(expected = "output out differs, Restored from whole")]
fn an_operator_that_keeps_what_may_vanish_is_found_out() {
    run::<Forgetful>(|h| {
        h.send("in", &[row("", "")]);
        h.send("in", &[row("", "")]);
    });
}
