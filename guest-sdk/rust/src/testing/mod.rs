//! Runs an operator natively, so that its unit tests need no more than `cargo test`.
//! State, timers, watermarks and failures behave as under the host.
//!
//! ```
//! use turgo::testing::{row, run};
//! use turgo::{Declaration, Operator, Output, Record, Value};
//!
//! struct Count { total: Value<u64>, totals: Output }
//!
//! impl Operator for Count {
//!     fn declare(d: &mut Declaration<Self>) -> Self {
//!         d.input("words", Self::word);
//!         Count { total: d.value("total"), totals: d.output("totals") }
//!     }
//! }
//!
//! impl Count {
//!     fn word(&mut self, word: &Record) {
//!         let total = self.total.get(word).unwrap_or(0) + 1;
//!         self.total.put(word, &total);
//!         self.totals.emit_text(word, word.key(), format_args!("{}", total));
//!     }
//! }
//!
//! run::<Count>(|h| {
//!     h.send("words", &[row("a", ""), row("b", "").at(5), row("a", "")]);
//!     h.expect("totals", &[row("a", "1"), row("b", "1").at(5), row("a", "2")]);
//! });
//! ```
//!
//! [`run`] plays the scenario several times: once as it is, once with the instance
//! dropped before every call, so that only what is in state lasts, and once with
//! each record in a call of its own. All must give the same.

mod batch;
mod groups;
mod harness;
mod host;
mod row;
mod store;

use std::string::{String, ToString};

use crate::operator::Operator;

pub use batch::MalformedBatch;
pub use harness::{Failed, Harness};
pub use row::{row, Row};

/// How the harness runs an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Batches as they are sent, in one instance.
    Whole,
    /// The instance is dropped before every call, and another opens with a copy of
    /// the state.
    Restored,
    /// Each record in a call of its own.
    SingleRecords,
}

/// How to open an operator.
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) config: String,
    pub(crate) processing_time: i64,
    pub(crate) subtask: u32,
    pub(crate) parallelism: u32,
}

impl Default for Options {
    fn default() -> Self {
        Options { config: "{}".to_string(), processing_time: 0, subtask: 0, parallelism: 1 }
    }
}

impl Options {
    /// The first of one subtask, without config.
    #[must_use]
    pub fn new() -> Options {
        Options::default()
    }

    /// The operator's config, as JSON.
    #[must_use]
    pub fn config(mut self, json: &str) -> Options {
        self.config = json.to_string();
        self
    }

    /// The clock at the start, in milliseconds since the epoch.
    #[must_use]
    pub fn processing_time(mut self, time: i64) -> Options {
        self.processing_time = time;
        self
    }

    /// The instance's number, from 0, among so many.
    #[must_use]
    pub fn subtask(mut self, subtask: u32, parallelism: u32) -> Options {
        self.subtask = subtask;
        self.parallelism = parallelism;
        self
    }
}

/// Plays a scenario in every mode, and compares what each output emitted in all.
pub fn run<S: Operator>(scenario: impl Fn(&mut Harness)) {
    run_with::<S>(Options::new(), scenario);
}

/// Is [`run`] with options.
pub fn run_with<S: Operator>(options: Options, scenario: impl Fn(&mut Harness)) {
    let play = |mode| {
        let mut harness = Harness::new::<S>(mode, options.clone());
        scenario(&mut harness);
        harness
    };
    let whole = play(Mode::Whole);
    for mode in [Mode::Restored, Mode::SingleRecords] {
        play(mode).compare(&whole);
    }
}

/// Opens an operator with a config, as JSON, and tells why it refuses; `None` if it
/// does not.
pub fn refusal<S: Operator>(config: &str) -> Option<String> {
    harness::refusal::<S>(&Options::new().config(config))
}
