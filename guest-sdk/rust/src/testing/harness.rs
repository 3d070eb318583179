use std::any::Any;
use std::boxed::Box;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::rc::Rc;
use std::string::{String, ToString};
use std::vec::Vec;

use super::batch::{build, parse, MalformedBatch};
use super::groups;
use super::host::{HandFailure, StateKind, TestHost};
use super::row::Row;
use super::{Mode, Options};
use crate::declaration::Shape;
use crate::describe::push_string;
use crate::host::Host;
use crate::instance::{self, AnyInstance, Opened};
use crate::operator::Operator;
use crate::state::StateDeclaration;
use crate::{WATERMARK_MAX, WATERMARK_MIN};

/// A record that the operator failed, or in whose handling it panicked.
#[derive(Clone, Debug)]
pub struct Failed {
    /// The record, or the timer as one.
    pub row: Row,
    /// The author's code.
    pub code: u32,
    /// What went wrong.
    pub text: String,
    /// Whether it was a panic.
    pub panicked: bool,
}

type Open = fn(Host, &[u8]) -> Opened;

/// One operator under test.
pub struct Harness {
    open: Open,
    request: String,
    mode: Mode,
    names: Names,
    host: Rc<TestHost>,
    /// None only while one makes way for another.
    instance: Option<Box<dyn AnyInstance>>,
    watermark: i64,
    failures: Vec<Failed>,
    /// How many batches of each output were looked at.
    seen: Vec<usize>,
}

