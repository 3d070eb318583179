//! Answers an operator's calls. What breaks a rule panics, as it traps under the
//! real host.

use std::cell::{RefCell, RefMut};
use std::format;
use std::string::String;
use std::vec::Vec;

use super::batch::parse;
use super::row::Row;
use super::store::{Address, Entry, SetTimer, Store};
use crate::call::NO_HAND;
use crate::host::Calls;

/// The numbers of outputs with accumulators begin here.
const ACCUMULATORS: u32 = 1 << 31;

/// What an operator declares of a state.
#[derive(Clone)]
pub(super) struct StateKind {
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) version: u16,
    pub(super) time_to_live_ms: u64,
}

/// A failure of what was in hand at an index.
pub(super) struct HandFailure {
    pub(super) hand: u32,
    pub(super) code: u32,
    pub(super) text: String,
    pub(super) panicked: bool,
}

#[derive(Default)]
pub(super) struct Inner {
    /// The states, then those of the accumulators.
    pub(super) states: Vec<StateKind>,
    pub(super) aggregations: usize,
    pub(super) metric_kinds: Vec<&'static str>,
    pub(super) processing_time: i64,
    pub(super) store: Store,
    pub(super) metrics: Vec<i64>,
    pub(super) log: Vec<String>,
    /// The batches that each output emitted, and their rows.
    pub(super) outputs: Vec<Vec<(Vec<u8>, Vec<Row>)>>,
    /// Of the running call; none while the operator opens.
    pub(super) call: Option<Call>,
}

/// What a call has staged.
pub(super) struct Call {
    keys: Vec<Option<Vec<u8>>>,
    store: Store,
    metrics: Vec<i64>,
    log: Vec<(u32, String)>,
    emitted: Vec<(u32, Vec<u8>, Vec<Row>)>,
    failure: Option<HandFailure>,
}

#[derive(Default)]
pub(super) struct TestHost {
    pub(super) inner: RefCell<Inner>,
}

impl Inner {
    /// Begins a call for records of these keys.
    pub(super) fn begin(&mut self, keys: Vec<Option<Vec<u8>>>) {
        self.call = Some(Call {
            keys,
            store: self.store.clone(),
            metrics: self.metrics.clone(),
            log: Vec::new(),
            emitted: Vec::new(),
            failure: None,
        });
    }

    /// Ends a call: all takes effect, or nothing but the log of what failed.
    /// `panicked` tells of a panic and what was in hand.
    pub(super) fn end(&mut self, panicked: Option<HandFailure>) -> Option<HandFailure> {
        let call = self.call.take().expect("a call runs");
        if let Some(failure) = call.failure.or(panicked) {
            self.log.extend(call.log.into_iter().filter(|(hand, _)| *hand == failure.hand).map(|(_, line)| line));
            return Some(failure);
        }
        self.store = call.store;
        self.metrics = call.metrics;
        self.log.extend(call.log.into_iter().map(|(_, line)| line));
        for (output, batch, rows) in call.emitted {
            self.outputs[output as usize].push((batch, rows));
        }
        None
    }

    fn call(&mut self, name: &str) -> &mut Call {
        self.call.as_mut().unwrap_or_else(|| panic!("{}: not allowed while the operator opens or closes", name))
    }

    /// The key of what is in hand.
    fn key(&mut self, name: &str, hand: u32) -> Vec<u8> {
        match self.call(name).keys.get(hand as usize) {
            Some(Some(key)) => key.clone(),
            Some(None) => panic!("{}: the record has a null key, and keyed state needs one", name),
            None => panic!("{}: no record is in hand", name),
        }
    }

    /// The store, for a state that is of a kind.
    fn state(&mut self, name: &str, state: u32, kind: &str) -> &mut Store {
        let declared = self.states.get(state as usize).unwrap_or_else(|| panic!("{}: there is no state {}", name, state));
        assert!(kind.is_empty() || declared.kind == kind, "{}: state {} is a {}", name, declared.name, declared.kind);
        &mut self.call(name).store
    }

    fn put(&mut self, address: Address, data: &[u8]) {
        let declared = &self.states[address.state as usize];
        let expires = (declared.time_to_live_ms > 0).then(|| self.processing_time.saturating_add(declared.time_to_live_ms as i64));
        let entry = Entry { data: data.to_vec(), version: declared.version, expires };
        self.call("put").store.entries.insert(address, entry);
    }

    /// The number of the state with an aggregation's accumulators.
    pub(super) fn accumulator_state(&self, aggregation: u32) -> u32 {
        (self.states.len() - self.aggregations) as u32 + aggregation
    }

    fn accumulate(&mut self, aggregation: u32, rows: Vec<(Row, u32)>) {
        let state = self.accumulator_state(aggregation);
        for (row, origin) in rows {
            let key = self.key("emit", origin);
            let address = Address::value(state, &key);
            match row.value {
                Some(value) => self.put(address, &value),
                None => self.call("emit").store.clear(state, &key),
            }
        }
    }
}

impl TestHost {
    pub(super) fn inner(&self) -> RefMut<'_, Inner> {
        self.inner.borrow_mut()
    }

    /// Gives one entry where it fits.
    fn give(&self, name: &str, hand: u32, state: u32, kind: &str, sub: &[u8], buffer: &mut [u8]) -> i64 {
        let mut inner = self.inner();
        let (key, now) = (inner.key(name, hand), inner.processing_time);
        let address = Address { sub: sub.to_vec(), ..Address::value(state, &key) };
        match inner.state(name, state, kind).get(&address, now) {
            None => -1,
            Some(entry) => {
                if let Some(to) = buffer.get_mut(..entry.data.len()) {
                    to.copy_from_slice(&entry.data);
                }
                i64::from(entry.version) << 32 | entry.data.len() as i64
            }
        }
    }
}

impl Calls for TestHost {
    fn emit(&self, output: u32, batch: &[u8]) {
        let mut inner = self.inner();
        let count = inner.call("emit").keys.len();
        let rows = parse(batch, count as u64).unwrap_or_else(|error| panic!("emit: {}", error));
        if output >= ACCUMULATORS {
            inner.accumulate(output - ACCUMULATORS, rows);
            return;
        }
        let rows = rows.into_iter().map(|(row, _)| row).collect();
        inner.call("emit").emitted.push((output, batch.to_vec(), rows));
    }

    fn fail(&self, hand: u32, code: u32, text: &str) {
        let mut inner = self.inner();
        let call = inner.call("fail");
        assert!((hand as usize) < call.keys.len(), "fail: no record is in hand");
        if call.failure.is_none() {
            call.failure = Some(HandFailure { hand, code, text: text.into(), panicked: false });
        }
    }

    fn state_get(&self, hand: u32, state: u32, buffer: &mut [u8]) -> i64 {
        self.give("state_get", hand, state, "value", &[], buffer)
    }

    fn state_put(&self, hand: u32, state: u32, data: &[u8]) {
        let mut inner = self.inner();
        let key = inner.key("state_put", hand);
        inner.state("state_put", state, "value");
        inner.put(Address::value(state, &key), data);
    }

    fn state_clear(&self, hand: u32, state: u32) {
        let mut inner = self.inner();
        let key = inner.key("state_clear", hand);
        inner.state("state_clear", state, "").clear(state, &key);
    }

    fn list_append(&self, hand: u32, state: u32, data: &[u8]) {
        let mut inner = self.inner();
        let key = inner.key("list_append", hand);
        let store = inner.state("list_append", state, "list");
        store.cursor += 1;
        let cursor = store.cursor;
        inner.put(Address { cursor, ..Address::value(state, &key) }, data);
    }

    fn list_read(&self, hand: u32, state: u32, from: u64, buffer: &mut [u8]) -> i64 {
        let mut inner = self.inner();
        let (key, now) = (inner.key("list_read", hand), inner.processing_time);
        let store = inner.state("list_read", state, "list");
        let mut page = Page::new(buffer);
        for (address, entry) in store.of(state, &key, now).filter(|(address, _)| address.cursor > from) {
            let head =
                [&address.cursor.to_le_bytes()[..], &(entry.data.len() as u32).to_le_bytes(), &u32::from(entry.version).to_le_bytes()];
            if !page.write(&[&head.concat(), &entry.data]) {
                break;
            }
        }
        page.result()
    }