/// What the operator declares, by name.
struct Names {
    /// With the number of the aggregation that takes the records.
    inputs: Vec<(String, Option<u32>)>,
    outputs: Vec<String>,
    /// With their domain.
    timers: Vec<(String, &'static str)>,
    metrics: Vec<String>,
}

impl Names {
    fn new(shape: &Shape) -> Names {
        let number = |name: &String| shape.aggregations.iter().position(|state| state.name == *name).map(|n| n as u32);
        Names {
            inputs: shape.inputs.iter().map(|input| (input.name.clone(), input.aggregation.as_ref().and_then(number))).collect(),
            outputs: shape.outputs.iter().map(|output| output.name().to_string()).collect(),
            timers: shape.timers.clone(),
            metrics: shape.metrics.iter().map(|(name, _)| name.clone()).collect(),
        }
    }
}

fn state_kind(state: &Rc<StateDeclaration>) -> StateKind {
    StateKind { name: state.name.clone(), kind: state.kind, version: state.version.get(), time_to_live_ms: state.time_to_live_ms.get() }
}

/// A host for what an operator declares.
fn host_of(shape: &Shape, processing_time: i64) -> Rc<TestHost> {
    let host = TestHost::default();
    let mut inner = host.inner();
    inner.states = shape.states.iter().chain(&shape.aggregations).map(state_kind).collect();
    inner.aggregations = shape.aggregations.len();
    inner.metric_kinds = shape.metrics.iter().map(|(_, kind)| *kind).collect();
    inner.metrics.resize(shape.metrics.len(), 0);
    inner.outputs.resize(shape.outputs.len(), Vec::new());
    inner.processing_time = processing_time;
    drop(inner);
    Rc::new(host)
}

fn request(options: &Options) -> String {
    let mut text = r#"{"uid":"#.to_string();
    push_string(&mut text, "test");
    text += &std::format!(r#","subtask":{},"parallelism":{},"config":{}}}"#, options.subtask, options.parallelism, options.config);
    text
}

pub(super) fn refusal<S: Operator>(options: &Options) -> Option<String> {
    let (declaration, _) = instance::declare::<S>();
    let host = host_of(&declaration.shape, options.processing_time);
    instance::open::<S>(Host(host), request(options).as_bytes()).err().map(|failure| failure.text().to_string())
}

impl Harness {
    /// Opens an operator in one mode. Most tests call [`run`](super::run) instead.
    pub fn new<S: Operator>(mode: Mode, options: Options) -> Harness {
        let (declaration, _) = instance::declare::<S>();
        Harness::of(instance::open::<S>, mode, request(&options), &declaration.shape, options.processing_time)
    }

    fn of(open: Open, mode: Mode, request: String, shape: &Shape, processing_time: i64) -> Harness {
        let mut harness = Harness {
            open,
            request,
            mode,
            names: Names::new(shape),
            host: host_of(shape, processing_time),
            instance: None,
            watermark: WATERMARK_MIN,
            failures: Vec::new(),
            seen: std::vec![0; shape.outputs.len()],
        };
        harness.reopen();
        harness
    }

    /// Another version of the operator, on the state that this one left. States keep
    /// their meaning by their names.
    #[must_use]
    pub fn upgraded<S: Operator>(mut self) -> Harness {
        self.close();
        let (declaration, _) = instance::declare::<S>();
        let inner = self.host.inner();
        let mut next = Harness::of(instance::open::<S>, self.mode, self.request.clone(), &declaration.shape, inner.processing_time);
        next.watermark = self.watermark;
        next.failures = core::mem::take(&mut self.failures);
        let store = {
            let (states, timers) = (&next.host.inner().states, &next.names.timers);
            let same = |old: &StateKind| states.iter().position(|new| (&new.name, new.kind) == (&old.name, old.kind));
            inner.store.renumbered(
                |state| same(&inner.states[state as usize]).map(|n| n as u32),
                |timer| timers.iter().position(|new| new.0 == self.names.timers[timer as usize].0).map(|n| n as u32),
            )
        };
        next.host.inner().store = store;
        drop(inner);
        next
    }

    fn close(&mut self) {
        if let Some(mut instance) = self.instance.take() {
            instance.close();
        }
    }

    fn reopen(&mut self) {
        self.instance = None;
        match (self.open)(Host(self.host.clone()), self.request.as_bytes()) {
            Ok(instance) => self.instance = Some(instance),
            Err(failure) => panic!("the operator refuses to open: {}", failure.text()),
        }
    }

    /// Gives one batch to an input.
    pub fn send(&mut self, input: &str, rows: &[Row]) {
        let (number, aggregation) = self.input(input);
        let size = if self.mode == Mode::SingleRecords { 1 } else { rows.len().max(1) };
        for rows in rows.chunks(size) {
            match aggregation {
                Some(aggregation) => self.aggregate(aggregation, rows),
                None => self.call(rows, |instance, data| unsafe { instance.process(number, data) }),
            }
        }
    }

    fn input(&self, name: &str) -> (u32, Option<u32>) {
        let number = self.names.inputs.iter().position(|input| input.0 == name);
        let number = number.unwrap_or_else(|| panic!("the operator has no input {:?}", name));
        (number as u32, self.names.inputs[number].1)
    }

    /// Gives a batch as it is encoded to an input, in one call: for tests of the
    /// layout. A malformed one is not given.
    pub fn send_encoded(&mut self, input: &str, batch: &[u8]) -> Result<(), MalformedBatch> {
        let rows = parse(batch, 1 << 32)?.into_iter().map(|(row, _)| row).collect::<Vec<Row>>();
        let (number, _) = self.input(input);
        let failure = self.attempt(batch.to_vec(), keys(&rows), |instance, data| unsafe { instance.process(number, data) });
        assert!(failure.is_none(), "the operator failed a record");
        Ok(())
    }

    /// Moves the watermark and fires the event timers that are due.
    pub fn advance_watermark(&mut self, timestamp: i64) {
        self.advance(timestamp, i64::MIN);
    }

    /// Moves the clock and fires the timers that are due.
    pub fn advance_processing_time(&mut self, time: i64) {
        self.advance(WATERMARK_MIN, time);
    }

    /// Moves the watermark and the clock at once and fires all timers that are due.
    /// Neither goes back.
    pub fn advance(&mut self, watermark: i64, processing_time: i64) {
        self.watermark = self.watermark.max(watermark);
        {
            let mut inner = self.host.inner();
            inner.processing_time = inner.processing_time.max(processing_time);
        }
        self.fire();
    }

    /// Ends the input: all event timers fire.
    pub fn end(&mut self) {
        self.advance_watermark(WATERMARK_MAX);
    }

    /// Fires timers in their order until none is due.
    fn fire(&mut self) {
        const ROUNDS_MAX: usize = 10_000;
        for _ in 0..ROUNDS_MAX {
            let (timer, fired) = self.due();
            if fired.is_empty() {
                return;
            }
            self.call(&fired, |instance, data| unsafe { instance.timers(timer, data) });
        }
        panic!("timers are still due after {} rounds: a timer sets itself again in the past", ROUNDS_MAX);
    }

    /// Takes the timers of the declaration whose turn it is: the earliest, and those
    /// of the same declaration that are due before any other.
    fn due(&mut self) -> (u32, Vec<Row>) {
        let mut inner = self.host.inner();
        let (watermark, now, timers) = (self.watermark, inner.processing_time, &self.names.timers);
        let bound = |declaration: u32| if timers[declaration as usize].1 == "processing" { now } else { watermark };
        let mut due = inner.store.timers.iter().filter(|timer| timer.time <= bound(timer.declaration)).cloned().collect::<Vec<_>>();
        let declaration = due.first().map_or(0, |timer| timer.declaration);
        let other = due.iter().position(|timer| timer.declaration != declaration);
        due.truncate(other.unwrap_or(due.len()));
        let single = self.mode == Mode::SingleRecords;
        due.truncate(if single { 1 } else { due.len() });
        for timer in &due {
            inner.store.timers.remove(timer);
        }
        (declaration, due.into_iter().map(|timer| Row::new(timer.key, "").at(timer.time)).collect())
    }

    /// Runs a batch as a transaction. Where a record fails, all is undone and the
    /// batch runs again without it, in a new instance.
    fn call(&mut self, rows: &[Row], run: impl Fn(&mut dyn AnyInstance, *mut u8)) {
        let mut rows = rows.to_vec();
        while !rows.is_empty() {
            match self.attempt(build(&rows), keys(&rows), &run) {
                None => return,
                Some(failure) => {
                    let row = rows.remove(failure.index(rows.len()));
                    self.failed(row, &failure);
                    self.reopen();
                }
            }
        }
    }

    /// Runs records as groups by key. Where a group fails, all its records fail, and
    /// the others run again without them, in a new instance.
    fn aggregate(&mut self, aggregation: u32, rows: &[Row]) {
        let mut groups = groups::divide(rows);
        while !groups.is_empty() {
            let argument = groups::argument(&self.host.inner(), aggregation, &groups);
            let keys = groups.iter().map(|group| group[0].key.clone()).collect();
            match self.attempt(argument, keys, |instance, data| unsafe { instance.aggregate(aggregation, data) }) {
                None => return,
                Some(failure) => {
                    for row in groups.remove(failure.index(groups.len())) {
                        self.failed(row, &failure);
                    }
                    self.reopen();
                }
            }
        }
    }

    fn failed(&mut self, row: Row, failure: &HandFailure) {
        self.failures.push(Failed { row, code: failure.code, text: failure.text.clone(), panicked: failure.panicked });
    }

    /// Runs one call, of which all takes effect or nothing.
    fn attempt(
        &mut self,
        mut argument: Vec<u8>,
        keys: Vec<Option<Vec<u8>>>,
        run: impl Fn(&mut dyn AnyInstance, *mut u8),
    ) -> Option<HandFailure> {
        if self.mode == Mode::Restored {
            self.close();
            self.reopen();
        }
        self.host.inner().begin(keys);
        let now = self.host.inner().processing_time;
        let instance = self.instance.as_mut().expect("an operator is open");
        instance.control().set_times(self.watermark, now);
        // The argument is valid, and it stays where it is until the call is over.
        let outcome = catch_unwind(AssertUnwindSafe(|| run(&mut **instance, argument.as_mut_ptr())));
        let hand = instance.control().hand();
        let panicked = outcome.err().map(|reason| HandFailure::panic(hand, text_of(&*reason)));
        self.host.inner().end(panicked)
    }

    /// What an output emitted since the last time that it was looked at.
    pub fn output(&mut self, name: &str) -> Vec<Row> {
        let number = self.output_number(name);
        let inner = self.host.inner();
        let batches = &inner.outputs[number];
        let rows = batches[self.seen[number]..].iter().flat_map(|(_, rows)| rows.iter().cloned()).collect();
        self.seen[number] = batches.len();
        rows
    }

    /// All batches that an output has emitted, as they are encoded: for tests of the
    /// layout.
    pub fn encoded(&self, output: &str) -> Vec<Vec<u8>> {
        let number = self.output_number(output);
        self.host.inner().outputs[number].iter().map(|(batch, _)| batch.clone()).collect()
    }

    fn output_number(&self, name: &str) -> usize {
        let number = self.names.outputs.iter().position(|output| output == name);
        number.unwrap_or_else(|| panic!("the operator has no output {:?}", name))
    }

    /// Compares what an output emitted since the last time that it was looked at.
    #[track_caller]
    pub fn expect(&mut self, output: &str, want: &[Row]) {
        let got = self.output(output);
        for number in 0..got.len().max(want.len()) {
            match (got.get(number), want.get(number)) {
                (Some(got), Some(want)) if got == want => {}
                (got, want) => panic!("output {}, record {}:\n got {}\nwant {}", output, number, told(got), told(want)),
            }
        }
    }

    /// The records that failed since the last call. A test that leaves some unseen
    /// fails when the harness goes.
    pub fn failures(&mut self) -> Vec<Failed> {
        core::mem::take(&mut self.failures)
    }

    /// What the operator wrote to its log, each line with its level.
    pub fn log(&self) -> Vec<String> {
        self.host.inner().log.clone()
    }

    /// The value of a declared metric.
    pub fn metric(&self, name: &str) -> i64 {
        let number = self.names.metrics.iter().position(|metric| metric == name);
        self.host.inner().metrics[number.unwrap_or_else(|| panic!("the operator has no metric {:?}", name))]
    }

    /// Compares all that was emitted with what another run emitted.
    #[track_caller]
    pub(super) fn compare(&self, whole: &Harness) {
        let rows = |harness: &Harness, number: usize| -> Vec<Row> {
            harness.host.inner().outputs[number].iter().flat_map(|(_, rows)| rows.iter().cloned()).collect()
        };
        for (number, name) in self.names.outputs.iter().enumerate() {
            let (got, want) = (rows(self, number), rows(whole, number));
            assert!(got == want, "output {} differs, {:?} from whole:\n got {:?}\nwant {:?}", name, self.mode, got, want);
        }
    }
}

/// An instance ends in good order, and so does a test that looked at what failed.
impl Drop for Harness {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.close();
            assert!(self.failures.is_empty(), "the test does not look at failures, and there are: {:?}", self.failures);
        }
    }
}

fn keys(rows: &[Row]) -> Vec<Option<Vec<u8>>> {
    rows.iter().map(|row| row.key.clone()).collect()
}

fn told(row: Option<&Row>) -> String {
    row.map_or_else(|| "nothing".to_string(), |row| std::format!("{:?}", row))
}

/// The text of a panic.
fn text_of(reason: &(dyn Any + Send)) -> String {
    match (reason.downcast_ref::<&str>(), reason.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_string(),
        (_, Some(text)) => text.clone(),
        _ => "a panic without a text".to_string(),
    }
}