    fn map_get(&self, hand: u32, state: u32, key: &[u8], buffer: &mut [u8]) -> i64 {
        self.give("map_get", hand, state, "map", key, buffer)
    }

    fn map_put(&self, hand: u32, state: u32, key: &[u8], data: &[u8]) {
        let mut inner = self.inner();
        let address = Address { sub: key.to_vec(), ..Address::value(state, &inner.key("map_put", hand)) };
        inner.state("map_put", state, "map");
        inner.put(address, data);
    }

    fn map_delete(&self, hand: u32, state: u32, key: &[u8]) {
        let mut inner = self.inner();
        let address = Address { sub: key.to_vec(), ..Address::value(state, &inner.key("map_delete", hand)) };
        inner.state("map_delete", state, "map").entries.remove(&address);
    }

    fn map_scan(&self, hand: u32, state: u32, after: Option<&[u8]>, buffer: &mut [u8]) -> i64 {
        let mut inner = self.inner();
        let (key, now) = (inner.key("map_scan", hand), inner.processing_time);
        let store = inner.state("map_scan", state, "map");
        let mut page = Page::new(buffer);
        for (address, entry) in store.of(state, &key, now).filter(|(address, _)| after.map_or(true, |after| &*address.sub > after)) {
            let lengths = [address.sub.len() as u32, entry.data.len() as u32, u32::from(entry.version)];
            let head = lengths.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
            if !page.write(&[&head, &address.sub, &entry.data]) {
                break;
            }
        }
        page.result()
    }

    fn timer_set(&self, hand: u32, timer: u32, timestamp: i64) {
        let mut inner = self.inner();
        let key = inner.key("timer_set", hand);
        inner.call("timer_set").store.timers.insert(SetTimer { time: timestamp, declaration: timer, key });
    }

    fn timer_delete(&self, hand: u32, timer: u32, timestamp: i64) {
        let mut inner = self.inner();
        let key = inner.key("timer_delete", hand);
        inner.call("timer_delete").store.timers.remove(&SetTimer { time: timestamp, declaration: timer, key });
    }

    fn log(&self, hand: u32, level: u32, text: &str) {
        let mut inner = self.inner();
        let line = format!("{}: {}", ["debug", "info", "warn", "error"][level.min(3) as usize], text);
        match &mut inner.call {
            Some(call) => call.log.push((hand, line)),
            None => inner.log.push(line),
        }
    }

    fn metric(&self, metric: u32, value: i64) {
        let mut inner = self.inner();
        let kind = *inner.metric_kinds.get(metric as usize).unwrap_or_else(|| panic!("metric: there is no metric {}", metric));
        let staged = &mut inner.call("metric").metrics[metric as usize];
        *staged = if kind == "counter" { *staged + value } else { value };
    }
}

impl HandFailure {
    /// A panic with a text, with what was in hand.
    pub(super) fn panic(hand: u32, text: String) -> HandFailure {
        HandFailure { hand, code: 0, text, panicked: true }
    }

    /// What was in hand, of so many.
    pub(super) fn index(&self, count: usize) -> usize {
        assert!(self.hand != NO_HAND && (self.hand as usize) < count, "the operator failed with no record in hand: {}", self.text);
        self.hand as usize
    }
}

/// Fills a buffer with whole entries.
struct Page<'b> {
    buffer: &'b mut [u8],
    used: usize,
    count: i64,
    /// Of the entry that did not fit, if it was the first.
    need: usize,
}

impl<'b> Page<'b> {
    fn new(buffer: &'b mut [u8]) -> Page<'b> {
        Page { buffer, used: 0, count: 0, need: 0 }
    }

    fn write(&mut self, parts: &[&[u8]]) -> bool {
        let entry = parts.concat();
        match self.buffer.get_mut(self.used..self.used + entry.len()) {
            None => {
                if self.count == 0 {
                    self.need = entry.len();
                }
                false
            }
            Some(to) => {
                to.copy_from_slice(&entry);
                self.used += entry.len();
                self.count += 1;
                true
            }
        }
    }

    fn result(&self) -> i64 {
        if self.count == 0 {
            self.need as i64
        } else {
            self.count << 32 | self.used as i64
        }
    }
}
